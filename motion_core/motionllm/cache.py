"""The folder of downloads and converted weights, and how it is kept small.

    <cache>/backbones/   language models as they were downloaded and converted
    <cache>/merged/      checkpoints merged into them

A new folder of weights pushes out those that were used longest ago. Other processes may be at
work meanwhile: a process marks a folder before reading it, folders marked within the last hour
stay, and a folder is renamed before it is deleted, so it is never half there. Mapped weights of a
removed folder stay readable; on Windows a folder with open files cannot be renamed, and stays.

A folder that `keep_folder` wrote holds digests.json, with the CRC-32 of each other
file: damage shows, and checking is as fast as reading memory.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import uuid
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..json_text import parse_json

NEWEST = 4  # folders that stay, the new one among them
MOST_BYTES = 4_000_000_000  # in all folders; the new one stays even if it has more
SPARED = 3600.0  # seconds for which a marked folder stays
_ABANDONED = 24 * 3600.0  # seconds after which nobody writes into a temporary folder any more
_TEMPORARY = (".new-", ".old-")
_DIGESTS = "digests.json"


def cache_folder() -> Path:
    """Return the folder of downloads: $MOTION_AGENT_CACHE, or the user's cache folder."""
    folder = os.environ.get("MOTION_AGENT_CACHE")
    if folder:
        return Path(folder).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("motion-agent")


def mark_used(folder: Path) -> None:
    """Mark a folder of weights as used now."""
    with suppress(OSError):  # there is none yet, or it is somebody else's
        os.utime(folder)


def keep_folder(folder: Path, write: Callable[[Path], object]) -> None:
    """Replace `folder` by a new one that `write` fills, and remove others if there are too many.

    Raises:
        OSError: another process was faster, or nothing can be written there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
        fresh = Path(temporary) / "kept"
        fresh.mkdir()
        write(fresh)
        digests = {path.name: _digest(path) for path in fresh.iterdir()}
        (fresh / _DIGESTS).write_text(json.dumps(digests, indent=1), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)  # damaged, or it would have been taken
        os.replace(fresh, folder)
    remove_unused(folder)


def is_whole(folder: Path) -> bool:
    """Return whether a kept folder is there and undamaged, and mark it as used."""
    mark_used(folder)
    try:
        digests = parse_json((folder / _DIGESTS).read_text(encoding="utf-8"))
        return bool(digests) and all(
            _digest(folder / Path(name).name) == digest for name, digest in digests.items()
        )
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def remove_unused(folder: Path) -> None:
    """Remove the least recently used folders beside the new `folder`, and abandoned ones."""
    now = time.time()
    others = []
    with suppress(OSError):
        others = [path for path in folder.parent.iterdir() if path != folder]
    kept: list[tuple[float, Path]] = []
    for path in others:
        with suppress(OSError):
            if path.is_symlink() or not path.is_dir():
                continue
            used = path.stat().st_mtime
            if not path.name.startswith(_TEMPORARY):
                kept.append((used, path))
            elif now - used > _ABANDONED:
                shutil.rmtree(path, ignore_errors=True)
    size = _bytes(folder)
    for place, (used, path) in enumerate(sorted(kept, reverse=True), start=2):
        size += _bytes(path)
        if (place > NEWEST or size > MOST_BYTES) and now - used > SPARED:
            size -= _remove(path)


def _remove(folder: Path) -> int:
    """Remove a folder; returns its bytes, 0 if it cannot be removed."""
    size, gone = _bytes(folder), folder.with_name(f".old-{uuid.uuid4().hex}")
    try:
        os.replace(folder, gone)
    except OSError:
        return 0
    shutil.rmtree(gone, ignore_errors=True)
    return size


def _digest(path: Path) -> str:
    digest = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest = zlib.crc32(block, digest)
    return f"{digest:08x}"


def _bytes(folder: Path) -> int:
    size = 0
    with suppress(OSError):
        for path in folder.rglob("*"):
            size += path.stat().st_size
    return size
