"""The engine: what it promises to the tools above, on a tiny checkpoint."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from motionllm_toys import CODES, backbone_folder, checkpoint

from motion_agent.motion_core.engine import (
    CancelToken,
    CaptionEngine,
    CoverageEngine,
    FillEngine,
    GenerationRequest,
    Take,
    TokenEngine,
)
from motion_agent.motion_core.engines import load_engine
from motion_agent.motion_core.errors import (
    Cancelled,
    ConfigurationError,
    InputError,
    UnavailableError,
)
from motion_agent.motion_core.motionllm import MotionLLMEngine, load_motionllm
from motion_agent.motion_core.motionllm.checkpoint_engine import FILL_CONTEXT
from motion_agent.motion_core.motionllm.choosing import reading_scores, take_seeds
from motion_agent.motion_core.motionllm.model import Direction
from motion_agent.motion_core.motionllm.vocabulary import KnownWords, stem

TEXTS = ("a person walks forward", "a man waves", "someone bows and kicks with great care")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> MotionLLMEngine:
    return load_motionllm(checkpoint(tmp_path_factory.mktemp("engine")).folder)


def requests(**changes: object) -> list[GenerationRequest]:
    return [
        GenerationRequest(text, **{"seed": seed, **changes})  # type: ignore[arg-type]
        for seed, text in enumerate(TEXTS)
    ]


def test_it_is_a_motion_engine_with_a_name_for_provenance(engine: MotionLLMEngine) -> None:
    assert isinstance(engine, TokenEngine)
    assert isinstance(engine, CaptionEngine) and isinstance(engine, CoverageEngine)
    assert engine.name == f"motionllm checkpoint {engine.checkpoint.version}"
    assert load_engine(str(engine.checkpoint.folder)).name == engine.name


def test_every_request_gets_motion_tokens_within_the_lengths(engine: MotionLLMEngine) -> None:
    takes = engine.generate(requests())
    assert [2 <= len(take.tokens) <= 10 for take in takes] == [True] * 3
    assert {token for take in takes for token in take.tokens} <= set(range(CODES))
    assert engine.generate([]) == []


def test_a_request_alone_gives_the_tokens_it_gives_in_a_batch(engine: MotionLLMEngine) -> None:
    together = engine.generate(requests())
    assert [engine.generate([request])[0] for request in requests()] == together
    assert engine.generate(requests(seed=9)) != together


def test_more_requests_than_fit_a_batch_are_the_same_as_one_by_one(
    engine: MotionLLMEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = engine.generate(requests())
    monkeypatch.setattr("motion_agent.motion_core.motionllm.drawing._BATCH", 2)
    progress: list[tuple[int, int]] = []
    assert engine.generate(requests(), progress=lambda *p: progress.append(p)) == expected
    most = 3 * 10 * engine.sampling.takes
    assert progress[-1] == (most, most) and progress == sorted(progress)


def test_of_several_takes_the_one_is_kept_in_which_the_description_is_read_best(
    engine: MotionLLMEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, seed = TEXTS[0], 3
    seeds = take_seeds(seed, 4)
    assert seeds[0] == seed and len(set(seeds)) == 4
    monkeypatch.setattr(engine, "sampling", replace(engine.sampling, takes=1))
    takes = [engine.generate([GenerationRequest(text, seed=one)])[0].tokens for one in seeds]
    model, prompt = engine._use("m2t")
    scores = reading_scores(model, prompt, [(take, text) for take in takes])
    monkeypatch.setattr(engine, "sampling", replace(engine.sampling, takes=4))
    kept = engine.generate([GenerationRequest(text, seed=seed)])[0].tokens
    assert len(set(takes)) == 4
    assert kept == takes[int(np.argmax(scores))]


def test_a_reading_score_is_the_log_probability_of_the_description(engine: MotionLLMEngine) -> None:
    model, prompt = engine._use("m2t")
    short, long = (1, 2), (3, 1, 4, 1, 5, 0)
    together = reading_scores(model, prompt, [(short, TEXTS[0]), (long, TEXTS[2])])
    alone = [reading_scores(model, prompt, [(long, TEXTS[2])])[0]]
    np.testing.assert_allclose(together[1:], alone, rtol=1e-5)
    before, after = prompt.around_motion()
    answer = prompt.answer(TEXTS[0])
    question = [*before, model.motion_start, *model.token_ids(short), model.motion_end, *after]
    ids = torch.tensor([[*question, *answer]])
    logits = model.text_logits(model.states(ids, "m2t"))[0]
    logarithms = torch.log_softmax(logits, dim=-1)[len(question) - 1 : -1]
    expected = sum(float(row[token]) for row, token in zip(logarithms, answer, strict=True))
    assert together[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("seconds", "count"), [(3.0, 15), (0.01, 1), (0.5, 2), (6, 30)])
def test_seconds_are_kept_to_the_token(engine: MotionLLMEngine, seconds: float, count: int) -> None:
    segments = engine.generate([GenerationRequest("a man waves", seconds=seconds)])
    assert len(segments[0].tokens) == count


def test_a_wished_duration_is_told_to_the_model(engine: MotionLLMEngine) -> None:
    ids = []
    prompt = engine._use("t2m")[1]
    original = prompt.description
    try:
        object.__setattr__(
            prompt, "description", lambda *a: ids.append(original(*a)) or original(*a)
        )
        engine.generate([GenerationRequest("a man waves", seconds=0.97)])
    finally:
        object.__delattr__(prompt, "description")
    lines = [prompt.text_tokenizer.decode(line) for line in ids]
    assert "Text: a man waves\nSeconds: 1.0\nMotion:" in lines


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (0.0, "more than 0"),
        (-1.0, "more than 0"),
        (float("nan"), "nan"),
        (60.0, "split the motion"),
    ],
)
def test_impossible_durations_are_refused(
    engine: MotionLLMEngine, seconds: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        engine.generate([GenerationRequest("a man waves", seconds=seconds)])


@pytest.mark.parametrize("description", ["", " \n", "?!", "w" * 301, "walk " * 2000])
def test_bad_descriptions_are_refused_in_one_line(
    engine: MotionLLMEngine, description: str
) -> None:
    with pytest.raises(InputError, match="description") as caught:
        engine.generate([*requests(), GenerationRequest(description)])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_captions_are_sentences_and_a_batch_changes_none(engine: MotionLLMEngine) -> None:
    motions = [Take((3, 4, 5)), Take((9,) * 20), Take((1, 2, 3, 4, 5, 6, 7, 8))]
    together = engine.caption(motions)
    assert all(line and line == " ".join(line.split()) for line in together)
    assert [engine.caption([take])[0] for take in motions] == together
    assert engine.caption([]) == []


def test_long_motions_are_captioned_in_equal_windows(engine: MotionLLMEngine) -> None:
    motion = [token % CODES for token in range(40)] + [3] * 64  # 104 tokens: three windows
    windows = (motion[:34], motion[34:69], motion[69:])
    parts = engine.caption([Take(tuple(window)) for window in windows])
    assert len(set(parts)) > 1
    sentences = [part for part, _ in itertools.groupby(parts)]  # what is said twice is said once
    assert engine.caption([Take(tuple(motion))]) == [", then ".join(sentences)]
    assert engine.caption([Take((3,) * 105)]) == engine.caption([Take((3,) * 35)])


@pytest.mark.parametrize("tokens", [[], [CODES], [-1]])
def test_tokens_that_are_none_are_refused(engine: MotionLLMEngine, tokens: list[int]) -> None:
    with pytest.raises(InputError, match="token"):
        engine.caption([Take((1, 2)), Take(tuple(tokens))])


def test_features_go_to_tokens_and_back(engine: MotionLLMEngine) -> None:
    features = np.random.default_rng(0).normal(size=(18, 263)).astype(np.float32)
    tokens = engine.encode(features)
    assert len(tokens) == 4
    assert engine.decode(tokens).shape == (16, 263)


def test_features_without_tokens_are_captioned(engine: MotionLLMEngine) -> None:
    features = np.random.default_rng(0).normal(size=(18, 263)).astype(np.float32)
    assert engine.caption([Take(features=features)]) == engine.caption(
        [Take(engine.encode(features))]
    )


def test_a_request_says_how_many_takes_to_draw(
    engine: MotionLLMEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = engine.generate([GenerationRequest(TEXTS[0], seed=3, takes=1)])
    monkeypatch.setattr(engine, "sampling", replace(engine.sampling, takes=1))
    assert engine.generate([GenerationRequest(TEXTS[0], seed=3)]) == [one]


def test_a_gap_is_filled_to_the_token_where_training_knew_gaps(
    engine: MotionLLMEngine, tmp_path: Path
) -> None:
    assert not isinstance(engine, FillEngine)
    filling = load_motionllm(checkpoint(tmp_path, gap=0.2).folder)
    assert isinstance(filling, FillEngine)
    before, after = list(range(12)) * 3, [5, 6, 7]
    filled = filling.fill(before, after, 6, seed=3)
    assert len(filled) == 6 and set(filled) <= set(range(CODES))
    assert filling.fill(before[-FILL_CONTEXT:], after, 6, seed=3) == filled
    assert len({filling.fill(before, after, 6, seed=seed) for seed in range(5)}) > 1
    assert len(filling.fill([], after, 1)) == len(filling.fill(before, [], 1)) == 1
    for sides, length, words in (
        (([], []), 3, "both are empty"),
        ((before, [CODES]), 3, "not in the codebook"),
        ((before, after), 0, "1 to 30 tokens, not 0"),
        ((before, after), 31, "1 to 30 tokens, not 31"),
    ):
        with pytest.raises(InputError, match=words):
            filling.fill(*sides, length)


def test_a_cancelled_generation_stops_at_the_next_token(engine: MotionLLMEngine) -> None:
    cancel = CancelToken()
    seen: list[int] = []

    def after_two(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        engine.generate(requests(), progress=after_two, cancel=cancel)
    assert len(seen) == 2


def test_an_interrupted_generation_leaves_the_engine_usable(engine: MotionLLMEngine) -> None:
    expected = engine.generate(requests())

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.generate(requests(), progress=interrupt)
    engine.caption([Take((1, 2, 3))])
    assert engine.generate(requests()) == expected


def test_an_interrupt_while_adapters_are_switched_leaves_the_engine_usable(
    engine: MotionLLMEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = engine.generate(requests())
    model = engine._use("t2m")[0]

    use = model.use

    def half(direction: Direction) -> None:
        use(direction)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(model, "use", half)
        engine.caption([Take((1, 2, 3))])
    assert engine.generate(requests()) == expected


def test_many_threads_get_what_one_gets(engine: MotionLLMEngine) -> None:
    motions = engine.generate(requests())
    captions = engine.caption(motions)
    found: dict[int, tuple[object, object]] = {}

    def both(number: int) -> None:
        segments = engine.generate([requests()[number % 3]])
        found[number] = (segments[0], engine.caption(segments)[0])

    threads = [threading.Thread(target=both, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: (motions[n % 3], captions[n % 3]) for n in range(6)}


def test_the_environment_names_the_checkpoint(
    engine: MotionLLMEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_CHECKPOINT", str(engine.checkpoint.folder))
    assert load_motionllm().name == engine.name
    monkeypatch.setenv("MOTION_AGENT_CHECKPOINT", str(tmp_path))
    with pytest.raises(UnavailableError, match="no checkpoint in"):
        load_motionllm()


def test_a_backbone_of_another_size_is_refused_when_it_is_needed(
    engine: MotionLLMEngine, tmp_path: Path
) -> None:
    other = backbone_folder(tmp_path / "other", vocabulary=310)
    odd = load_motionllm(engine.checkpoint.folder, backbone=other)
    assert odd.decode([1, 2]).shape == (8, 263)
    with pytest.raises(ConfigurationError, match="use the checkpoint with its own backbone"):
        odd.generate(requests())


def test_what_sentences_mean_depends_on_no_other_sentence(engine: MotionLLMEngine) -> None:
    texts = ["a person walks", "a person waves with both hands", "someone sits"]
    together = engine.meanings(texts)
    engine._states = {}
    alone = np.concatenate([engine.meanings([text]) for text in reversed(texts)])[::-1]
    assert together.shape == (3, engine._model()[0].rows["t2m_embed"].shape[1])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert np.linalg.norm(together[0] - together[1]) > 1e-3
    np.testing.assert_array_equal(engine.meanings(texts[:1]), alone[:1])  # it is kept


def test_coverage_knows_the_words_of_the_captions_in_all_their_forms() -> None:
    known = KnownWords(["walks", "waves", "happily", "runs", "crosses"])
    assert known.coverage("A happy man is walking and waved.").score == 1
    assert known.coverage("someone running").score == 1
    half = known.coverage("a dragon walks, a dragon")
    assert half.score == pytest.approx(1 / 3) and half.unknown == ("dragon",)
    assert known.coverage("and the 3 ?").score == 0
    assert stem("run") == stem("running") == stem("runs")
    assert stem("wave") == stem("waving") == stem("waved") == "wav"


def test_a_device_that_is_not_there_is_refused(
    engine: MotionLLMEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = engine.checkpoint.folder
    assert load_motionllm(folder, device="cpu").device == "cpu"
    with pytest.raises(ConfigurationError, match="cannot compute on 'gpu7'"):
        load_motionllm(folder, device="gpu7")
    monkeypatch.setenv("MOTION_AGENT_DEVICE", "abacus")
    with pytest.raises(ConfigurationError, match="cannot compute on 'abacus'"):
        load_motionllm(folder)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use")
def test_a_gpu_gives_the_tokens_of_the_cpu(engine: MotionLLMEngine) -> None:
    greedy = requests(greedy=True)
    cpu = load_motionllm(engine.checkpoint.folder, dtype=torch.float32, device="cpu")
    gpu = load_motionllm(engine.checkpoint.folder, dtype=torch.float32, device="cuda")
    assert gpu.generate(greedy) == cpu.generate(greedy)
    assert gpu.device.startswith("cuda")
