"""The parsing ladder: every form planners were seen to write, and no step lost or invented."""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any

import pytest
from fakes import plan_text, step

from motion_agent.agent_graph.parsing import parse_plan, strict_plan
from motion_agent.agent_graph.plan import InvalidPlanError

WALK, BOW = step(description="a person walks forward"), step(description="a person bows")
TWO = {"reasoning": "because", "plan": [WALK, BOW]}
JSON = json.dumps(TWO)
STEPS = ["a person walks forward", "a person bows"]
CALLS = "1. MotionLLM.generate('a person walks forward'); 2. MotionLLM.generate('a person bows')"


def descriptions(text: str) -> list[str]:
    return [s.description for s in parse_plan(text).plan.plan]


FORMS = {
    "plain": (JSON, "json"),
    "indented": (json.dumps(TWO, indent=2), "json"),
    "fence": (f"Here you are:\n```json\n{JSON}\n```\nEnjoy!", "fence"),
    "fence without a language": (f"```\n{JSON}\n```", "fence"),
    "prose around": (f"Sure! The plan is {JSON} I hope it helps.", "embedded"),
    "prose with brackets": (f"Steps [1] and {{x}}: {JSON} (see [2])", "embedded"),
    "draft then final": (
        f"Draft: {plan_text(step(description='a person flies'))}\nBetter: {JSON}",
        "embedded",
    ),
    "draft fence then final fence": (
        f"```json\n{plan_text(WALK)}\n```\nno:\n```json\n{JSON}\n```",
        "fence",
    ),
    "closed thoughts": (f"<think>maybe {plan_text(BOW)}?</think>{JSON}", "json"),
    "thoughts without an opening tag": (f"hmm {plan_text(BOW)}\n</think>\n{JSON}", "json"),
    "unclosed thoughts": (f"<think>The user wants two actions. {JSON}", "embedded"),
    "wrapped in plan": (json.dumps({"plan": TWO}), "json"),
    "wrapped in arguments": (json.dumps({"name": "plan", "arguments": TWO}), "json"),
    "wrapped in stringified arguments": (json.dumps({"arguments": JSON}), "json"),
    "wrapped in properties": (json.dumps({"properties": TWO}), "json"),
    "wrapped by an unknown name": (json.dumps({"MotionPlan": TWO}), "json"),
    "steps instead of plan": (json.dumps({"steps": [WALK, BOW]}), "json"),
    "bare list": (json.dumps([WALK, BOW]), "json"),
    "stringified steps": (json.dumps({"plan": [json.dumps(WALK), json.dumps(BOW)]}), "json"),
    "stringified plan": (json.dumps({"plan": json.dumps([WALK, BOW])}), "json"),
    "descriptions only": (json.dumps({"plan": STEPS}), "json"),
    "one object a line": (f"{json.dumps(WALK)}\n{json.dumps(BOW)}", "embedded"),
    "call strings": (
        json.dumps({"plan": [f"generate_motion('{d}')" for d in STEPS], "reasoning": ""}),
        "json",
    ),
    "arguments in steps": (
        json.dumps(
            {"plan": [{"name": "generate_motion", "arguments": {"text": d}} for d in STEPS]}
        ),
        "json",
    ),
    "OpenAI tool calls": (
        json.dumps(
            {
                "plan": [
                    {
                        "type": "function",
                        "function": {
                            "name": "generate_motion",
                            "arguments": json.dumps({"description": d}),
                        },
                    }
                    for d in STEPS
                ]
            }
        ),
        "json",
    ),
    "near-miss names": (
        json.dumps(
            {
                "plan": [
                    {"tool": "MotionLLM.generate", "description": STEPS[0]},
                    {"tool": "functions.generateMotion", "description": STEPS[1]},
                ]
            }
        ),
        "json",
    ),
    "numbers with units": (
        json.dumps({"plan": [{**WALK, "seconds": "4 seconds"}, {**BOW, "person": "person 1"}]}),
        "json",
    ),
    "single quotes": (str(TWO), "lenient"),
    "trailing commas": (JSON.replace("}]", "},]"), "lenient"),
    "comments": (JSON.replace('"plan"', '// the steps\n"plan"'), "lenient"),
    "bare keys": (
        JSON.replace('"plan"', "plan")
        .replace('"tool"', "tool")
        .replace('"reasoning"', "reasoning"),
        "lenient",
    ),
    "Python literals": (str(TWO).replace("'motion': ''", "'motion': None"), "lenient"),
    "the paper's form": (CALLS, "numbered"),
    "the paper's form in JSON": (json.dumps({"plan": CALLS, "reasoning": "so"}), "json"),
    "the paper's form with newlines": (CALLS.replace("; ", "\n"), "numbered"),
    "the paper's form with commas": (CALLS.replace("; ", ", "), "numbered"),
    "the paper's form without numbers": (
        CALLS.replace("1. ", "").replace("2. ", ""),
        "numbered",
    ),
    "the paper's form in prose": (f"I will do this:\n{CALLS}\nDone.", "numbered"),
    "the paper's form with double quotes": (CALLS.replace("'", '"'), "numbered"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_two_steps(form: str) -> None:
    text, rung = FORMS[form]
    parsed = parse_plan(text)
    assert [s.description for s in parsed.plan.plan] == STEPS
    assert {s.tool for s in parsed.plan.plan} == {"generate_motion"}
    assert parsed.rung == rung


def test_numbers_with_units_are_numbers() -> None:
    steps = parse_plan(FORMS["numbers with units"][0]).plan.plan
    assert [s.seconds for s in steps] == [4.0, 0.0]


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("2.5s", 2.5), ("4 seconds", 4), ("1500 ms", 1.5), ("3,5 sec.", 3.5), ("", 0), (" 2 ", 2)],
)
def test_durations_with_units_are_seconds(duration: str, seconds: float) -> None:
    assert parse_plan(json.dumps([{**WALK, "seconds": duration}])).plan.plan[0].seconds == seconds


