"""Ctrl-C while motion is generated.

LangGraph runs the work in a thread of its own, where Ctrl-C does not reach, and waits for its end.
So Ctrl-C also sets a cancel token, which the engine checks between two motion tokens.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..motion_core.engine import CancelToken


@contextmanager
def stoppable() -> Iterator[CancelToken]:
    """Yield a token that Ctrl-C sets within (in the main thread only)."""
    from ..motion_core.engine import CancelToken

    cancel = CancelToken()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield cancel
        return

    def stop(number: int, frame: FrameType | None) -> None:
        cancel.cancel()
        before(number, frame)

    signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)
