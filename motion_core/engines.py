"""The registry: engines by name, by folder and by file.

motionllm                     an installed engine, found by its entry point
retrieval:data/prepared       the same with an argument
llama.cpp                     MotionLLM in llama.cpp, which it starts itself
openai-compatible:URL         MotionLLM on a server: llama.cpp, vLLM, Ollama
checkpoints/mine              the folder of a MotionLLM checkpoint
my_engine.py:make_engine      an engine, or a function that returns one, in a Python file
"""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from .engine import MotionEngine
from .errors import ConfigurationError
from .limits import DEFAULT_ENGINE, ENTRY_POINT_GROUP
from .stages import IMPORTS, stage

_PYTHON_FILE = re.compile(r"(?P<path>.+\.py):(?P<name>[A-Za-z_]\w*)")


def engine_names() -> tuple[str, ...]:
    """Return the names of the installed engines."""
    return tuple(sorted(_entry_points()))


def load_engine(name: str = DEFAULT_ENGINE) -> MotionEngine:
    """Load the engine of that name; see the head of this file for what a name can be.

    Raises:
        ConfigurationError: no such engine, or it is not a `MotionEngine`; the message lists the
            installed ones.
    """
    installed = _entry_points()
    if name in installed:
        return _checked(_imported(installed[name])(), name)
    known, colon, argument = name.partition(":")
    if colon and known in installed:
        return _checked(_imported(installed[known])(argument), name)
    if match := _PYTHON_FILE.fullmatch(name):
        return _from_file(Path(match["path"]), match["name"])
    if "/" in name or name.startswith(".") or Path(name).is_dir():
        from .motionllm import load_motionllm

        return load_motionllm(name)
    if name == DEFAULT_ENGINE:  # from a checkout there may be no entry points
        from .motionllm import load_motionllm

        return load_motionllm()
    raise ConfigurationError(
        f"unknown motion engine {name!r}; give one of {', '.join(sorted(installed)) or 'none'}, the"
        " folder of a checkpoint, or file.py:object"
    )


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _imported(point: EntryPoint) -> Any:
    with stage(IMPORTS):
        return point.load()


def _from_file(path: Path, name: str) -> MotionEngine:
    if not path.is_file():
        raise ConfigurationError(f"no such file: {path}; an engine is named file.py:object")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # a path that ends in .py has both
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as err:
        raise ConfigurationError(f"{path} cannot be run: {type(err).__name__}: {err}") from err
    if not hasattr(module, name):
        raise ConfigurationError(f"{path} has no {name!r}; name an engine or a function in it")
    return _checked(getattr(module, name), f"{path}:{name}")


def _checked(engine: Any, name: str) -> MotionEngine:
    """Return the engine, made if it is a class or a function."""
    if isinstance(engine, type) or not isinstance(engine, MotionEngine):
        engine = engine() if callable(engine) else engine
    if not isinstance(engine, MotionEngine):
        raise ConfigurationError(
            f"{name} is a {type(engine).__name__}, not a motion engine: it needs a name and"
            " generate(requests)"
        )
    return engine
