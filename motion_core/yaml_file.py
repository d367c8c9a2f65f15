"""YAML files written by people: read safely, with errors that name the file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .errors import InputError

_MOST_CHARACTERS = 2_000_000
_DEEPEST = 20


def read_yaml(path: Path | str) -> Any:
    """Read a file's contents: only plain values, never objects.

    Raises:
        InputError: it cannot be read, or is not YAML.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        _check(text)
        return yaml.safe_load(text)
    except (OSError, UnicodeError, yaml.YAMLError, RecursionError) as err:
        message = " ".join(str(err).split())
        raise InputError(f"{path.name} cannot be read as YAML: {message}") from err


def _check(text: str) -> None:
    """Refuse aliases, with which a few lines can stand for gigabytes, and deep nesting.

    Raises:
        YAMLError: there is one.
    """
    if len(text) > _MOST_CHARACTERS:
        raise yaml.YAMLError(f"{len(text)} characters; the limit is {_MOST_CHARACTERS}")
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"the alias {event.anchor!r} stands for something; write it out")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.YAMLError(f"values are nested more than {_DEEPEST} deep")