@pytest.mark.parametrize("duration", ["3-4 s", "a while", "2 beats", "1 minute"])
def test_durations_that_are_not_certain_are_refused(duration: str) -> None:
    with pytest.raises(InvalidPlanError, match="seconds"):
        parse_plan(json.dumps([{**WALK, "seconds": duration}]))


@pytest.mark.parametrize(
    "value",
    [
        [180, 0, 1],
        {"theta": 180, "x": 0, "z": 1},
        {"angle": "180°", "x": "0 m", "z": "100 cm"},
        "(180, 0, 1)",
        "[180, 0, 1]",
        "180°, 0 m, 1 m",
        "theta=180, x=0, z=1",
        ["180 degrees", "0", "1 m"],
    ],
)
def test_a_placement_may_be_written_in_many_ways(value: Any) -> None:
    assert parse_plan(json.dumps({"plan": [WALK], "placement": value})).plan.placement == (
        180,
        0,
        1,
    )


@pytest.mark.parametrize("value", [None, [], {}, "", "none", "[]"])
def test_no_placement_may_be_written_in_many_ways(value: Any) -> None:
    assert parse_plan(json.dumps({"plan": [WALK], "placement": value})).plan.placement == ()


@pytest.mark.parametrize(
    "value", ["face to face", [1, 2], {"theta": 1}, "(1, 2)", [1, 2, "far"], 7]
)
def test_a_placement_that_is_not_certain_is_refused(value: Any) -> None:
    with pytest.raises(InvalidPlanError, match="placement"):
        parse_plan(json.dumps({"plan": [WALK], "placement": value}))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("openMotion", "open_motion"),
        ("Open Motion", "open_motion"),
        ("functions.export_motion", "export_motion"),
        ("save_motion", "export_motion"),
        ("rename_motion", "name_motion"),
        ("exprot_motion", "export_motion"),
        ("generate_motoin", "generate_motion"),
    ],
)
def test_near_misses_of_tool_names_are_put_right(name: str, meant: str) -> None:
    step = {"tool": name, "description": "a person bows", "motion": "a.bvh"}
    assert parse_plan(json.dumps([step])).plan.plan[0].tool == meant


@pytest.mark.parametrize("name", ["end_motion", "remove_segment", "reopen", "play_motion", "fly"])
def test_other_names_are_no_near_misses(name: str) -> None:
    with pytest.raises(InvalidPlanError, match="there is no tool"):
        parse_plan(json.dumps({"plan": [{"tool": name, "description": "x"}]}))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"plan": [WALK], "steps": [BOW]}),
        json.dumps({"plan": [WALK], "second_part": {"plan": [BOW]}}),
        f"{json.dumps({'plan': [WALK]})} and {json.dumps(BOW)}",
        f"{json.dumps({'plan': [WALK]})}\nthen 2. MotionLLM.generate('a person bows')",
        f"```json\n{json.dumps({'plan': [WALK]})}\n```\nand\n```json\n{json.dumps(BOW)}\n```",
        f"{json.dumps([WALK])}\n{json.dumps([BOW])}",
        f'{{"plan": [{json.dumps(WALK)[:-1]}, {json.dumps(BOW)[1:]}]}}',  # two steps in one object
        json.dumps({"plan": [{**WALK, "note": BOW}]}),
        f"{json.dumps({'plan': [WALK, BOW]})}\nFinal: {json.dumps({'plan': []})}",
    ],
)
def test_steps_at_two_places_are_refused_not_dropped(text: str) -> None:
    with pytest.raises(InvalidPlanError):
        parse_plan(text)


