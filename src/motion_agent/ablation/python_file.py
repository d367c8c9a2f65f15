"""Planners and engines of your own, named ``file.py:object``."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import Any

from ..motion_core.errors import ConfigurationError

_PREFIX = "motion_agent_file_"


def is_python_file(name: str) -> bool:
    """Return whether the name is of the form ``file.py:object``."""
    return name.rpartition(":")[0].endswith(".py")


def source_of(name: str) -> str | None:
    """Return the text of the file in ``file.py:object``; None for other names.

    Raises:
        ConfigurationError: it cannot be read.
    """
    if not is_python_file(name):
        return None
    path = Path(name.rpartition(":")[0])
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as err:
        reason = getattr(err, "strerror", None) or "not UTF-8"
        raise ConfigurationError(f"{name}: {path} cannot be read: {reason}") from err


def sources_of(path: Path) -> dict[str, str]:
    """Return the text of a Python file and of its imports from the same folder, by name.

    Files that cannot be read or parsed are skipped.
    """
    texts: dict[str, str] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file.name in texts:
            continue
        try:
            texts[file.name] = file.read_text(encoding="utf-8")
            tree = ast.parse(texts[file.name])
        except (OSError, UnicodeError, ValueError, SyntaxError):
            continue
        names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        names += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        beside = [file.parent / f"{name.partition('.')[0]}.py" for name in names if name]
        waiting += [other for other in beside if other.is_file()]
    return texts


def object_of(name: str) -> Any:
    """Return the object in ``file.py:object``, called if it is a class or function; None for other
    names.

    Raises:
        ConfigurationError: the file cannot be read or run, or has no such object.
    """
    if source_of(name) is None:
        return None
    path, _, attribute = name.rpartition(":")
    module_name = _PREFIX + Path(path).stem
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and pydantic look up their module
    try:
        spec.loader.exec_module(module)
        value = getattr(module, attribute, None)
        if value is None:
            there = ", ".join(key for key in vars(module) if not key.startswith("_"))
            raise ConfigurationError(f"{name}: no {attribute!r} in {path}; it has: {there}")
        return value() if isinstance(value, type) or _is_function(value) else value
    except ConfigurationError:
        raise
    except Exception as err:  # the file may raise anything
        raise ConfigurationError(f"{name}: {type(err).__name__}: {err}") from err


def _is_function(value: Any) -> bool:
    return callable(value) and hasattr(value, "__code__")
