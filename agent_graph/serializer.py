"""A serializer for conversations that never imports or calls anything.

A conversation database is a file that an attacker may have prepared. LangGraph's own serializer
imports and calls whatever such a file names unless configured otherwise; ours builds only LangChain
messages and plain values, and refuses anything else.
"""

from __future__ import annotations

from typing import Any

import ormsgpack
from langchain_core import messages
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from ..motion_core.errors import IntegrityError

_MESSAGES = (
    *(messages.HumanMessage, messages.AIMessage, messages.SystemMessage, messages.ToolMessage),
    *(messages.RemoveMessage, messages.HumanMessageChunk, messages.AIMessageChunk),
)
_ALLOWED = {(kind.__module__, kind.__name__) for kind in _MESSAGES}
_FORMATS = ("null", "bytes", "bytearray", "msgpack")  # formats that `dumps_typed` writes
_OPTIONS = ormsgpack.OPT_NON_STR_KEYS


class ConversationSerializer(JsonPlusSerializer):
    """LangGraph's serializer, for messages and JSON values only."""

    def __init__(self) -> None:
        self._strict = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)
        super().__init__(
            pickle_fallback=False,
            allowed_msgpack_modules=_MESSAGES,
            __unpack_ext_hook__=self._object,
        )

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return a value written by `dumps_typed`.

        Raises:
            IntegrityError: it was written by something else, or names another kind of object.
        """
        if data[0] not in _FORMATS:
            raise IntegrityError(
                f"a conversation contains data in the format {str(data[0])[:20]!r}, which"
                " motion-agent never writes; the file is foreign or damaged"
            )
        try:
            return super().loads_typed(data)
        except ValueError as err:  # ormsgpack's error, also when `_object` refuses
            raise IntegrityError(
                f"a conversation contains data that motion-agent never writes ({str(err)[:80]});"
                " the file is foreign or damaged"
            ) from err

    def _object(self, code: int, data: bytes) -> Any:
        name = ormsgpack.unpackb(data, ext_hook=lambda *_: None, option=_OPTIONS)
        if not isinstance(name, list) or tuple(name[:2]) not in _ALLOWED:
            raise ValueError(f"object {str(name)[:60]} is not allowed")
        return self._strict._unpack_ext_hook(code, data)
