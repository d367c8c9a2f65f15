"""YAML files that people write: read safely, with an error that names the file and the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..motion_core.errors import InputError


def read_yaml(path: Path | str) -> Any:
    """What is in the file; only plain values, never objects.

    Raises:
        InputError: it cannot be read, or is no YAML.
    """
    path = Path(path)
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as err:
        told = " ".join(str(err).split())
        raise InputError(f"{path.name} cannot be read as YAML: {told}") from err
