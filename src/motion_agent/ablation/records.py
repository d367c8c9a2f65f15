"""What is written down: `records.jsonl`, a line an event, only ever added to.

    {"kind": "run", …}           settings of a run or of its continuation
    {"kind": "message", …}       a text that was sent; those of many exchanges are told once
    {"kind": "exchange", …}      what a model was asked (ids of messages) and what it answered
    {"kind": "conversation", …}  a scenario that was played to its end, and what was seen
    {"kind": "judgement", …}     what a judge said of a turn

A line that an interruption has torn is dropped when the file is opened again. An exchange is known
by its content, so a conversation that was broken off goes on from the answers it had.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..agent_graph.planners import Answer
from ..motion_core.errors import FormatError, UnavailableError
from ..motion_core.json_text import parse_json
from .scrubbing import Scrubber
from .strategy import Cell

FILE = "records.jsonl"


@dataclass(frozen=True)
class Exchange:
    """A question to a model and its answer.

    Attributes:
        key: digest of all that decides the answer.
        planner: who was asked.
        form: how the plan's form was asked for, or ``reply`` for the words to the person.
        asked: ids of the messages.
        answer: what came.
    """

    key: str
    planner: str
    form: str
    asked: tuple[str, ...]
    answer: Answer


@dataclass(frozen=True)
class Conversation:
    """A scenario that was played with one cell.

    Attributes:
        cell: who was asked, and how.
        scenario: id.
        repeat: number of the repetition, from 0.
        before: the motions that were there at first; see `observation`.
        turns: what happened in each turn, see `observation`.
        fingerprint: of all that made it, see `fingerprint`; empty in records of old versions.
    """

    cell: Cell
    scenario: str
    repeat: int
    before: dict[str, Any]
    turns: tuple[dict[str, Any], ...]
    fingerprint: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> tuple[Cell, str, int]:
        """What tells it from every other."""
        return self.cell, self.scenario, self.repeat


class Records:
    """The records of an experiment, in a folder or in memory. Thread-safe.

    Args:
        folder: where ``records.jsonl`` is or will be; None keeps all in memory.
        scrub: takes secrets out of every text.

    Raises:
        FormatError: a line in the middle of the file is no record.
        UnavailableError: the file cannot be read or written.
    """

    def __init__(self, folder: Path | str | None = None, *, scrub: Scrubber | None = None) -> None:
        self.path = None if folder is None else Path(folder) / FILE
        self.runs: list[dict[str, Any]] = []
        self.messages: dict[str, tuple[str, str]] = {}  # id -> role, text
        self.exchanges: dict[str, Exchange] = {}
        self.conversations: dict[tuple[Cell, str, int], Conversation] = {}
        self.judgements: dict[str, dict[str, Any]] = {}
        self._scrub = scrub or Scrubber()
        self._lock = threading.RLock()
        self._asking: dict[str, threading.Lock] = defaultdict(threading.Lock)
        if self.path is not None and self.path.exists():
            self._read(self.path)

    def add_run(self, settings: dict[str, Any]) -> None:
        """Write down how a run was made."""
        self._add({"kind": "run", **settings})

    def add_exchange(
        self,
        key: str,
        planner: str,
        form: str,
        messages: Sequence[tuple[str, str]],
        answer: Answer,
    ) -> None:
        """Write down an exchange; `messages` are (role, text)."""
        ids = []
        for role, text in messages:
            text = self._scrub(text)
            message_id = digest(role, text)
            ids.append(message_id)
            with self._lock:
                if message_id not in self.messages:
                    self._add({"kind": "message", "id": message_id, "role": role, "text": text})
        text = answer.text if answer.plan is None else answer.plan.model_dump_json()
        facts: dict[str, Any] = {"text": self._scrub(text), "seconds": answer.seconds}
        for name in (
            "truncated",
            "refusal",
            "problem",
            "thoughts",
            "stop",
            "input_tokens",
            "output_tokens",
        ):
            value = getattr(answer, name)
            if value not in (None, False, ""):
                facts[name] = self._scrub(value) if isinstance(value, str) else value
        who = {"key": key, "planner": planner, "form": form, "asked": ids}
        self._add({"kind": "exchange", **who, **facts})

    def add_conversation(self, conversation: Conversation) -> None:
        """Write down a conversation that was played to its end."""
        cell = conversation.cell
        self._add(
            {
                "kind": "conversation",
                "planner": cell.planner,
                "strategy": cell.strategy,
                "temperature": cell.temperature,
                "scenario": conversation.scenario,
                "repeat": conversation.repeat,
                "fingerprint": dict(conversation.fingerprint),
                "before": conversation.before,
                "turns": list(conversation.turns),
            }
        )

    def add_judgement(self, judgement: dict[str, Any]) -> None:
        """Write down what a judge said; ``key`` tells it from every other."""
        self._add({"kind": "judgement", **judgement, "text": self._scrub(judgement["text"])})

    @contextmanager
    def asking(self, key: str) -> Iterator[None]:
        """While one thread asks this, others that want to know the same wait."""
        with self._lock:
            lock = self._asking[key]
        with lock:
            yield

    def _add(self, record: dict[str, Any]) -> None:
        with self._lock:
            if self.path is not None:
                self._write(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
            self._take(record)

    def _write(self, line: str) -> None:
        assert self.path is not None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # One write to a file opened for appending: a line is there whole, or torn at the end.
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                rest = (line + "\n").encode("utf-8", "replace")
                while rest:
                    rest = rest[os.write(file, rest) :]
            finally:
                os.close(file)
        except OSError as err:
            raise UnavailableError(
                f"{self.path} cannot be written: {err.strerror}; choose another folder"
            ) from err

    def _read(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError as err:
            raise UnavailableError(f"{path} cannot be read: {err.strerror}") from err
        lines = data.split(b"\n")
        torn = lines.pop()  # empty after a whole last line
        if torn:
            os.truncate(path, len(data) - len(torn))
        for number, line in enumerate(lines, start=1):
            try:
                self._take(parse_json(line))
            except (ValueError, KeyError, TypeError) as err:
                raise FormatError(
                    f"{path}, line {number} is no record: {err}; remove it or start a new folder"
                ) from err

    def _take(self, record: dict[str, Any]) -> None:
        match record["kind"]:
            case "run":
                self.runs.append(record)
            case "message":
                self.messages[record["id"]] = (record["role"], record["text"])
            case "exchange":
                self.exchanges[record["key"]] = _exchange(record)
            case "conversation":
                conversation = _conversation(record)
                self.conversations[conversation.name] = conversation
            case "judgement":
                self.judgements[record["key"]] = record
            case other:
                raise ValueError(f"unknown kind {other!r}")


def digest(*parts: object) -> str:
    """Twelve hex digits that tell these parts from all others."""
    text = json.dumps(parts, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _exchange(record: dict[str, Any]) -> Exchange:
    answer = Answer(
        text=record["text"],
        truncated=record.get("truncated", False),
        refusal=record.get("refusal"),
        problem=record.get("problem"),
        thoughts=record.get("thoughts", ""),
        stop=record.get("stop", ""),
        seconds=record.get("seconds", 0.0),
        input_tokens=record.get("input_tokens"),
        output_tokens=record.get("output_tokens"),
    )
    who = record["key"], record["planner"], record["form"], tuple(record["asked"])
    return Exchange(*who, answer)


def _conversation(record: dict[str, Any]) -> Conversation:
    cell = Cell(record["planner"], record["strategy"], record["temperature"])
    scenario, repeat, turns = record["scenario"], record["repeat"], tuple(record["turns"])
    origin = record.get("fingerprint", {})
    return Conversation(cell, scenario, repeat, record["before"], turns, origin)
