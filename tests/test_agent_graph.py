"""The graph: one batch, one decode, repair, captions, streaming, checkpoints, failures."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedChatModel, plan_text, step
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from motion_agent.agent_graph import Event, MotionAgent, Turn, build_graph
from motion_agent.agent_graph.state import AgentState
from motion_agent.motion_core.engine import Take
from motion_agent.motion_core.errors import GenerationError, InputError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import Studio

EXAMPLE = "A tired person walks forward, then waves with both hands, then bows."
PLAN = plan_text(
    step(description="a person walks forward"), step(description="a person bows", seconds=2)
)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def scripted(engine: FakeEngine, *script: Any, **kwargs: Any) -> MotionAgent:
    return MotionAgent(ScriptedChatModel(script=list(script)), engine=engine, **kwargs)


def test_the_example_becomes_one_motion_of_three_segments(engine: FakeEngine) -> None:
    turn = MotionAgent(engine=engine).run(EXAMPLE)
    assert turn.motion is not None
    assert [(s.id, s.description) for s in turn.motion.segments] == [
        ("s1", "a tired person walks forward"),
        ("s2", "a tired person waves with both hands"),
        ("s3", "a tired person bows"),
    ]
    assert turn.motion_id == turn.motion.id
    assert turn.error is None
    assert turn.plan is not None
    assert len(turn.plan["plan"]) == 3
    assert f"Made motion 1 ({turn.motion.id}), {turn.motion.duration:.1f} s" in turn.reply


def test_the_state_has_a_schema(engine: FakeEngine) -> None:
    """LangGraph's server and Studio ask for it; pydantic is picky about `TypedDict`."""
    graph = MotionAgent(engine=engine).graph
    assert "messages" in graph.get_input_jsonschema()["properties"]
    assert "motions" in graph.get_output_jsonschema()["properties"]


def test_new_descriptions_are_one_batch_and_everything_is_decoded_once(engine: FakeEngine) -> None:
    turn = MotionAgent(engine=engine).run(EXAMPLE)
    assert turn.motion is not None
    assert [len(batch) for batch in engine.generated] == [3]
    assert engine.decoded == [len(turn.motion.tokens)]
    assert [r.seed for r in engine.generated[0]] == [1, 2, 3]


def test_the_same_request_gives_the_same_motion() -> None:
    ids = {MotionAgent(engine=FakeEngine()).run(EXAMPLE).motion_id for _ in range(3)}
    assert len(ids) == 1


def test_another_seed_is_another_take() -> None:
    engine = FakeEngine()
    one = MotionAgent(engine=engine).run(EXAMPLE)
    other = MotionAgent(engine=engine, seed=40).run(EXAMPLE)
    assert [r.seed for r in engine.generated[1]] == [41, 42, 43]
    assert one.motion_id != other.motion_id


def test_wished_seconds_reach_the_engine(engine: FakeEngine) -> None:
    turn = scripted(engine, PLAN, "done").run("walk, then bow for two seconds")
    assert [r.seconds for r in engine.generated[0]] == [None, 2.0]
    assert turn.motion is not None
    assert turn.motion.segments[1].frames == 40


def test_events_tell_the_turn_in_order(engine: FakeEngine) -> None:
    items = list(MotionAgent(engine=engine).stream(EXAMPLE))
    kinds = [item.kind for item in items if isinstance(item, Event)]
    assert kinds == ["plan", *["progress"] * 3, *["segment"] * 3, "motion", "reply"]
    segments = [i for i in items if isinstance(i, Event) and i.kind == "segment"]
    assert str(segments[2]) == "segment 3/3: s3 a tired person bows"
    assert isinstance(items[-1], Turn)
    assert items[-1].events == tuple(items[:-1])


def test_progress_arrives_while_the_engine_works() -> None:
    engine = FakeEngine(delay=0.3)
    stream = MotionAgent(engine=engine).stream("A person walks and jumps and bows.")
    assert isinstance(next(stream), Event)
    first = next(stream)
    assert isinstance(first, Event)
    assert first.data == {"stage": "generate", "done": 1, "total": 3}
    assert engine.decoded == []
    assert isinstance(list(stream)[-1], Turn)


