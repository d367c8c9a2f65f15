"""What distinguishes a planner or engine from others of the same name, as far as can be seen.

The same name may hide different weights behind the same server, a chat model with another address
or temperature, or a class edited since.
"""

from __future__ import annotations

import marshal
import os
import urllib.request
from collections.abc import Mapping
from inspect import getattr_static, isfunction
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel

from ..motion_core.engine import MotionEngine
from ..motion_core.json_text import parse_json
from .python_file import sources_of
from .records import digest

_OURS = ("motion_agent.", "langchain", "pydantic", "builtins", "abc", "typing")
_PATIENCE = 2.0  # seconds for a server to describe its model
_MOST_BYTES = 5_000_000  # bytes of a server's answer
_DEEPEST = 6
_STABLE = ("id", "root", "owned_by", "meta")  # fields of a model in a server's list; no times

# Later formats depend on whether the code was compiled now or read from a .pyc.
_MARSHAL = 2


def identity_of(thing: object) -> str:
    """Return a digest of an object's class, that class's code and files, and its plain values."""
    return digest(_state(thing, 0))


def engine_in_words(engine: MotionEngine) -> str:
    """Return the engine's name, with a digest if the name is not enough."""
    own_fingerprint = getattr(engine, "fingerprint", None)
    if isinstance(own_fingerprint, str):
        return f"{engine.name} {own_fingerprint}"
    if not _is_ours(type(engine)):
        return f"{engine.name} {identity_of(engine)}"
    sampling = getattr(engine, "sampling", None)
    own = getattr(getattr(engine, "checkpoint", None), "config", None)
    if own is not None and sampling != own.sampling:
        return f"{engine.name} {digest(repr(sampling))}"
    return engine.name


def served_model(provider: str, planner: str) -> str:
    """Return a digest of the server's description of its model; empty if it gives none.

    Args:
        provider: ``ollama``, or ``openai`` for servers of that protocol; others have no
            description.
        planner: with the model's name after the colon.
    """
    name = planner.partition(":")[2]
    if provider == "ollama":
        host = os.environ.get("OLLAMA_HOST") or "http://127.0.0.1:11434"
        url = f"{host if '//' in host else f'http://{host}'}".rstrip("/") + "/api/tags"
        models = [m for m in _listed(url, "models") if str(m.get("name", "")).startswith(name)]
        return digest([m.get("digest") for m in models]) if models else ""
    base = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
    if provider != "openai" or not base:
        return ""
    listed = _listed(base.rstrip("/") + "/models", "data")
    mine = [m for m in listed if m.get("id") == name] or listed
    return digest([[m.get(key) for key in _STABLE] for m in mine]) if mine else ""


def _listed(url: str, key: str) -> list[dict[str, Any]]:
    secret = os.environ.get("OPENAI_API_KEY")
    headers = {"Authorization": f"Bearer {secret}"} if secret and key == "data" else {}
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=_PATIENCE) as reply:
            entries = parse_json(reply.read(_MOST_BYTES)).get(key)
    except (OSError, ValueError, AttributeError):
        return []
    return (
        [model for model in entries if isinstance(model, dict)] if isinstance(entries, list) else []
    )


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith(_OURS)


def _state(value: object, depth: int) -> Any:
    """Return the comparable state of a value: plain values, else class and parts."""
    if value is None or isinstance(value, str | int | float | bool | bytes | Path):
        return str(value) if isinstance(value, bytes | Path) else value
    if depth > _DEEPEST:
        return type(value).__qualname__
    if isinstance(value, Mapping):
        return sorted((str(key), _state(part, depth + 1)) for key, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_state(part, depth + 1) for part in value]
        return sorted(parts, key=repr) if isinstance(value, set | frozenset) else parts
    if isfunction(value):
        return [value.__qualname__, digest(marshal.dumps(value.__code__, _MARSHAL).hex())]
    kind = type(value)
    facts: list[Any] = [kind.__module__, kind.__qualname__, _code_of(kind)]
    if isinstance(value, BaseChatModel):  # its clients hold state that changes with every question
        fields = {name: getattr(value, name, None) for name in type(value).model_fields}
        return [*facts, _plain({**fields, "": dict(value._identifying_params)}, depth)]
    return [*facts, _state(getattr(value, "__dict__", {}), depth + 1)]


def _plain(value: object, depth: int) -> Any:
    """Return the plain values inside a value; only the class of all others."""
    if isinstance(value, Mapping) and depth <= _DEEPEST:
        return sorted((str(key), _plain(part, depth + 1)) for key, part in value.items())
    if isinstance(value, list | tuple) and depth <= _DEEPEST:
        return [_plain(part, depth + 1) for part in value]
    is_plain = value is None or isinstance(value, str | int | float | bool)
    return value if is_plain else type(value).__qualname__


def _code_of(kind: type) -> list[str]:
    """Return digests of the functions of a class and its bases, and of their files."""
    digests: list[str] = []
    files: set[str] = set()
    for base in kind.__mro__:
        if _is_ours(base):
            continue
        for name in sorted(vars(base)):
            part = getattr_static(base, name)
            part = getattr(part, "__func__", None) or getattr(part, "fget", None) or part
            if isfunction(part):
                digests.append(digest(name, marshal.dumps(part.__code__, _MARSHAL).hex()))
                files.add(part.__code__.co_filename)
    texts = [sources_of(Path(file)) for file in sorted(files) if Path(file).is_file()]
    return [*digests, *(digest(text) for text in texts)]
