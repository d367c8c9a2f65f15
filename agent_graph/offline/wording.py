"""A request normalised for the rules: one line of plain characters."""

from __future__ import annotations

import re
import unicodedata

_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"'})


class CannotDo(Exception):
    """A request that is impossible or not understood; its text is the reply."""


def plain(text: str) -> str:
    """Return the text without control characters, fancy quotes and repeated spaces or punctuation.

    Line breaks stay because they may separate list items. Repeats are cut because the rules'
    patterns would scan them again and again.
    """
    text = text.translate(_QUOTES)
    kept = (c for c in text if c in "\n\t\r" or unicodedata.category(c) not in ("Cc", "Cs", "Cf"))
    text = re.sub(r"[^\S\n]+", " ", "".join(kept).replace("\r", "\n"))
    text = re.sub(r"([^\w\s])\1{2,}", r"\1", text)
    return re.sub(r" ?\n[ \n]*", "\n", text).strip()


def quoted(text: str, length: int = 80) -> str:
    """Return the beginning of the person's words in quotes, for a reply."""
    text = " ".join(text.split())
    return f"“{text if len(text) <= length else text[: length - 1] + '…'}”"


def group(match: re.Match[str], name: str) -> str:
    """Return the group of that name, or of that name plus a number, that matched."""
    groups = match.groupdict()
    return next((groups[key] for key in (name, f"{name}2", f"{name}3") if groups.get(key)), "")
