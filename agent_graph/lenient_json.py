"""A parser for nearly valid JSON that loses nothing.

`json_repair` reads single quotes, trailing commas, bare keys and more, but it drops what it cannot
place in a damaged text. So a value is accepted only if it holds every word of the text as
often as written, and if no string in it has swallowed a neighbouring key.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

_STRING_OR_COMMENT = re.compile(
    r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|//[^\n]*|/\*.*?\*/|\#[^\n]*""", re.DOTALL
)
_MOST_MARKS = 3000  # quotes, brackets, colons; json_repair is quadratic in them
_MARKS = re.compile(r"""["'{}\[\]:]""")
_SYNTAX = re.compile(r"""["{}\[\]]|\w\s*:""")
_SWALLOWED = re.compile(
    r"(?:tool|description|seconds|motion|segment|person|plan|reasoning|placement|name|arguments)"
    r"""\\*["']?\s*:|["']\w+\\*["']\s*:""",
    re.IGNORECASE,
)


def lenient_json(text: str) -> Any:
    """Return the object or list in nearly valid JSON; None if words of it would be lost."""
    import json_repair  # only here: other text needs none of it

    bare = _without_comments(text)
    if bare is None or len(_MARKS.findall(bare)) > _MOST_MARKS:
        return None
    try:
        value = json_repair.loads(bare)
    except (ValueError, RecursionError, IndexError):  # nested too deeply; past the end, in 0.50
        return None
    if not isinstance(value, dict | list) or not value:
        return None
    encoded = json.dumps(value)  # surrogate pairs become one character
    value = json.loads(encoded)
    if _words(bare) - _words(json.dumps(value, ensure_ascii=False)):
        return None
    return None if _swallows(value) or _unquoted(value, bare) else value


def _without_comments(text: str) -> str | None:
    """Return the text without comments; None if one of them may be part of the value."""
    comments: list[str] = []
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match[1] is None:
            comments.append(match[0])
        else:
            strings.append(match[1])
        return match[1] or " "

    bare = _STRING_OR_COMMENT.sub(keep, text)
    if not comments:
        return bare
    # With a quote missing, an apparent comment may be inside a string.
    paired = sum(string.count('"') for string in strings) == bare.count('"')
    return bare if paired and not any(_SYNTAX.search(comment) for comment in comments) else None


def _words(text: str) -> Counter[str]:
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), text)
    text = re.sub(r"\\[nrtbf]", " ", text)
    # Python's None is JSON's null; True and False are the same words in both.
    return Counter("null" if w == "none" else w for w in re.findall(r"\w+", text.lower()))


def _swallows(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_swallows(item) for pair in value.items() for item in pair)
    if isinstance(value, list):
        return any(_swallows(item) for item in value)
    # JSON inside a string has such keys legitimately: it is read or refused separately.
    if not isinstance(value, str) or value.lstrip()[:1] in ("{", "["):
        return False
    return bool(_SWALLOWED.search(value) or set("{}") & set(value))


def _unquoted(value: Any, text: str) -> bool:
    """Return whether a list holds strings that had no quotes: they may be fragments of one."""
    if isinstance(value, dict):
        return any(_unquoted(item, text) for item in value.values())
    if not isinstance(value, list):
        return False
    texts = [item for item in value if isinstance(item, str)]
    others = [item for item in value if not isinstance(item, str)]
    return any(
        not any(form in text for form in (json.dumps(item), json.dumps(item, ensure_ascii=False)))
        and f"'{item}'" not in text
        for item in texts
    ) or any(_unquoted(item, text) for item in others)