def test_a_bad_answer_is_asked_again_with_error_text_and_task(engine: FakeEngine) -> None:
    model = ScriptedChatModel(script=["I would walk.", '{"plan": [{"tool": "fly"}]}', PLAN, "done"])
    turn = MotionAgent(model, engine=engine).run("walk, then bow")
    assert turn.error is None
    assert turn.motion is not None
    again = [e for e in turn.events if e.kind == "ask_again"]
    assert [e.data["cause"] for e in again] == ["no_plan", "invalid"]
    second, third = model.questions[1][-1].text, model.questions[2][-1].text
    assert "I would walk." in second
    assert "there is no plan in the answer" in second
    assert "walk, then bow" in second
    assert "there is no tool 'fly'" in third
    assert "I would walk." not in third


def test_each_attempt_is_recorded(engine: FakeEngine) -> None:
    agent = scripted(engine, "no", f"```json\n{PLAN}\n```", "done")
    agent.run("walk")
    turn = agent.graph.get_state({"configurable": {"thread_id": "default"}}).values["turn"]
    attempts = [(a["rung"], a["cause"], a["text"][:2]) for a in turn["attempts"]]
    assert attempts == [(None, "no_plan", "no"), ("fence", None, "``")]


def test_three_bad_answers_are_an_honest_failure(engine: FakeEngine) -> None:
    turn = scripted(engine, "no", "still no", "never").run("walk")
    assert turn.motion is None
    assert turn.error is not None
    assert "in 3 answers" in turn.error
    assert "gave no valid plan" in turn.reply
    assert engine.generated == []


def test_a_fallback_planner_takes_over(engine: FakeEngine) -> None:
    turn = scripted(engine, "no", "no", "no", "done", fallback="offline").run("A person walks.")
    assert turn.error is None
    assert turn.motion is not None
    assert [s.description for s in turn.motion.segments] == ["a person walks"]


def test_a_plan_that_names_a_missing_segment_is_asked_again(engine: FakeEngine) -> None:
    turn = scripted(engine, plan_text(step("keep_segment", segment="s4")), PLAN, "done").run("walk")
    assert turn.motion is not None
    assert (
        "s4, which does not exist"
        in next(e for e in turn.events if e.kind == "ask_again").data["error"]
    )


def test_captions_go_back_to_the_planner_and_are_answered(engine: FakeEngine) -> None:
    model = ScriptedChatModel(
        script=[
            PLAN,
            "made it",
            plan_text(step("caption_motion")),
            plan_text(reasoning="He walks and then bows, so he is polite."),
            "He is polite.",
        ]
    )
    agent = MotionAgent(model, engine=engine)
    result = agent.run("walk, then bow")
    turn = agent.run("Is he polite?")
    assert turn.reply == "He is polite."
    assert turn.motion is None
    assert turn.motion_id == result.motion_id
    prompt = model.questions[3][-1].text
    assert 'motion 1: "a person walks, then bows"' in prompt
    assert "User: Is he polite?" in prompt


def test_captions_and_generation_after_thinking(engine: FakeEngine) -> None:
    agent = scripted(
        engine,
        PLAN,
        "made",
        plan_text(step("caption_motion")),
        plan_text(step("keep_segment", segment="s1"), step(description="a person jumps")),
        "made more",
    )
    agent.run("walk, then bow")
    turn = agent.run("What would fit next? Show me.")
    assert turn.motion is not None
    assert [s.id for s in turn.motion.segments] == ["s1", "s3"]


def test_a_planner_that_only_wants_captions_is_stopped(engine: FakeEngine) -> None:
    caption = plan_text(step("caption_motion"))
    agent = scripted(engine, PLAN, "made", caption, caption, caption, "It shows walking.")
    agent.run("walk")
    turn = agent.run("what is it?")
    assert turn.reply == "It shows walking."
    assert [e.kind for e in turn.events].count("caption") == 3


def test_an_uploaded_file_is_captioned_from_the_workspace(
    engine: FakeEngine, tmp_path: Path
) -> None:
    from motion_agent.motion_core.formats import save_npz

    motion = MotionAgent(engine=engine).run("A person kicks.").motion
    assert motion is not None
    save_npz(motion, tmp_path / "clip.npz")
    agent = MotionAgent(engine=engine, workspace=tmp_path)
    assert "In clip.npz I see: a person kicks." in agent.run("What happens in clip.npz?").reply
    outside = agent.run("What happens in ../clip.npz?")
    assert outside.error is not None
    assert "not a file name inside the workspace" in outside.reply


