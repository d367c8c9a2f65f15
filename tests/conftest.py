"""What every test shares: sample data where there is any, no network, one thread."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from motion_agent.motion_core.studio import Studio

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: same sums on every machine
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["LANGSMITH_TRACING"] = "false"
for key in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_HOST"):
    os.environ.pop(key, None)

# A script that runs the tests in its background has Ctrl-C ignored, in every process below it too,
# and nohup the end of the terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# How long an example takes says more of the machine than of the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout these tests are in."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with published motion capture and reference values, beside the checkout."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the motion capture in {folder}, which this machine does not have")
    return folder


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """An engine that answers at once, with motions and files on disk."""
    from motion_agent.motion_core.fake import FakeEngine
    from motion_agent.motion_core.store import MotionStore
    from motion_agent.motion_core.studio import Studio

    return Studio(FakeEngine(), MotionStore(tmp_path / "motions"), tmp_path / "files")


class NetworkUsed(RuntimeError):
    """A test tried to leave the machine."""


def _refuse_beyond_loopback(address: Any) -> None:
    host = address[0] if isinstance(address, tuple) else None
    if host is None or host in ("", "localhost"):  # Unix sockets, any local interface
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass  # a name that is not localhost
    raise NetworkUsed(f"a test tried to reach {address!r}; tests use loopback only")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Connections beyond loopback raise; a forgotten mock fails instead of calling out."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_beyond_loopback(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_beyond_loopback(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(host, bytes):
            host = host.decode()
        _refuse_beyond_loopback((host or "localhost",))
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield
