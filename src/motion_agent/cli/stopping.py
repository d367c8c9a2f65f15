"""Ctrl-C while motion is generated.

LangGraph runs the work in its own thread, which Ctrl-C does not reach, and waits for it to end. So
Ctrl-C also sets a cancel token, which the engine checks between motion tokens.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..motion_core.engine import CancelToken


@contextmanager
def stoppable() -> Iterator[CancelToken]:
    """Yield a token that Ctrl-C and SIGTERM set within the block (main thread only)."""
    from ..motion_core.engine import CancelToken

    cancel = CancelToken()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and callable(handler := signal.getsignal(number)):
            before[number] = handler

    def stop(number: int, frame: FrameType | None) -> None:
        cancel.cancel()
        before[number](number, frame)

    for number in before:
        signal.signal(number, stop)
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