def test_a_question_before_any_motion_is_answered(engine: FakeEngine) -> None:
    turn = scripted(engine, plan_text(step("caption_motion"))).run("what is it?")
    assert turn.error is not None
    assert "there is no motion to caption yet" in turn.error


def test_small_talk_needs_no_plan_steps(engine: FakeEngine) -> None:
    turn = scripted(engine, plan_text(reasoning="Greet back."), "Hi there!").run("hi")
    assert turn.reply == "Hi there!"
    assert turn.motion is None
    assert engine.generated == []


def test_unknown_words_are_told_by_either_planner(engine: FakeEngine) -> None:
    offline = MotionAgent(engine=engine).run("A person does a backflip.")
    assert "I was not trained on 'backflip'; the result may not show it." in offline.reply
    backflip = plan_text(step(description="a person does a backflip"))
    silent = scripted(engine, backflip, "Here is your backflip!").run("backflip")
    assert silent.reply.endswith("I was not trained on 'backflip'; the result may not show it.")
    honest = "It may not show the backflip, for it is not in my training."
    assert scripted(engine, backflip, honest).run("backflip").reply == honest


def test_the_offline_planner_says_once_what_it_is(engine: FakeEngine) -> None:
    agent = MotionAgent(engine=engine)
    first, second = agent.run("A person walks."), agent.run("then bow")
    assert "rule-based stand-in" in first.reply
    assert "rule-based" not in second.reply
    assert "rule-based" in agent.run("A person walks.", thread="another").reply


def test_a_failing_engine_is_an_honest_answer() -> None:
    engine = FakeEngine(failure=GenerationError("nothing usable came out; try another seed"))
    turn = MotionAgent(engine=engine).run("A person walks.")
    assert turn.error == "nothing usable came out; try another seed"
    assert turn.reply.startswith("Nothing usable came out; try another seed.")
    assert turn.motion is None


def test_weights_that_cannot_be_had_end_the_turn_and_not_the_conversation() -> None:
    class Unreachable(FakeEngine):
        away = True

        def generate(self, *args: Any, **kwargs: Any) -> list[Take]:
            if self.away:
                raise UnavailableError("no network for the backbone")
            return super().generate(*args, **kwargs)

    engine = Unreachable()
    agent = MotionAgent(engine=engine)
    with pytest.raises(UnavailableError, match="no network for the backbone"):
        agent.run("A person walks.")
    engine.away = False
    turn = agent.run("A person bows.")
    assert turn.motion is not None
    assert [s.description for s in turn.motion.segments] == ["a person bows"]


@pytest.mark.parametrize("text", ["", "   \n", "x" * 10_000, "walk " * 200_000])
def test_empty_and_huge_requests_are_refused(engine: FakeEngine, text: str) -> None:
    agent = MotionAgent(engine=engine)
    with pytest.raises(InputError, match=r"the request (is empty|has \d+ characters)"):
        agent.run(text)
    state = agent.graph.invoke(
        {"messages": [HumanMessage(text)]}, {"configurable": {"thread_id": "raw"}}
    )
    assert state["turn"]["error"]["type"] == "InputError"
    assert "The request" in state["messages"][-1].text


def test_the_state_is_json_and_messages(engine: FakeEngine) -> None:
    agent = MotionAgent(engine=engine)
    agent.run(EXAMPLE)
    agent.run("undo")
    values = dict(agent.graph.get_state({"configurable": {"thread_id": "default"}}).values)
    assert all(isinstance(m, HumanMessage | AIMessage) for m in values.pop("messages"))
    assert json.loads(json.dumps(values)) == values
    assert set(values) <= set(AgentState.__annotations__)


def test_a_conversation_continues_from_its_checkpoint(tmp_path: Path) -> None:
    saver = InMemorySaver()
    first = MotionAgent(engine=FakeEngine(), checkpointer=saver, store=MotionStore(tmp_path))
    motion = first.run(EXAMPLE).motion
    second = MotionAgent(engine=FakeEngine(), checkpointer=saver, store=MotionStore(tmp_path))
    turn = second.run("add a jump at the end")
    assert motion is not None
    assert turn.motion is not None
    assert turn.motion.segments[:3] == motion.segments
    assert turn.motion.segments[3].id == "s4"