def test_the_papers_answers_are_read() -> None:
    assert parse_plan('{"plan": "1. MotionLLM.caption(<motion_file>)"}').plan.plan[0].motion == ""
    assert parse_plan("1. MotionLLM.caption(clip.npy)").plan.plan[0].motion == "clip.npy"
    answered = parse_plan('{"reasoning": "The person is walking."}').plan
    assert (answered.plan, answered.reasoning) == ((), "The person is walking.")


def test_one_rung_says_how_it_was_read_and_the_strict_reader_reads_only_json() -> None:
    assert strict_plan(JSON).plan == parse_plan(JSON).plan
    for text in (f"Sure: {JSON}", str(TWO), CALLS, json.dumps([WALK])):
        assert len(parse_plan(text).plan.plan) in (1, 2)
        with pytest.raises(InvalidPlanError):
            strict_plan(text)


def test_reasoning_comes_along() -> None:
    assert parse_plan(FORMS["the paper's form in JSON"][0]).plan.reasoning == "so"
    assert parse_plan(FORMS["wrapped in plan"][0]).plan.reasoning == "because"


def test_quotes_and_parentheses_inside_the_papers_form_stay() -> None:
    text = (
        "1. MotionLLM.generate('a person's arms (both) swing'); "
        "2. MotionLLM.generate('a person says \"hi\" (and waves)')\n"
        "3. MotionLLM.caption('walk.npy')"
    )
    steps = parse_plan(text).plan.plan
    assert [s.description for s in steps] == [
        "a person's arms (both) swing",
        'a person says "hi" (and waves)',
        "",
    ]
    assert steps[2].tool == "caption_motion"
    assert steps[2].motion == "walk.npy"


def test_an_empty_plan_is_a_plan() -> None:
    plan = parse_plan('{"reasoning": "Hello!", "plan": []}').plan
    assert plan.plan == ()
    assert plan.reasoning == "Hello!"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("<think>only thoughts</think>", "empty"),
        ("I'm sorry, I can't help with that.", "refused"),
        ("The person should walk and then bow.", "no_plan"),
        ('{"answer": 42}', "no_plan"),
        ("[1, 2, 3]", "no_plan"),
        ('"just a string"', "no_plan"),
        (JSON[:-30], "truncated"),
        (JSON[:-1], "truncated"),
        (f"First {JSON} and then {JSON[:60]}", "truncated"),
        (CALLS[:-8], "truncated"),
        (f"```json\n{JSON[:-20]}\n```", "truncated"),
        ('{"plan": [{"tool": "fly_away", "description": "x"}]}', "invalid"),
        ('{"plan": [{"tool": "generate_motion", "description": "x", "times": 3}]}', "invalid"),
        ('{"plan": "walk and bow"}', "invalid"),
        ('{"plan": [7]}', "invalid"),
    ],
)
def test_causes_are_told_apart(text: str, cause: str) -> None:
    with pytest.raises(InvalidPlanError) as caught:
        parse_plan(text)
    assert caught.value.cause == cause
    assert "\n" not in str(caught.value)


def test_a_schema_echo_is_recognised() -> None:
    from motion_agent.agent_graph.plan import plan_schema

    with pytest.raises(InvalidPlanError) as caught:
        parse_plan(json.dumps(plan_schema()))
    assert caught.value.cause == "schema_echo"


def test_a_length_stop_is_truncated_unless_the_json_is_whole() -> None:
    with pytest.raises(InvalidPlanError) as caught:
        parse_plan(CALLS, truncated=True)
    assert caught.value.cause == "truncated"
    assert len(parse_plan(JSON, truncated=True).plan.plan) == 2


def test_a_refusal_field_is_a_refusal() -> None:
    with pytest.raises(InvalidPlanError, match="no violence") as caught:
        parse_plan("", refusal="no violence")
    assert caught.value.cause == "refused"


def test_a_reading_that_would_lose_words_is_refused() -> None:
    text = "{'plan': [{'tool': 'generate_motion', 'description': 'a person says \"hi', waves' }]}"
    try:
        steps = parse_plan(text).plan.plan
    except InvalidPlanError:
        return
    assert "waves" in steps[0].description
    assert "hi" in steps[0].description


