"""Removal of secrets from the records."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_SECRET_FORM = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|glpat|AIza)[-_]?[A-Za-z0-9_-]{16,}"  # providers' keys
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"  # user:password@host
)
_SHORTEST = 8  # characters; shorter ones occur in ordinary words
HIDDEN = "[removed]"


class Scrubber:
    """Removes the environment's secrets and anything that looks like one.

    Args:
        environment: variables; those named KEY, TOKEN or the like hold secrets.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        variables = os.environ if environment is None else environment
        secrets = {
            value.strip()
            for name, value in variables.items()
            if _SECRET_NAME.search(name)
            and len(value.strip()) >= _SHORTEST
            # A number or a path is a setting (MOTION_AGENT_MAX_TOKENS), not a secret.
            and not re.fullmatch(r"[\d.]+|/.*", value.strip())
        }
        self._secrets = sorted(secrets, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _SECRET_FORM.sub(HIDDEN, text)
