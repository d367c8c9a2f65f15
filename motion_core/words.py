"""Strangers' words, made safe to show: to a person, to a planner, in a file of records.

Captions, descriptions, names and errors come from files and servers. In a prompt they are quoted
and on one line; hidden characters are made visible; secrets are removed.
"""

from __future__ import annotations

import re

MAX_LINE = 600  # characters; errors are seldom longer

_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # control characters, line ends
_HIDDEN = re.compile(  # they change text direction, have no width, or cannot be printed
    "[\xad\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_USER = re.compile(r"(?<=://)[^/\s@'\"]+@")
_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|lsv2|hf|xai|ghp|AIza)[-_]?[\w-]{8,}"
    r"|(?<=Bearer )\S+|(?<=[Kk]ey=)[^\s&'\"]+|(?<=[Tt]oken=)[^\s&'\"]+"
)
_OPTION = re.compile(r" \(--[a-z][^()]*\)")
_FILES_THERE = re.compile(r"; there: '.*?(?=$|\n)")  # the hint about a workspace
_PATH = re.compile(r"(?<![\w:/.])(?:/[^/\s'\":,]+){2,}/?|\b[A-Za-z]:\\[^\s'\"]+")


def whole(text: str) -> str:
    """Return the text as encodable in UTF-8: halves of characters become U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def visible(text: str) -> str:
    """Return the text with its hidden characters shown by their code points, such as
    ``<U+202E>``.
    """
    return _HIDDEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)


def one_line(text: str, limit: int = MAX_LINE) -> str:
    """Return the text in one line of at most `limit` visible characters."""
    # Text is cut before it is scanned: it may be megabytes.
    line = " ".join(visible(_BREAKS.sub(" ", text[: 4 * limit])).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def quoted(text: str, limit: int = 300) -> str:
    """Return a stranger's words for a prompt, in double quotes that they cannot close."""
    return '"' + one_line(text, limit).replace('"', "'") + '"'


def without_password(url: str) -> str:
    """Return the address without user, password and query."""
    return _USER.sub("", url).partition("?")[0]


def without_secrets(text: str) -> str:
    """Return the text without keys, passwords in addresses, and this computer's hosts and files."""
    text = _KEY.sub("***", _USER.sub("", text))
    return _FILES_THERE.sub("", _PATH.sub("(a file)", text))


def without_options(text: str) -> str:
    """Return a message without the command-line options that it names in parentheses."""
    return _OPTION.sub("", text)
