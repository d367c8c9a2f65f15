"""The records: whole lines only, and no secrets in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from motion_agent.ablation.records import FILE, Conversation, Records
from motion_agent.ablation.scrubbing import HIDDEN, Scrubber
from motion_agent.ablation.strategy import Cell
from motion_agent.agent_graph.planners import Answer
from motion_agent.motion_core.errors import FormatError, UnavailableError

MESSAGES = [("system", "You plan."), ("human", "walk")]


def filled(folder: Path) -> Records:
    records = Records(folder)
    records.add_exchange("k1", "a:x", "prompt", MESSAGES, Answer("one", input_tokens=7))
    records.add_exchange("k2", "a:x", "prompt", MESSAGES, Answer("two", truncated=True))
    cell = Cell("a:x", "prompt", 0.5)
    records.add_conversation(Conversation(cell, "toy", 0, {"motions": {}}, ({"asks": []},)))
    return records


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    before, after = filled(tmp_path), Records(tmp_path)
    assert after.exchanges == before.exchanges
    assert after.conversations == before.conversations
    assert after.messages == before.messages
    assert after.exchanges["k2"].answer.truncated
    assert after.exchanges["k1"].answer.input_tokens == 7


def test_a_message_of_many_exchanges_is_written_once(tmp_path: Path) -> None:
    filled(tmp_path)
    kinds = [json.loads(line)["kind"] for line in (tmp_path / FILE).read_text().splitlines()]
    assert kinds == ["message", "message", "exchange", "exchange", "conversation"]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_dropped_and_the_file_goes_on(tmp_path: Path, cut: int) -> None:
    filled(tmp_path)
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-cut])
    records = Records(tmp_path)
    assert list(records.exchanges) == ["k1", "k2"]
    assert not records.conversations
    records.add_exchange("k3", "a:x", "prompt", [], Answer("three"))
    assert list(Records(tmp_path).exchanges) == ["k1", "k2", "k3"]


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    filled(tmp_path)
    file = tmp_path / FILE
    lines = file.read_text().splitlines()
    lines[2] = lines[2][:20]
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(FormatError, match=r"records.jsonl, line 3 is not a record"):
        Records(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be written"):
        filled(tmp_path / "file")


def test_secrets_are_taken_out(tmp_path: Path) -> None:
    scrub = Scrubber({"OPENAI_API_KEY": "my-very-own-key", "MOTION_AGENT_MAX_TOKENS": "30000000"})
    records = Records(tmp_path, scrub=scrub)
    text = "key my-very-own-key, sk-proj-AbCdEfGhIjKlMnOpQrSt and 30000000 tokens"
    answer = Answer(text, problem="http://me:secret@host/v1 refused Bearer abcdefgh12345")
    records.add_exchange("k", "a:x", "prompt", [("human", text)], answer)
    log = (tmp_path / FILE).read_text()
    for secret in ("my-very-own-key", "AbCdEfGhIjKlMnOpQrSt", "me:secret", "abcdefgh12345"):
        assert secret not in log
    assert records.exchanges["k"].answer.text == f"key {HIDDEN}, {HIDDEN} and 30000000 tokens"


def test_words_that_are_no_secrets_stay() -> None:
    scrub = Scrubber({"PATH_TO_KEY": "/home/me/key", "API_KEY": "short"})
    text = "a person asks a skier: risk-taking? /home/me/key short"
    assert scrub(text) == text
