"""The record of an experiment: `records.jsonl`, an append-only file with one event a line.

    {"kind": "run", …}           settings of a run or of its continuation
    {"kind": "message", …}       a text that was sent, stored once for many exchanges
    {"kind": "exchange", …}      a question to a model (ids of messages) and its answer
    {"kind": "conversation", …}  a scenario played to its end, and what was observed
    {"kind": "judgement", …}     a judge's verdict on a turn

A line torn by an interruption is dropped when the file is opened again. An exchange is identified
by its content, so an interrupted conversation continues from the answers it has.
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
        key: digest of everything that decides the answer.
        planner: the one that was asked.
        form: how the plan's form was requested, or ``reply`` for a reply to the person.
        asked: ids of the messages.
        answer: the answer, as JSON values.
    """

    key: str
    planner: str
    form: str
    asked: tuple[str, ...]
    answer: Answer


@dataclass(frozen=True)
class Conversation:
    """A scenario played with one cell.

    Attributes:
        cell: planner, strategy and temperature.
        scenario: id.
        repeat: number of the repetition, from 0.
        before: the initial motions; see `observation`.
        turns: what happened in each turn; see `observation`.
        fingerprint: of everything that determined it, see `fingerprint`; empty in old records.
    """

    cell: Cell
    scenario: str
    repeat: int
    before: dict[str, Any]
    turns: tuple[dict[str, Any], ...]
    fingerprint: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> tuple[Cell, str, int]:
        """What distinguishes it from every other conversation."""
        return self.cell, self.scenario, self.repeat


class Records:
    """The records of an experiment, in a folder or in memory. Thread-safe.

    Args:
        folder: of ``records.jsonl``, which is created if missing; None for memory only.
        scrub: removes secrets from every text.

    Raises:
        FormatError: a line in the middle of the file is not a record.
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
        """Record the settings of a run."""
        self._add({"kind": "run", **settings})

    def add_exchange(
        self,
        key: str,
        planner: str,
        form: str,
        messages: Sequence[tuple[str, str]],
        answer: Answer,
    ) -> None:
        """Record an exchange; `messages` are (role, text)."""
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
        """Record a conversation played to its end."""
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
        """Record a judge's verdict; ``key`` identifies it."""
        self._add({"kind": "judgement", **judgement, "text": self._scrub(judgement["text"])})

    @contextmanager
    def asking(self, key: str) -> Iterator[None]:
        """Make other threads that need the same answer wait while this one asks."""
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
            # One write to a file opened for appending: a line is whole, or torn at the end of the
            # file.
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
        torn = lines.pop()  # empty after a complete last line
        if torn:
            os.truncate(path, len(data) - len(torn))
        for number, line in enumerate(lines, start=1):
            try:
                self._take(parse_json(line))
            except (ValueError, KeyError, TypeError) as err:
                raise FormatError(
                    f"{path}, line {number} is not a record: {err}; remove it or start a new folder"
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
    """Return twelve hex digits that identify these parts."""
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
