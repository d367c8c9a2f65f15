"""Whole conversations with the offline planner, from the request to the reply."""

from __future__ import annotations

from pathlib import Path

from motion_agent.agent_graph import MotionAgent
from motion_agent.motion_core.fake import FakeEngine


def test_a_conversation_makes_edits_opens_asks_and_exports(tmp_path: Path) -> None:
    agent = MotionAgent(engine=FakeEngine(), workspace=tmp_path)

    def say(request: str) -> str:
        turn = agent.run(request)
        assert turn.error is None, (request, turn.error)
        return turn.reply

    first = say("A tired person walks forward, then waves with both hands, then bows.")
    assert first.count("rule-based stand-in") == 1
    assert "a tired person bows (s3" in first
    tokens = {s.id: s.tokens for s in agent.timeline().segments}

    assert "stand-in" not in say("add a jump before the wave, and make the bow slower")
    after = {s.id: s.tokens for s in agent.timeline().segments}
    assert [s.id for s in agent.timeline().segments] == ["s1", "s4", "s2", "s3"]
    assert (after["s1"], after["s2"]) == (tokens["s1"], tokens["s2"])
    assert len(after["s3"]) > len(tokens["s3"])

    say("undo")
    assert {s.id: s.tokens for s in agent.timeline().segments} == tokens
    say("call it greeting")
    assert "walks" in say("what does it show?")

    say("make a new motion: two people face each other; one bows and the other waves")
    assert [s.description for s in agent.timeline().segments] == [
        "a person bows",
        "a person waves",
    ]
    assert agent.timeline().placement == (180.0, 0.0, 1.5)
    say("let the second person stand behind the first")
    assert agent.timeline().placement == (0.0, 0.0, -1.0)
    assert "greeting" in say("what motions are there?")

    say("make the wave in greeting slower")
    assert agent.timeline().name == "greeting"
    say("export it as bvh")
    assert (tmp_path / "greeting.bvh").stat().st_size > 1000

    assert "In greeting.bvh I see:" in say("what happens in greeting.bvh?")
    assert "In greeting.bvh I see:" in say("how does he do it?")
    say("open it and add a bow")
    assert [s.description for s in agent.timeline().segments][1:] == ["a person bows"]

    say("start over")
    assert agent.timeline().segments == ()
    say("undo")
    assert len(agent.timeline().segments) == 2
    assert say("thanks!").startswith("You are welcome.")


def test_what_is_not_understood_changes_nothing() -> None:
    agent = MotionAgent(engine=FakeEngine())
    agent.run("a man walks, then bows")
    before = agent.timeline()
    for request in ("make it happier", "remove the kick", "copy the bow", "ein Mann geht"):
        turn = agent.run(request)
        assert turn.error is None
        assert agent.timeline() == before
