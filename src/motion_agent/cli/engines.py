"""Options for the motion model, and its loading."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from ..motion_core.limits import DEFAULT_ENGINE, ENTRY_POINT_GROUP
from .console import detail, working

if TYPE_CHECKING:
    from ..motion_core.engine import MotionEngine

DEVICE = "MOTION_AGENT_DEVICE"
LOADING = "loading the motion model (the first time, its language model is downloaded)"


def engine_names() -> list[str]:
    """Return the installed motion engines."""
    from importlib.metadata import entry_points

    return sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)})


def complete_engine(incomplete: str) -> list[str]:
    """Return the engines whose names begin with the given text."""
    return [name for name in engine_names() if name.startswith(incomplete)]


EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        envvar="MOTION_AGENT_ENGINE",
        help="Motion engine: a name, name:ARGUMENT such as openai-compatible:URL, a checkpoint's"
        " folder, or file.py:object.",
        metavar="NAME",
        autocompletion=complete_engine,
        rich_help_panel="Models",
    ),
]
CheckpointFolder = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        metavar="FOLDER",
        help="MotionLLM checkpoint instead of the default one.",
        rich_help_panel="Models",
    ),
]


def _compute_on(device: str | None) -> str | None:
    """Set the device for every engine that this process loads."""
    if device:
        os.environ[DEVICE] = device
    return device


DeviceName = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Device for MotionLLM, such as cpu or cuda; by default a GPU, if any.",
        callback=_compute_on,
        rich_help_panel="Models",
    ),
]


def load_chosen_engine(
    name: str | None, checkpoint: Path | None, *, warm: bool = True
) -> MotionEngine:
    """Return the engine chosen by ``--engine`` or ``--checkpoint``, or the default, ready to
    use; if not `warm`, its weights are loaded at the first call.
    """
    from ..motion_core.engines import load_engine

    with working(LOADING), without_garbage_search():
        engine = load_engine(engine_name(name, checkpoint))
        if warm:
            warm_up(engine)
    detail(f"engine: {engine.name}")
    return engine


def warm_up(engine: MotionEngine) -> None:
    """Make an engine load or download its weights now rather than at its first call."""
    load = getattr(engine, "warm_up", None)
    if load is not None:
        load()


@contextmanager
def warming_up(engine: MotionEngine) -> Iterator[None]:
    """Run `warm_up` in a thread during the block; then wait for it and raise its error, if any."""
    errors: list[BaseException] = []

    def load() -> None:
        try:
            warm_up(engine)
        except BaseException as err:  # raised below, in the thread that waits
            errors.append(err)

    # A daemon: Ctrl-C need not wait for a download.
    thread = Thread(target=copy_context().run, args=(load,), daemon=True)
    thread.start()
    yield
    thread.join()
    if errors:
        raise errors[0]


@contextmanager
def without_garbage_search() -> Iterator[None]:
    """Pause garbage collection while the block loads objects, nearly all of which stay alive."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # together: move everything to the oldest generation
        gc.enable()


def engine_name(name: str | None, checkpoint: Path | None) -> str:
    """Return the argument of `load_engine` for ``--engine`` and ``--checkpoint``.

    Raises:
        InputError: both are given, or the engine or folder does not exist.
    """
    from ..motion_core.errors import InputError
    from .exits import did_you_mean
    from .motions import check_there

    if checkpoint is None:
        known = engine_names()
        if (
            name
            and known
            and name not in known
            and not set("/.:") & set(name)
            and not Path(name).is_dir()
        ):
            hint = did_you_mean(name, known)
            raise InputError(f"no motion engine named {name!r}; there are {', '.join(known)}{hint}")
        return name or DEFAULT_ENGINE
    if name is not None:
        raise InputError("--engine and --checkpoint exclude each other; give one")
    check_there(checkpoint)
    return checkpoint.resolve().as_posix()
