"""Users of one host: names chosen by strangers, and each user's running calls.

A user's name is never a path or part of one: their motions are under a hash of it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from .engine import CancelToken
from .errors import ConfigurationError, InputError
from .limits import Limits

USERS = ".users"
"""Name of the subfolder that holds one folder per user."""

_LONGEST = 1000  # characters of a name
_HOUR = 3600.0


def user_key(user: str) -> str:
    """Return the key of a user's motions: ``u-`` and 32 hex digits.

    Raises:
        ConfigurationError: the name is not a string, empty or too long.
    """
    if not isinstance(user, str) or not user.strip() or len(user) > _LONGEST:
        raise ConfigurationError(
            f"{str(user)[:40]!r} names no user; give a text of 1 to {_LONGEST} characters, such as"
            " the id of their account"
        )
    return f"u-{hashlib.sha256(user.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class Usage:
    """A user's running calls and segments generated within the hour. Thread-safe.

    Args:
        limits: of the host.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._calls = 0
        self._generated: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def call(self, cancel: CancelToken | None = None) -> Iterator[CancelToken]:
        """Count a call while it lasts; yield the token that stops it, at the latest at its time
        limit.

        Raises:
            InputError: the user has too many running calls.
        """
        limits = self.limits
        with self._lock:
            if limits.calls is not None and self._calls >= limits.calls:
                raise InputError(
                    f"{self._calls} calls are under way already, which is the limit; wait for one"
                    " to end, then try again"
                )
            self._calls += 1
        try:
            yield CancelToken(seconds=limits.call_seconds, parent=cancel)
        finally:
            with self._lock:
                self._calls -= 1

    def check_motion(self, steps: int, seconds: float) -> None:
        """Check that a motion is within the size limit.

        Raises:
            InputError: it has too many segments or is too long.
        """
        limits = self.limits
        if limits.steps is not None and steps > limits.steps:
            raise InputError(
                f"the motion would have {steps} segments, the limit is {limits.steps};"
                " make several motions"
            )
        if limits.seconds is not None and seconds > limits.seconds:
            raise InputError(
                f"the motion would last {seconds:g} s, the limit is {limits.seconds:g};"
                " make it shorter, or several motions"
            )

    def check_files(self, size: int) -> None:
        """Check that files of this many bytes leave room for another.

        Raises:
            InputError: they have reached the limit.
        """
        most = self.limits.file_bytes
        if most is not None and size >= most:
            raise InputError(
                f"the workspace has {size / 1e6:.1f} MB of files, the limit is {most / 1e6:g} MB;"
                " nothing more can be written there"
            )

    def charge(self, steps: int) -> None:
        """Count segments about to be generated.

        Raises:
            InputError: the user would exceed the hourly limit; none are counted then.
        """
        most = self.limits.hourly_steps
        if most is None:
            return
        with self._lock:
            now = time.monotonic()
            while self._generated and self._generated[0][0] <= now - _HOUR:
                self._generated.popleft()
            used = sum(count for _, count in self._generated)
            if used + steps > most:
                raise InputError(
                    f"{used} segments were generated within the hour, and {steps} more would pass"
                    f" the limit of {most}; try again later"
                )
            self._generated.append((now, steps))
