"""All text written for LLMs, as files, and the loader that fills them in.

A prompt is a Markdown or text file whose first line is ``<!-- version: N -->``; ``$name`` in it
stands for a value. ``$$`` is a dollar sign.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from string import Template

_VERSION = re.compile(r"<!-- version: (\d+) -->\n")
_PLACE = re.compile(r"\$([a-z_]+)")
_NAME = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*")


def load_prompt(name: str, **values: object) -> str:
    """Return a prompt with its values filled in.

    Args:
        name: file name without suffix, relative to this folder: ``planner``, ``tools/…``.
        values: one for each ``$name`` in the prompt.

    Raises:
        KeyError: no such prompt, or a missing value.
        TypeError: a value that the prompt does not use.
    """
    text = _read(name)[1]
    unused = set(values) - set(_PLACE.findall(text.replace("$$", "")))
    if unused:
        raise TypeError(f"prompt {name!r} does not use {', '.join(sorted(unused))}")
    return Template(text).substitute({key: str(value) for key, value in values.items()})


def prompt_version(name: str) -> int:
    """Return the version of a prompt, which increases with every change of its words.

    Raises:
        KeyError: no such prompt.
    """
    return _read(name)[0]


@cache
def _read(name: str) -> tuple[int, str]:
    if not _NAME.fullmatch(name):
        raise KeyError(f"no prompt named {name!r}")
    for suffix in (".md", ".txt"):
        path = files(__package__).joinpath(name + suffix)
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            match = _VERSION.match(text)
            if match is None:
                return 0, text.strip()
            return int(match.group(1)), text[match.end() :].strip()
    raise KeyError(f"no prompt named {name!r}")
