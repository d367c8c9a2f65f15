"""Executes the notebooks from top to bottom and keeps their outputs light.

    python notebooks/execute.py                  all of them, written back with their outputs
    python notebooks/execute.py --check          all of them, nothing written: do they run?
    python notebooks/execute.py 01*.ipynb        these

A motion's output is the interactive player and a film strip. In the repository only the film strip
is kept: GitHub shows no scripts, and would show nothing at all if they were there. So does
``--strip``, which executes nothing: for a notebook that was run by hand, before it is committed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parent
LONGEST_CELL = 600  # seconds


def main() -> int:
    """Execute, and tell how long each took; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of them if left out")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--strip", action="store_true", help="only make the outputs light")
    options = parser.parse_args()
    # A key would send words to a server, and outputs would not be the same for everybody.
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        os.environ.pop(name, None)
    # Hugging Face's own bars say so wherever ipywidgets are not installed; ours need none.
    os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"
    failed = False
    for path in options.notebooks or sorted(FOLDER.glob("*.ipynb")):
        begin = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        if not options.strip:
            try:
                _execute(notebook)
            except CellExecutionError as error:
                print(f"{path.name}: {error.ename}: {error.evalue}", file=sys.stderr, flush=True)
                failed = True
                continue
        if not options.check:
            make_light(notebook)
            nbformat.write(notebook, path)
        size = path.stat().st_size / 1000
        print(f"{path.name}: {time.monotonic() - begin:.0f} s, {size:.0f} kB", flush=True)
    return int(failed)


def make_light(notebook: Any) -> None:
    """Drop what a picture stands in for, and what differs from run to run for no reason."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            if "image/png" in shown:
                shown.pop("text/html", None)
            output.get("metadata", {}).clear()


def _execute(notebook: Any) -> None:
    NotebookClient(
        notebook,
        timeout=LONGEST_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
    ).execute()


if __name__ == "__main__":
    sys.exit(main())
