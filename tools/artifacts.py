"""The artifact of a tool: the same few keys whatever it did, also when it failed.

    tool        its name
    ok          whether it did what was asked
    error       None, or {"kind": …, "message": …}
    motion_id   the motion that it made, read or exported; None for none
    files       files of the workspace that it wrote, as paths; those that a list names

Each tool adds what it alone knows. All values are JSON.

Kinds of errors: ``arguments`` (they do not fit the schema), ``input`` (what was asked cannot be
done), ``stopped`` (cancelled, or out of time), ``unavailable`` (weights, a folder, a server),
``failed`` (it was tried and did not work out), ``fault`` (of the tool).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def artifact(tool: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the artifact of a call that went well."""
    return {"tool": tool, "ok": True, "error": None, "motion_id": None, "files": [], **facts}


def failure(tool: str, kind: str, message: str) -> dict[str, Any]:
    """Return the artifact of a call that failed."""
    return {**artifact(tool, {}), "ok": False, "error": {"kind": kind, "message": message}}
