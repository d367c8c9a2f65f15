"""MotionLLM on a server: a real one of llama.cpp, and scripted ones for what goes wrong."""

from __future__ import annotations

import gc
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import httpx
import pytest
import torch
from fakes import Server, busy, completion_server, half_json, silent
from motionllm_toys import CODES, checkpoint

from motion_agent.motion_core import engines
from motion_agent.motion_core.engine import (
    CancelToken,
    CaptionEngine,
    CoverageEngine,
    FillEngine,
    GenerationRequest,
    Take,
    TokenEngine,
)
from motion_agent.motion_core.errors import (
    Cancelled,
    ConfigurationError,
    GenerationError,
    InputError,
    IntegrityError,
    UnavailableError,
)
from motion_agent.motion_core.motionllm import llama_cpp
from motion_agent.motion_core.motionllm.checkpoint import Checkpoint
from motion_agent.motion_core.motionllm.completions import CompletionClient
from motion_agent.motion_core.motionllm.engine import InfillingEngine, load_motionllm
from motion_agent.motion_core.motionllm.llama_cpp import (
    LlamaCppInfillingEngine,
    LlamaServer,
    kept_gguf,
)
from motion_agent.motion_core.motionllm.sampling import Sampling
from motion_agent.motion_core.motionllm.served_engine import (
    ServedEngine,
    ServedInfillingEngine,
    load_served_engine,
)
from motion_agent.motion_core.motionllm.serving import export_checkpoint

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
from llama_server import serving

ONE_TAKE = Sampling(min_tokens=2, max_tokens=10, longest=30, takes=1)
WALK = GenerationRequest("a person walks forward")
LINES = ("a person walks forward", "a man waves", "someone bows and kicks", "bows <Motion_3>")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return checkpoint(tmp_path_factory.mktemp("served"), gap=0.5, sampling=ONE_TAKE)


