"""Options and helpers of the commands that train or measure on a prepared data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..motion_core.datasets import PreparedDataset

Data = Annotated[Path, typer.Option(metavar="FOLDER", help="Prepared data set.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads; 0 for all cores.")]


def load_dataset(folder: Path, threads: int = 0) -> PreparedDataset:
    """Return the prepared data set in `folder` and set torch's number of threads."""
    if threads:
        import torch

        torch.set_num_threads(threads)
    from ..motion_core.datasets import PreparedDataset

    return PreparedDataset.load(folder)


def settings_of(**values: Any) -> dict[str, Any]:
    """Return the values that are not None, so that the recipe's defaults apply."""
    return {name: value for name, value in values.items() if value is not None}
