"""A request as the rules want to read it: one line of plain characters."""

from __future__ import annotations

import re
import unicodedata

_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"'})


class CannotDo(Exception):
    """A wish that is understood and impossible, or not understood: its text is the answer."""


def plain(text: str) -> str:
    """Return the text without control characters, fancy quotes and runs of spaces or punctuation.

    Lines stay lines, for a list may be written in them. Runs are cut because the patterns of
    the rules would go over them again and again.
    """
    text = text.translate(_QUOTES)
    kept = (c for c in text if c in "\n\t\r" or unicodedata.category(c) not in ("Cc", "Cs", "Cf"))
    text = re.sub(r"[^\S\n]+", " ", "".join(kept).replace("\r", "\n"))
    text = re.sub(r"([^\w\s])\1{2,}", r"\1", text)
    return re.sub(r" ?\n[ \n]*", "\n", text).strip()


def quoted(text: str, length: int = 80) -> str:
    """Return the beginning of what somebody said, in quotes, for an answer."""
    text = " ".join(text.split())
    return f"“{text if len(text) <= length else text[: length - 1] + '…'}”"


def group(match: re.Match[str], name: str) -> str:
    """Return the group of that name, or of that name with a number, that took part."""
    groups = match.groupdict()
    return next((groups[key] for key in (name, f"{name}2", f"{name}3") if groups.get(key)), "")