def test_every_prefix_of_a_plan_is_whole_or_refused() -> None:
    """A cut answer never becomes a shorter plan."""
    for text in (JSON, str(TWO), CALLS, f"```json\n{JSON}\n```", f"Sure: {JSON}"):
        for end in range(len(text)):
            try:
                found = descriptions(text[:end])
            except InvalidPlanError:
                continue
            if text == CALLS and text[:end].rstrip("; 2.").endswith("forward')"):
                continue  # a whole plan of one step, for all that the text can tell
            assert found == STEPS, text[:end]


def _damage(text: str, rng: random.Random) -> str:
    kind = rng.randrange(7)
    inside_word = re.compile(r"(?<=\w)(?=\w)")
    at = rng.choice([i for i in range(len(text)) if not inside_word.match(text, i)])
    if kind == 0:
        return text[:at] + rng.choice("{}[]\"',:;\\`<>\n") + text[at:]
    if kind == 1 and not text[at].isalnum():
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text.replace('"', "'")
    if kind == 3:
        return rng.choice(["Sure! ", "<think>", "```json\n", "// hm\n", "[", "{"]) + text
    if kind == 4:
        return text + rng.choice(["```", " Done.", "}", "]", "</think>", "\n\n{", ",", "\x00"])
    if kind == 5:
        return text.replace("}, {", rng.choice(["} {", "},\n\n{", "}; {", "},, {"]))
    return text.replace("null", "None").replace("0", rng.choice(["0.0", "'0 s'", "None", "0,"]))


def test_damaged_plans_never_crash_and_never_lose_a_step() -> None:
    """What is accepted holds every action word of what was written, as often as it was."""
    rng = random.Random(7)
    verbs = ["walks", "bows", "waves", "jumps", "kicks", "turns", "crawls", "sits"]
    accepted = 0
    for _ in range(500):
        chosen = rng.sample(verbs, rng.randint(1, 5))
        steps = [step(description=f"a person {verb} ({rng.randint(1, 9)} it's)") for verb in chosen]
        text = rng.choice([plan_text(*steps), str({"plan": steps}), json.dumps(steps)])
        for _ in range(rng.randint(0, 3)):
            text = _damage(text, rng)
        try:
            plan = parse_plan(text).plan
        except InvalidPlanError:
            continue
        accepted += 1
        found = [[verb for verb in verbs if verb in s.description] for s in plan.plan]
        assert found == [[verb] for verb in chosen], text
    assert accepted > 200


def test_hostile_text_is_refused_quickly() -> None:
    hostile: list[Any] = [
        "[" * 100_000,
        '{"plan":' * 20_000,
        "{" * 50_000 + "}" * 50_000,
        "MotionLLM.generate('" * 5_000,
        "'" * 100_000,
        "```json\n" * 20_000,
        "<think>" * 20_000,
        "x" * 1_000_000,
    ]
    start = time.process_time()
    for text in hostile:
        with pytest.raises(InvalidPlanError):
            parse_plan(text)
    assert time.process_time() - start < 10


def test_a_description_may_speak_of_tools() -> None:
    words = 'a person reads {"tool": "generate_motion"} aloud'
    text = json.dumps({"plan": [{"tool": "generate_motion", "description": words}]})
    assert [s.description for s in parse_plan(text).plan.plan] == [words]
    twice = text[:-1] + ', "plan": []}'  # JSON keeps the last of two
    with pytest.raises(InvalidPlanError, match="without losing words"):
        parse_plan(twice)


PLAN = '{"reasoning": "x", "plan": [{"tool": "generate_motion", "description": "a man walks"}]}'
STEP = '{"tool": "generate_motion", "description": "a man walks"}'


@pytest.mark.parametrize(
    "text",
    [
        "{\n\n" + PLAN,
        "[" + PLAN,
        "{{" + PLAN,
        "{ [ " + PLAN,
        "```json\n{\n" + PLAN + "\n```",
        "Sure: {\n" + PLAN,
        "{\n" + PLAN + "\nThere you are.",
    ],
)
def test_a_whole_plan_behind_stray_brackets_is_read(text: str) -> None:
    assert [step.description for step in parse_plan(text).plan.plan] == ["a man walks"]


@pytest.mark.parametrize(
    "text",
    [
        "[" + STEP,  # the list may go on
        "[" + STEP + ", " + STEP,
        "{" + STEP,
        "{" + PLAN[:-2],
        "{" + PLAN + ", " + PLAN,
        "{" + PLAN + "\n\n{" + PLAN,
        "{" + PLAN + ' then MotionLLM.generate("a man bows")',
    ],
)
def test_behind_stray_brackets_nothing_is_lost(text: str) -> None:
    with pytest.raises(InvalidPlanError):
        parse_plan(text)
