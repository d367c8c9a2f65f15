"""A backbone's text tokenizer with the `tokenizers` library alone, which imports in no time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..json_text import parse_json

FILES = ("tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True)
class Encoded:
    """What Hugging Face's tokenizers return, of which the ids are used here."""

    input_ids: list[int]

    def __getitem__(self, name: str) -> list[int]:
        if name != "input_ids":
            raise KeyError(name)
        return self.input_ids


class TextTokenizer:
    """The part of Hugging Face's `PreTrainedTokenizerFast` that prompts and captions need.

    Args:
        folder: with ``tokenizer.json`` and ``tokenizer_config.json``.

    Raises:
        OSError, ValueError, KeyError: they are not there, or damaged.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        text = (folder / FILES[0]).read_text(encoding="utf-8")
        self._tokenizer: Any = Tokenizer.from_str(text)  # takes too long to do it twice
        self._lock = threading.Lock()
        facts = parse_json((folder / FILES[1]).read_text(encoding="utf-8"))
        self.bos_token_id = self._id(facts.get("bos_token"))
        self.eos_token_id = self._id(facts["eos_token"])

    def __call__(
        self, text: str, *, add_special_tokens: bool = True, split_special_tokens: bool = False
    ) -> Encoded:
        with self._lock:
            # Where they are split, what looks like a special token is text.
            self._tokenizer.encode_special_tokens = split_special_tokens
            return Encoded(self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """Return the text of ids."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))

    def _id(self, word: Any) -> int | None:
        """Return the id of a special token, which is a string or has its string in ``content``."""
        if word is None:
            return None
        known = self._tokenizer.token_to_id(word["content"] if isinstance(word, dict) else word)
        return None if known is None else int(known)
