"""Files of `torch.save` from elsewhere: tensors are read, and no code in them is run."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from .errors import FormatError, InputError

_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_ZIP = b"PK\x03\x04"
_DAMAGED = (
    *(RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError),  # torch
    *(zipfile.BadZipFile, NotImplementedError, RecursionError, AssertionError),
)


def read_torch_file(path: Path | str, *, without_classes: bool = False) -> dict[str, Any]:
    """Load the dictionary written by `torch.save`, its tensors on the CPU.

    It is read with ``weights_only``, so a file from a stranger cannot run anything.

    Args:
        path: the file.
        without_classes: replace objects of unknown classes, such as the settings in a Lightning
            checkpoint, with empty ones; otherwise such a file is refused.

    Raises:
        InputError: there is no such file, or it cannot be read.
        FormatError: it is truncated, not a PyTorch file, has objects of unknown classes, or is not
            a dictionary.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}; give the path of a PyTorch checkpoint")
    try:
        with path.open("rb") as file:
            begins_as_zip = file.read(4) == _ZIP
        whole = zipfile.is_zipfile(path)
        if begins_as_zip and not whole:
            raise FormatError(f"{path} is cut off; download it again")
        if whole:
            _check_members(path)
        unknown = torch.serialization.get_unsafe_globals_in_checkpoint(path) if whole else []
        if unknown and not without_classes:
            raise FormatError(_foreign(path, unknown[0]))
        stand_ins: Any = [(_stand_in(name), name) for name in unknown]
        with torch.serialization.safe_globals(stand_ins):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=whole)
    except FormatError:
        raise
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror or err}") from err
    except pickle.UnpicklingError as err:
        match = _GLOBAL.search(str(err))
        if match and "unsupported" in str(err).lower():
            raise FormatError(_foreign(path, match[1])) from err
        raise FormatError(f"{path} is no file of PyTorch, or damaged; download it again") from err
    except _DAMAGED as err:
        reason = str(err).strip().splitlines()
        raise FormatError(
            f"{path} is damaged ({reason[0][:100] if reason else type(err).__name__}); "
            "download it again"
        ) from err
    if not isinstance(content, dict):
        raise FormatError(f"{path} holds a {type(content).__name__}, not a dictionary of tensors")
    return content


def _check_members(path: Path) -> None:
    """Refuse packed members, with which a small file may take gigabytes.

    Raises:
        FormatError: there is one.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise FormatError(f"{path} is packed, which `torch.save` does not do; refused")


def _foreign(path: Path, name: str) -> str:
    return (
        f"{path} holds objects of the class {name}, not tensors alone; reading them would run "
        "code of the file, so it is refused: save the state dict alone"
    )


def _stand_in(name: str) -> type:
    """Return a class whose objects accept any arguments and do nothing."""

    def take(self: object, *values: object, **named: object) -> None: ...

    def new(cls: type, *values: object, **named: object) -> object:
        return object.__new__(cls)

    taking = ("__init__", "__setstate__", "__setitem__", "append", "extend")
    methods: dict[str, Any] = {"__new__": new, **dict.fromkeys(taking, take)}
    return type(name.rpartition(".")[2], (), methods)
