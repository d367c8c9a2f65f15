"""What servers answer: package indexes, Hugging Face, and those that have language models.

Each is asked for at most `PATIENCE` seconds, and nothing is downloaded but its answer.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .motion_core.json_text import parse_json

PATIENCE = 3.0  # seconds
OLLAMA = "http://localhost:11434"
PYPI = "https://pypi.org/simple"
OPENAI = "https://api.openai.com/v1"
_MOST_BYTES = 2_000_000  # that are read of an answer


def ask(url: str, key: str | None = None) -> tuple[int | None, Any]:
    """Return the HTTP status (None: nobody answered) and the JSON value of the answer, if any."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with urlopen(Request(url, headers=headers), timeout=PATIENCE) as response:
            status, body = response.status, response.read(_MOST_BYTES)
    except HTTPError as err:
        return err.code, None
    except (OSError, ValueError, HTTPException):  # unreachable, no address, no HTTP
        return None, None
    try:
        return status, parse_json(body)
    except ValueError:
        return status, None


def answers(url: str) -> bool:
    """Return whether the server at this address works; for ``file:``, whether the folder exists."""
    if url.startswith("file:"):
        return Path(urlsplit(url).path).parent.is_dir()
    status, _ = ask(url)
    return status is not None and status < 500


def listed_names(answer: Any, key: str, name: str) -> list[str] | None:
    """Return the names in ``{key: [{name: …}, …]}``; None if it is nothing of that kind."""
    try:
        return [str(item[name]) for item in answer[key]]
    except (KeyError, TypeError, IndexError):
        return None


def ollama_address(host: str) -> str:
    """Return OLLAMA_HOST as Ollama's own client reads it: scheme and port may be missing."""
    scheme, separator, rest = host.strip().rstrip("/").partition("://")
    if not separator:
        scheme, rest = "http", scheme
        if not re.search(r":\d+(?:/|$)", rest):
            rest = f"{rest}:11434"
    return f"{scheme}://{rest}"


def pip_indexes() -> list[str]:
    """Return the package indexes that pip asks, by its files or the environment."""
    from .motion_core.isolated import run_pip

    output = run_pip("config", "list").stdout
    settings = dict(re.findall(r"^\S*?\.((?:extra-)?index-url)='(.*)'$", output, re.MULTILINE))
    first = settings.get("index-url", PYPI)
    return [first, *settings.get("extra-index-url", "").split()]
