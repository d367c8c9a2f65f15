"""A source's files from a folder or a tar archive, which is treated as untrusted input."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import InputError, UnavailableError

_SUFFIXES = (".bvh", ".amc", ".asf", ".npy", ".npz", ".csv", ".json", ".glb", ".txt")
MAX_BYTES = 50_000_000_000  # unpacked; HDM05 and CMU in full are far smaller


@contextmanager
def opened(path: Path, *, max_bytes: int = MAX_BYTES) -> Iterator[Path]:
    """Yield the folder itself, or a temporary one with the archive's motion files and tables.

    Links, devices, members with ``..`` or absolute names, and other kinds of files are not
    unpacked.

    Raises:
        InputError: there is no such path, it is not a tar archive, a member is outside, or there is
            too much data.
        UnavailableError: there is no room to unpack it.
    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise InputError(f"no file or folder {path}")
    with tempfile.TemporaryDirectory(prefix="motion-agent-") as name:
        try:
            _unpack(path, Path(name), max_bytes)
        except (tarfile.TarError, EOFError, ValueError) as err:
            if isinstance(err, InputError):
                raise
            raise InputError(f"{path} is not a readable tar archive: {err}") from err
        except OSError as err:
            raise UnavailableError(f"cannot unpack {path} to {name}: {err}") from err
        yield Path(name)


def _unpack(path: Path, folder: Path, max_bytes: int) -> None:
    total = 0
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise InputError(f"{path} has the member {member.name!r} outside of it; refused")
            if not member.isfile() or name.suffix.lower() not in _SUFFIXES:
                continue
            total += member.size
            if total > max_bytes:
                raise InputError(f"{path} unpacks to more than {max_bytes / 1e9:.0f} GB; refused")
            content = archive.extractfile(member)
            if content is None:
                continue
            target = folder.joinpath(*name.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)
