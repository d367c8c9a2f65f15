"""``motion-agent data``: motion capture to a prepared data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Prepare motion capture for training.",
)

PREPARED = Path("data/prepared")
"""As `motion_core.datasets.DEFAULT_FOLDER`, which takes NumPy to import."""


Source = Literal["bandai-namco", "hdm05", "cmu", "custom"]
"""As `motion_core.datasets.sources.SOURCES`."""


@app.command()
def prepare(
    source: Annotated[Source, typer.Argument(help="Whose motion capture it is.")],
    path: Annotated[Path, typer.Argument(help="Its folder or .tar archive.")],
    out: Annotated[Path, typer.Option(help="Folder of the prepared data set.")] = PREPARED,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read files.")] = 2,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at an unreadable file.")] = False,
) -> None:
    """Add a source to a prepared data set: features, captions, mirrored copies and a split.

    A source that the data set already holds is replaced, others stay. "custom" is your own:
    motion files and one CSV with the columns file, action, style, caption, actor.
    """
    from ..motion_core.datasets.prepare import prepare as build

    build({source: path}, out, workers=workers, strict=strict)


@app.command()
def show(
    data: Annotated[Path, typer.Argument(help="Prepared data set.")] = PREPARED,
) -> None:
    """What a prepared data set holds: clips, actions, styles, minutes."""
    from ..motion_core.datasets import PreparedDataset
    from ..motion_core.datasets.prepare import Report
    from ..motion_core.datasets.progress import print_summary

    print_summary(Report(PreparedDataset.load(data)))
