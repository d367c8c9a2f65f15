"""Run pip where nothing but the installed pip can be imported.

``python -m pip`` puts the current folder first on the import path, so ``./pip/__main__.py`` of a
folder that somebody else prepared would run instead. ``-P`` keeps that folder off the path and
``-E`` ignores PYTHONPATH; of isolated mode (``-I``) only ``-s`` is left out, because pip may be
installed in the user's own site-packages. The working folder is empty besides.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile


def run_pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pip with these arguments and capture what it prints; paths must be absolute."""
    command = [sys.executable, "-E", "-P", "-m", "pip", *arguments]
    with tempfile.TemporaryDirectory(prefix="motion-agent-") as empty:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=empty)