def test_a_conversation_outlives_its_store() -> None:
    saver = InMemorySaver()
    result = MotionAgent(engine=FakeEngine(), checkpointer=saver).run(EXAMPLE)
    second = MotionAgent(engine=FakeEngine(), checkpointer=saver)
    assert result.motion_id not in second.store
    second.run("add a jump at the end")
    turn = second.run("undo")
    assert turn.motion_id == result.motion_id
    assert result.motion_id in second.store
    third = MotionAgent(engine=FakeEngine(), checkpointer=saver)
    assert "I see: a person walks, then waves, then bows" in third.run("what is it?").reply


def test_it_works_with_the_sqlite_checkpointer(tmp_path: Path) -> None:
    import sqlite3

    sqlite = pytest.importorskip("langgraph.checkpoint.sqlite")
    connection = sqlite3.connect(tmp_path / "chat.db", check_same_thread=False)
    agent = MotionAgent(engine=FakeEngine(), checkpointer=sqlite.SqliteSaver(connection))
    agent.run(EXAMPLE)
    assert "s4" in agent.run("add a jump at the end").reply
    connection.close()


def test_threads_of_conversation_are_apart(engine: FakeEngine) -> None:
    agent = MotionAgent(engine=engine)
    agent.run("A person walks.", thread="one")
    assert "There is no motion yet" in agent.run("what is it?", thread="two").reply


def test_two_requests_to_one_conversation_wait_for_each_other() -> None:
    agent = MotionAgent(engine=FakeEngine(delay=0.05))
    agent.run("A person walks.")
    failures: list[Exception] = []

    def ask() -> None:
        try:
            agent.run("add a jump at the end")
        except Exception as err:
            failures.append(err)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    turn = agent.run("add a bow")
    assert turn.motion is not None
    assert [s.id for s in turn.motion.segments] == ["s1", "s2", "s3", "s4", "s5", "s6"]


def test_a_cancelled_stream_leaves_the_conversation_usable(engine: FakeEngine) -> None:
    agent = MotionAgent(engine=engine)
    result = agent.run("A person walks.")
    stream = agent.stream("then jump")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    turn = agent.run("then bow")
    assert turn.motion is not None
    assert result.motion is not None
    assert turn.motion.segments[0] == result.motion.segments[0]
    assert turn.motion.segments[-1].description == "a person bows"


async def test_the_graph_runs_asynchronously(engine: FakeEngine) -> None:
    graph = build_graph(studio=Studio(engine))
    custom = []
    async for part in graph.astream({"messages": [HumanMessage(EXAMPLE)]}, stream_mode="custom"):
        custom.append(part["kind"])
    assert custom.count("segment") == 3
    state = await graph.ainvoke({"messages": [HumanMessage("A person walks.")]})
    assert len(state["motions"]["1"]["segments"]) == 1


def test_the_graph_is_a_subgraph_of_somebody_elses(engine: FakeEngine) -> None:
    host = StateGraph(MessagesState)
    host.add_node("motion", build_graph(studio=Studio(engine)))
    host.add_edge(START, "motion")
    host.add_edge("motion", END)
    state = host.compile().invoke({"messages": [HumanMessage("A person walks.")]})
    assert "Made motion 1 (m-" in state["messages"][-1].text


async def test_langgraph_json_names_a_graph_that_can_be_imported(repository: Path) -> None:
    import importlib

    config = json.loads((repository / "langgraph.json").read_text())
    module, name = config["graphs"]["motion_agent"].split(":")
    assert "/" not in module  # a path would break the relative imports
    graph = await getattr(importlib.import_module(module), name)()
    assert set(graph.nodes) >= {"planner", "executor", "responder"}


def test_importing_the_package_loads_neither_torch_nor_langgraph() -> None:
    import subprocess
    import sys

    code = (
        "import sys, motion_agent.agent_graph, motion_agent.tools, motion_agent.prompts;"
        "print([m for m in ('torch', 'transformers', 'langgraph', 'langchain_core')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
