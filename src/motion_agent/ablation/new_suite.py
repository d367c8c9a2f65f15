"""A starter folder of scenarios, for ``ablate new-suite``."""

from __future__ import annotations

from pathlib import Path

from ..motion_core.errors import InputError
from .scenario import load_suite

_EXAMPLE = """\
# Scenarios of your own: conversations, and what a program can check after each turn.
# Every field and every fault is explained in docs/how-to/scenarios.md.
family: mine
about: what my users say
scenarios:
  - id: mine-walk-and-wave
    turns:
      - say: walk to the door, then wave
        expect:
          steps: [2, 3]              # at least two and at most three generated steps
          actions: [$walk, $wave]    # in this order; $walk is a set of words in words.yaml
          nothing_else: true
  - id: mine-add-a-bow
    given: [[a person walks forward]]   # a motion that is there already: s1
    turns:
      - say: let him bow at the end
        expect:
          timeline: [keep s1, new bow|bend forward]
      - say: undo that
        expect:
          timeline: [keep s1]
  - id: mine-what-is-it
    files: {clip.npz: a person jumps}
    turns:
      - say: What happens in clip.npz?
        expect: {tools: [caption_motion], no_motion: true, says: [jump|hop|leap]}
"""
_WORDS = """\
# Sets of words by name. A word stands for all its forms: walk, walks, walking, walked.
walk: walk|stroll|step|go
wave: wave|greet
"""


def new_suite(folder: Path | str) -> tuple[Path, ...]:
    """Write a small suite that passes its own check; return its files.

    Raises:
        InputError: the folder is not empty.
        OSError: it cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "mine.yaml", folder / "words.yaml"
    for path, text in zip(paths, (_EXAMPLE, _WORDS), strict=True):
        path.write_text(text, encoding="utf-8")
    load_suite(folder)
    return paths