@pytest.fixture(scope="module")
def llama(whole: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URLs of two servers of llama.cpp, for t2m and m2t."""
    pytest.importorskip("xllamacpp")
    out = tmp_path_factory.mktemp("gguf")
    for direction in ("t2m", "m2t"):
        export_checkpoint(whole, direction, "gguf", out / direction)
    with (
        serving(out / "t2m" / "t2m.gguf", window=256, slots=4) as t2m,
        serving(out / "m2t" / "m2t.gguf", window=256) as m2t,
    ):
        yield f"{t2m},{m2t}"


@pytest.fixture
def scripted() -> Iterator[Server]:
    with completion_server() as server:
        yield server


def engine_of(
    whole: Checkpoint, url: str, *, timeout: float = 30.0, at_once: int = 8
) -> ServedInfillingEngine:
    client = CompletionClient(url.split(","), timeout=timeout, pause=0.01, at_once=at_once)
    return ServedInfillingEngine(whole, client)


def declared_engines() -> dict[str, EntryPoint]:
    """The engines of pyproject.toml, which may have changed since the package was installed."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    points = project["project"]["entry-points"]["motion_agent.engines"]
    return {name: EntryPoint(name, value, "x") for name, value in points.items()}


def motion(*tokens: int) -> str:
    return "".join(f"<Motion_{token}>" for token in tokens)


# ---- a real server -----------------------------------------------------------------------------


def test_llama_cpp_draws_motions_of_the_lengths_that_are_asked_for(
    whole: Checkpoint, llama: str
) -> None:
    engine = engine_of(whole, llama)
    requests = [GenerationRequest(line, seed=n) for n, line in enumerate(LINES * 6)]
    told: list[tuple[int, int]] = []
    takes = engine.generate(requests, progress=lambda done, total: told.append((done, total)))
    lengths = {len(take.tokens) for take in takes}
    assert min(lengths) >= 2 and max(lengths) == 10 and len(lengths) > 2
    assert all(0 <= token < CODES for take in takes for token in take.tokens)
    assert told[-1] == (240, 240) and len(told) == len(requests)
    exact = engine.generate([GenerationRequest(LINES[0], seconds=s) for s in (0.2, 1.0, 6.0)])
    assert [len(take.tokens) for take in exact] == [1, 5, 30]
    assert engine.decode(exact[1].tokens).shape == (20, 263)


def test_a_request_is_a_function_of_its_seed_whatever_else_is_asked(
    whole: Checkpoint, llama: str
) -> None:
    engine = engine_of(whole, llama)
    requests = [GenerationRequest(LINES[n % 4], seed=n, seconds=2.0) for n in range(8)]
    together, alone = engine.generate(requests), [engine.generate([r])[0] for r in requests]
    assert together == alone
    assert len({take.tokens for take in together}) == 8


def test_greedy_tokens_are_those_of_the_engine_in_this_process(
    whole: Checkpoint, llama: str
) -> None:
    requests = [
        GenerationRequest(line, greedy=True, seconds=seconds)
        for line in LINES[:3]
        for seconds in (None, 2.4)
    ]
    here = load_motionllm(whole.folder, dtype=torch.float32).generate(requests)
    assert engine_of(whole, llama).generate(requests) == here


def test_gaps_and_captions_are_those_of_the_engine_in_this_process(
    whole: Checkpoint, llama: str
) -> None:
    served, here = engine_of(whole, llama), load_motionllm(whole.folder, dtype=torch.float32)
    assert isinstance(here, InfillingEngine)
    for engine in (served, here):
        assert len(engine.fill((1, 2, 3), (4, 5), 7, seed=3)) == 7
    takes = [Take((3, 1, 2)), Take((7,) * 60)]
    assert served.caption(takes) == here.caption(takes)
    assert served.coverage("a man waves") == here.coverage("a man waves")
    for kind in (TokenEngine, CaptionEngine, CoverageEngine, FillEngine):
        assert isinstance(served, kind)


def test_the_prompt_has_the_same_ids_on_the_server(whole: Checkpoint, llama: str) -> None:
    """Also where the description holds what looks like a motion token."""
    engine = load_motionllm(whole.folder, dtype=torch.float32)
    model, prompt = engine._use("t2m")
    with completion_server(owner="llamacpp") as server:
        server.answers = [motion(1, 2)] * len(LINES)
        engine_of(whole, f"{server.url}/v1").generate(
            [GenerationRequest(line, seconds=0.4) for line in LINES]
        )
        sent = sorted(request["prompt"] for request in server.requests)
    url = llama.split(",")[0].replace("/v1", "/tokenize")
    lines = sorted(line.replace("<", "< ") for line in LINES)
    for text, line in zip(sent, lines, strict=True):
        ids = httpx.post(url, json={"content": text, "parse_special": True}).json()["tokens"]
        assert ids == [*prompt.description(line, 0.4), model.motion_start]


def test_a_set_token_ends_a_call_and_what_the_server_does_for_it(
    whole: Checkpoint, llama: str
) -> None:
    cancel = CancelToken()
    engine = engine_of(whole, llama)
    with pytest.raises(Cancelled):
        engine.generate(
            [GenerationRequest(LINES[0], seed=n, seconds=6.0) for n in range(500)],
            cancel=cancel,
            progress=lambda done, total: cancel.cancel(),
        )
    assert len(engine.generate([WALK])) == 1  # the server goes on


# ---- llama.cpp in this process -----------------------------------------------------------------


def test_llama_cpp_is_an_engine_that_needs_no_server(
    whole: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xllamacpp")
    monkeypatch.setattr(engines, "_entry_points", declared_engines)
    monkeypatch.setenv("MOTION_AGENT_CACHE", str(tmp_path))
    requests = [GenerationRequest(line, seed=n, seconds=1.0) for n, line in enumerate(LINES * 3)]
    first = engines.load_engine(f"llama.cpp:{whole.folder}")
    assert isinstance(first, LlamaCppInfillingEngine) and first.name.startswith("llama.cpp motion")
    assert not any(tmp_path.iterdir())  # nothing is exported before it is asked for
    takes = first.generate(requests)
    assert {len(take.tokens) for take in takes} == {5} and first.generate(requests) == takes
    assert len(first.fill((1, 2, 3), (4, 5), 7)) == 7
    (kept,) = (tmp_path / "merged").iterdir()
    (url,) = (server.url for server in first._servers.values())
    refused = httpx.post(f"{url}/completions", json={"prompt": "a"})
    assert refused.status_code == 401  # other users of this computer have no key

    with monkeypatch.context() as patch:
        patch.setattr(llama_cpp, "export_checkpoint", None)
        patch.setenv("MOTION_AGENT_CHECKPOINT", str(whole.folder))
        again = engines.load_engine("llama.cpp")
        assert again.generate(requests) == takes
    weights = (kept / "t2m.gguf").read_bytes()
    (kept / "t2m.gguf").write_bytes(weights[:-1] + b"\x55")
    assert kept_gguf(whole, "t2m").read_bytes() == weights  # damaged, so it was made again

    here = load_motionllm(whole.folder, dtype=torch.float32)
    assert first.caption([Take((3, 1, 2))]) == here.caption([Take((3, 1, 2))])
    del first
    gc.collect()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/models")


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    (tmp_path / "bad.gguf").write_bytes(b"junk")
    with pytest.raises(UnavailableError, match=r"bad\.gguf: Failed to init server"):
        LlamaServer(tmp_path / "bad.gguf", window=256, slots=1, threads=1)


def test_without_xllamacpp_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setattr(engines, "_entry_points", declared_engines)
    with pytest.raises(ConfigurationError, match=r"pip install 'motion-agent\[llama-cpp\]'"):
        engines.load_engine("llama.cpp")


def test_a_proxy_is_not_asked_for_this_computer(
    whole: Checkpoint, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    scripted.answers = [[motion(1, 2), "length"], ""]
    assert engine_of(whole, f"{scripted.url}/v1").generate([WALK])[0].tokens == (1, 2)


# ---- what goes wrong ---------------------------------------------------------------------------


def test_errors_that_may_pass_are_asked_again(whole: Checkpoint, scripted: Server) -> None:
    scripted.answers = [busy(0), half_json, [motion(1, 2), "length"], motion(3)]
    take = engine_of(whole, f"{scripted.url}/v1").generate([WALK])[0]
    assert take.tokens == (1, 2, 3) and len(scripted.requests) == 4


@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        ([(500, {"error": "out of memory"})] * 4, UnavailableError, "out of memory"),
        ([half_json] * 4, UnavailableError, "broke off|no JSON"),
        ([(200, {"choices": []})] * 4, IntegrityError, "without a text"),
        ([(200, {"choices": [{"text": 7}]})] * 4, IntegrityError, "7"),
        ([(200, [1])] * 4, IntegrityError, "no JSON object"),
        ([(404, {"error": "no model t2m"})], ConfigurationError, "no model t2m"),
        ([(401, {"error": "who?"})], ConfigurationError, "MOTION_AGENT_SERVER_KEY"),
        (["a person walks"] * 8, GenerationError, "'a person walks' in place of motion tokens"),
        ([""] * 8, GenerationError, "nothing that can be read"),
        ([motion(CODES)] * 8, GenerationError, f"Motion_{CODES}"),
    ],
)
def test_what_does_not_pass_is_told(
    whole: Checkpoint, scripted: Server, answers: list, error: type[Exception], message: str
) -> None:
    scripted.answers = list(answers)
    with pytest.raises(error, match=message):
        engine_of(whole, f"{scripted.url}/v1").generate([WALK])
    assert scripted.answers == []


def test_a_server_that_is_late_or_absent_is_told(whole: Checkpoint, scripted: Server) -> None:
    scripted.answers = [silent] * 4
    with pytest.raises(UnavailableError, match=r"within 0\.1 s"):
        engine_of(whole, f"{scripted.url}/v1", timeout=0.1).generate([WALK])
    with pytest.raises(UnavailableError, match="no server answers at http://127"):
        engine_of(whole, "http://127.0.0.1:9/v1").warm_up()


def test_an_end_that_comes_too_early_is_drawn_again(whole: Checkpoint, scripted: Server) -> None:
    """A server without a way to forbid tokens: what it may not say is as if it had not."""
    scripted.answers = [motion(5), f"{motion(6)}</Motion>", "so", [motion(7, 8, 9), "length"]]
    request = GenerationRequest("a man waves", seconds=1.0, seed=4)
    assert engine_of(whole, f"{scripted.url}/v1").generate([request])[0].tokens == (5, 6, 7, 8, 9)
    sent = scripted.requests
    assert [r["max_tokens"] for r in sent] == [5, 4, 3, 3]
    assert sent[1]["prompt"] == f"{sent[0]['prompt']}<Motion_5>"
    assert sent[0]["prompt"] == "Text: a man waves\nSeconds: 1.0\nMotion:<Motion>"
    assert len({r["seed"] for r in sent}) == 4


def test_vllm_is_told_which_tokens_are_allowed(whole: Checkpoint) -> None:
    config = whole.config
    end, first = config.vocabulary + 1, config.vocabulary + 2
    with completion_server("anything", "vllm") as server:
        server.answers = [[motion(1, 2), "length"], f"{motion(3)}</Motion>"]
        engine = engine_of(whole, server.url)
        engine.sampling = replace(engine.sampling, end_penalty=2.0)
        assert engine.generate([WALK])[0].tokens == (1, 2, 3)
        before, after = server.requests
    motions = list(range(first, first + CODES))
    assert before["allowed_token_ids"] == motions and before["ignore_eos"]
    assert after["allowed_token_ids"] == [end, *motions] and not after["ignore_eos"]
    assert "logit_bias" not in before and after["logit_bias"] == {str(end): -2.0}
    assert before["model"] == "anything" and not before["skip_special_tokens"]


def test_nobody_waits_for_a_slow_server_after_a_cancel(whole: Checkpoint, scripted: Server) -> None:
    scripted.answers = [silent]
    cancel = CancelToken()
    threading.Timer(0.2, cancel.cancel).start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        engine_of(whole, f"{scripted.url}/v1").generate([WALK], cancel=cancel)
    assert time.monotonic() - begin < 3


def test_requests_that_nobody_waits_for_are_not_sent(whole: Checkpoint, scripted: Server) -> None:
    over = CancelToken()
    over.cancel()
    scripted.answers = [[motion(1, 2), "length"], ""]
    requests = [GenerationRequest("a man waves", cancel=over), WALK]
    takes = engine_of(whole, f"{scripted.url}/v1", at_once=1).generate(requests)
    assert takes[1].tokens == (1, 2) and takes[0].tokens and len(scripted.requests) == 2


def test_descriptions_and_durations_are_checked_before_anything_is_sent(
    whole: Checkpoint, scripted: Server
) -> None:
    engine = engine_of(whole, f"{scripted.url}/v1")
    for bad in (GenerationRequest(" "), GenerationRequest("a man", seconds=60.0)):
        with pytest.raises(InputError):
            engine.generate([WALK, bad])
    assert engine.generate([]) == [] and scripted.requests == []


# ---- which server, which model -----------------------------------------------------------------


def test_models_are_found_by_name_or_place(whole: Checkpoint, scripted: Server) -> None:
    scripted.models = [{"id": name} for name in ("llama3", "me/m2t:latest", "me/t2m:latest")]
    engine = engine_of(whole, f"{scripted.url}/v1")
    scripted.answers = [[motion(1, 2), "length"], "", "a man"]
    engine.generate([WALK])
    assert engine.caption([Take((1, 2))]) == ["a man"]
    assert [r["model"] for r in scripted.requests] == [*["me/t2m:latest"] * 2, "me/m2t:latest"]
    with completion_server("/models/served") as first, completion_server("/t2m/other") as second:
        both = engine_of(whole, f"{first.url}/v1,{second.url}/v1")
        second.answers = ["waves"]
        assert both.caption([Take((1, 2))]) == ["waves"]
        assert second.requests[0]["prompt"] == "Motion:<Motion><Motion_1><Motion_2></Motion>\nText:"
        with pytest.raises(ConfigurationError, match="no server has a model for m2t"):
            engine_of(whole, f"{first.url}/v1").caption([Take((1, 2))])


def test_a_model_of_another_vocabulary_is_refused(whole: Checkpoint) -> None:
    with completion_server(owner="llamacpp") as server:
        server.models[0]["meta"] = {"n_vocab": 49152}
        with pytest.raises(ConfigurationError, match="has 49152 tokens"):
            engine_of(whole, f"{server.url}/v1").warm_up()


@pytest.mark.parametrize("urls", ["", "8080", "ftp://here", "http://", "http://a:b", "a,b,c"])
def test_a_url_that_is_none_is_refused(urls: str) -> None:
    with pytest.raises(ConfigurationError, match=r"http://127\.0\.0\.1:8080/v1"):
        load_served_engine(urls)


def test_the_engine_is_found_by_its_name(
    whole: Checkpoint, scripted: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_entry_points", declared_engines)
    monkeypatch.setenv("MOTION_AGENT_CHECKPOINT", str(whole.folder))
    monkeypatch.setenv("MOTION_AGENT_SERVER_KEY", "secret")
    engine = engines.load_engine(f"openai-compatible:{scripted.url}/v1")
    assert isinstance(engine, ServedInfillingEngine) and engine.name.startswith("served motionllm")
    scripted.answers = [[motion(1, 2), "length"], ""]
    engine.generate([WALK])
    assert scripted.headers[0]["authorization"] == "Bearer secret"


def test_a_checkpoint_that_wants_guidance_is_served_with_a_warning(tmp_path: Path) -> None:
    sampling = Sampling(min_tokens=2, max_tokens=10, longest=30, takes=2, guidance=4.0)
    guided = checkpoint(tmp_path, sampling=sampling)
    client = CompletionClient(["http://127.0.0.1:9/v1"])
    with pytest.warns(UserWarning, match="guidance 4 and 2 takes"):
        ServedEngine(guided, client)
