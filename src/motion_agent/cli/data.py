"""``motion-agent data``: motion capture to a prepared data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..motion_core.choices import PREPARED, Source
from .console import say, stages
from .help import HelpfulCommand, HelpfulGroup
from .motions import check_there

app = typer.Typer(
    cls=HelpfulGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Prepare motion capture for training.",
)


@app.command(cls=HelpfulCommand)
def prepare(
    source: Annotated[Source, typer.Argument(metavar="SOURCE", help="A known source, or custom.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Its folder or .tar archive.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The prepared data set.")] = PREPARED,
    captions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Caption source; repeatable. By default, those with commercial licences.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Reader processes.")] = 2,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at an unreadable file.")] = False,
) -> None:
    """Add motion capture to a prepared data set.

    Recordings are mirrored, cut into captioned clips, and split for training, validation and
    testing. A source already in the data set is replaced, others stay. "custom" is your own: motion
    files and one CSV with the columns file, action, style, caption, actor, start, end.
    """
    check_there(path)
    from ..motion_core.datasets.licences import FREE_CAPTIONS
    from ..motion_core.datasets.prepare import prepare as build

    build({source: path}, out, captions=captions or FREE_CAPTIONS, workers=workers, strict=strict)


@app.command("import", cls=HelpfulCommand)
def import_published(
    path: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="HumanML3D or KIT-ML, as published.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The prepared data set.")] = Path(
        "data/humanml3d"
    ),
) -> None:
    """Prepare a HumanML3D or KIT-ML folder as published by its authors.

    Features, captions of parts and splits are theirs; missing and broken files are named.
    """
    check_there(path)
    from ..motion_core.published_data import PublishedDataset, left_out_lines
    from ..motion_core.published_preparation import prepare_published

    with stages() as progress:
        found = prepare_published(PublishedDataset(path), out, progress=progress)
    say(f"{out}: {found.clips} clips of {found.recordings} motions")
    for line in left_out_lines(found.left_out):
        say(line)


@app.command(cls=HelpfulCommand)
def show(
    data: Annotated[Path, typer.Argument(metavar="FOLDER", help="Prepared data set.")] = PREPARED,
) -> None:
    """Show a prepared data set: clips, actions, styles, minutes."""
    check_there(data)
    from ..motion_core.datasets import PreparedDataset
    from ..motion_core.datasets.prepare import Report
    from ..motion_core.datasets.progress import print_summary

    print_summary(Report(PreparedDataset.load(data)))
