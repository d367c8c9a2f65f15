"""`LangGraphShelf`: a motion store in any LangGraph `BaseStore`, such as the host's Postgres.

Each user has two namespaces, one for the list of motions and one for their bytes in base64, so that
listing does not read them all. Values are JSON.
"""

from __future__ import annotations

import base64
import binascii
import time

from langgraph.store.base import BaseStore

from ..motion_core.errors import FormatError
from ..motion_core.users import user_key

NAMESPACE = ("motion_agent", "motions")
_PAGE = 100  # items requested at a time


class LangGraphShelf:
    """Motions in a LangGraph store.

    Args:
        store: any; one that only supports asyncio must be called from threads, as the tools do.
        namespace: prefix of the motions' keys.
    """

    def __init__(self, store: BaseStore, namespace: tuple[str, ...] = NAMESPACE) -> None:
        self.store = store
        self.namespace = namespace

    def read(self, motion_id: str) -> bytes | None:
        item = self.store.get((*self.namespace, "data"), motion_id)
        if item is None:
            return None
        try:
            return base64.b64decode(item.value["npz"], validate=True)
        except (KeyError, TypeError, binascii.Error) as err:
            raise FormatError(f"{motion_id} is damaged in the LangGraph store") from err

    def write(self, motion_id: str, data: bytes) -> None:
        packed = {"npz": base64.b64encode(data).decode("ascii")}
        self.store.put((*self.namespace, "data"), motion_id, packed, index=False)
        self.store.put((*self.namespace, "ids"), motion_id, {"came": time.time()}, index=False)

    def remove(self, motion_id: str) -> None:
        self.store.delete((*self.namespace, "ids"), motion_id)
        self.store.delete((*self.namespace, "data"), motion_id)

    def __contains__(self, motion_id: object) -> bool:
        return self.store.get((*self.namespace, "ids"), str(motion_id)) is not None

    def ids(self) -> tuple[str, ...]:
        arrivals: list[tuple[str, float]] = []
        while True:
            page = self.store.search((*self.namespace, "ids"), limit=_PAGE, offset=len(arrivals))
            arrivals += [(item.key, float(item.value.get("came", 0.0))) for item in page]
            if len(page) < _PAGE:
                return tuple(name for name, _ in sorted(arrivals, key=lambda entry: entry[1]))

    def came(self, motion_id: str) -> float:
        item = self.store.get((*self.namespace, "ids"), motion_id)
        return 0.0 if item is None else float(item.value.get("came", 0.0))

    def latest(self, number: int) -> tuple[str, ...]:
        return self.ids()[-number:]

    def of(self, user: str) -> LangGraphShelf:
        return LangGraphShelf(self.store, (*self.namespace, user_key(user)))
