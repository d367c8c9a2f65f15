"""The artifact of a tool: the same few keys for every tool and outcome.

    tool        its name
    ok          whether it succeeded
    error       None, or {"kind": …, "message": …}
    motion_id   the motion made, read or exported, or None
    files       workspace files that it wrote or listed, as paths

Each tool adds keys of its own. All values are JSON.

Kinds of errors: ``arguments`` (they do not fit the schema), ``input`` (the request is impossible),
``stopped`` (cancelled or out of time), ``unavailable`` (weights, a folder, a server), ``failed``
(the attempt failed), ``fault`` (a bug in the tool).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def artifact(tool: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the artifact of a successful call."""
    return {"tool": tool, "ok": True, "error": None, "motion_id": None, "files": [], **facts}


def failure(tool: str, kind: str, message: str) -> dict[str, Any]:
    """Return the artifact of a failed call."""
    return {**artifact(tool, {}), "ok": False, "error": {"kind": kind, "message": message}}
