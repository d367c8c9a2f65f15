"""Nearest neighbours: how training motions and captions go on, and which take fits best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motionllm_toys import CODES, checkpoint, motion_llm, motion_tokenizer
from safetensors.numpy import load_file, save_file

from motion_agent.motion_core.engine import GenerationRequest, Take
from motion_agent.motion_core.errors import ConfigurationError, InputError, IntegrityError
from motion_agent.motion_core.motionllm.checkpoint import load_checkpoint
from motion_agent.motion_core.motionllm.choosing import take_seeds
from motion_agent.motion_core.motionllm.continuations import Continuations
from motion_agent.motion_core.motionllm.decoding import (
    MotionPrompt,
    decode_captions,
    decode_motions,
)
from motion_agent.motion_core.motionllm.engine import MotionLLMEngine
from motion_agent.motion_core.motionllm.known_captions import KnownCaptions
from motion_agent.motion_core.motionllm.nearest import NearestClips
from motion_agent.motion_core.motionllm.neighbours import FILE, Neighbours, TrainingClip
from motion_agent.motion_core.motionllm.sampling import Sampling

CLIPS = (
    (("a person waves with the left hand", "someone waves"), [1, 2, 3, 1, 2, 3]),
    (("a person waves with the right hand",), [4, 5, 6, 4, 5, 6]),
    (("a man bows",), [7, 8, 9]),
    (("a man walks forward", "a person walks"), [10, 11, 12, 13]),
)

NO_FEATURES = np.zeros((0, 263), np.float32)


@pytest.fixture(scope="module")
def known() -> KnownCaptions:
    return KnownCaptions.learn([text for texts, _ in CLIPS for text in texts], ())


@pytest.fixture(scope="module")
def neighbours(known: KnownCaptions) -> Neighbours:
    return of(known, [TrainingClip(texts, texts[:1], NO_FEATURES) for texts, _ in CLIPS])


@pytest.fixture(scope="module")
def nearest(known: KnownCaptions, neighbours: Neighbours) -> NearestClips:
    codebook = motion_tokenizer().quantizer.codebook.detach().numpy()
    return NearestClips(neighbours, known, codebook)


def of(known: KnownCaptions, clips: Sequence[TrainingClip]) -> Neighbours:
    """Neighbours with the tokens of `CLIPS`, each of which moves differently."""
    tokens = [np.array(tokens, np.int16) for _, tokens in CLIPS]
    return Neighbours.of(known, clips, tokens, np.eye(len(CLIPS), dtype=np.float32))


def found(nearest: NearestClips, description: str) -> Continuations:
    continuations = nearest.motions(description)
    assert continuations is not None
    return continuations


def expected(continuations: Continuations, drawn: list[int]) -> int:
    """The most probable token after those drawn; -1 for the end."""
    return int(continuations.log_probabilities(drawn).argmax()) - 1


@pytest.mark.parametrize(
    ("description", "begins"),
    [
        ("somebody is waving with the left hand", 1),
        ("a woman waves with her right hand", 4),
        ("he bows", 7),
        ("walking", 10),
    ],
)
def test_a_motion_begins_like_that_of_the_nearest_caption(
    nearest: NearestClips, description: str, begins: int
) -> None:
    assert expected(found(nearest, description), []) == begins


def test_it_goes_on_where_the_last_tokens_were_the_same_and_ends_there(
    nearest: NearestClips,
) -> None:
    bow = found(nearest, "a man bows")
    assert [expected(bow, [7, 8, 9][:count]) for count in range(4)] == [7, 8, 9, -1]
    wave = found(nearest, "a person waves with the left hand")
    assert expected(wave, [1, 2, 3]) == 1 and expected(wave, [1, 2, 3, 1, 2, 3]) == -1


def test_probabilities_are_of_the_end_and_of_each_code(nearest: NearestClips) -> None:
    logs = found(nearest, "a man bows").log_probabilities([7, 1])
    assert logs.shape == (1 + CODES,) and np.isfinite(logs).all()
    assert np.exp(logs).sum() == pytest.approx(1, abs=1e-6)


def test_a_training_caption_is_as_similar_as_can_be_and_others_are_less(
    nearest: NearestClips,
) -> None:
    assert found(nearest, "a man bows").weight == pytest.approx(1, abs=0.02)
    assert 0 < found(nearest, "a man waves at a forward walk").weight < 0.95


@pytest.mark.parametrize("description", ["", "a dragon", "一个人向前走"])
def test_without_a_known_word_nothing_is_near(nearest: NearestClips, description: str) -> None:
    assert nearest.motions(description) is None


def test_saved_neighbours_are_the_same(neighbours: Neighbours, tmp_path: Path) -> None:
    neighbours.save(tmp_path)
    again = Neighbours.load(tmp_path, codes=CODES, words=1000)
    for one, other in ((neighbours.motions, again.motions), (neighbours.captions, again.captions)):
        assert [part.tolist() for part in one] == [part.tolist() for part in other]
    assert neighbours.owners.tolist() == again.owners.tolist() == [0, 0, 1, 2, 3, 3]
    assert again.sentences == tuple(texts[0] for texts, _ in CLIPS)
    assert again.speakers.tolist() == [0, 1, 2, 3]
    for movement in np.eye(len(CLIPS), dtype=np.float32):
        np.testing.assert_allclose(again.apart(movement), neighbours.apart(movement), atol=2e-3)


def test_more_clips_than_sixteen_bits_count_are_kept(known: KnownCaptions, tmp_path: Path) -> None:
    tokens = np.array([3], np.int16)
    one, count = TrainingClip(["a man bows"], ["a man bows"], NO_FEATURES), 70_000
    movements = np.zeros((count, 2), np.float32)
    Neighbours.of(known, [one] * count, [tokens] * count, movements).save(tmp_path)
    again = Neighbours.load(tmp_path, codes=CODES, words=1000)
    assert again.owners[-1] == again.speakers[-1] == 69_999


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": [99] * 19},
        {"lengths": [6, 6, 3, 5]},
        {"lengths": [6, 6, 7, 0]},
        {"owners": [0, 0, 1, 2, 3, 4]},
        {"owners": [0]},
        {"words": []},
        {"counts": None},
        {"speakers": [0, 1, 2]},
        {"speakers": [0, 1, 2, 4]},
        {"sentences": [300] * 9},
        {"sentences": None},
        {"places": [1, 2, 3]},
        {"centre": [0]},
        {"axes": [0]},
    ],
)
def test_a_damaged_file_is_one_clear_error(
    neighbours: Neighbours, tmp_path: Path, change: dict[str, list[int] | None]
) -> None:
    neighbours.save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    for name, values in change.items():
        del arrays[name]
        if values is not None:
            arrays[name] = np.array(values, dtype=np.uint16)
    save_file(arrays, tmp_path / FILE)
    with pytest.raises(IntegrityError, match="get the checkpoint again"):
        Neighbours.load(tmp_path, codes=CODES, words=1000)


def test_neighbours_decide_where_the_model_is_undecided(nearest: NearestClips) -> None:
    model = motion_llm()
    model.rows["t2m_head"].data.zero_()  # all tokens are alike to it
    near = found(nearest, "a person walks")
    rows = [
        MotionPrompt([1, 2, model.motion_start], seed, 1, 9, continuations=near)
        for seed in range(20)
    ]
    sampling = Sampling(neighbours=0.9, top_p=0.9)
    alone = [decode_motions(model, [row], sampling)[0] for row in rows]
    assert sum(motion == (10, 11, 12, 13) for motion in alone) > 10
    assert decode_motions(model, rows, sampling) == alone  # whatever else is in the batch
    without = [replace(row, continuations=None) for row in rows]
    off = Sampling(top_p=0.9)
    assert decode_motions(model, rows, off) == decode_motions(model, without, off)


def words(text: str) -> list[int]:
    """Ids of the letters; 0 is the end."""
    return [*text.encode(), 0]


def test_a_caption_goes_on_like_those_of_the_most_similar_motion(
    nearest: NearestClips, neighbours: Neighbours
) -> None:
    bow = np.eye(len(CLIPS), dtype=np.float32)[2]
    assert neighbours.apart(bow).argmin() == 2
    said = nearest.captions(bow, words, 128)
    assert said is not None
    text = words("a man bows")
    assert [int(said.log_probabilities(text[:at]).argmax()) for at in range(len(text))] == text
    model = motion_llm()
    prompts = [[1, 2, 3], [4, 5]]
    alone = decode_captions(model, prompts, frozenset({0}))
    both = decode_captions(
        model, prompts, frozenset({0}), continuations=[None, _of(model.vocabulary)], neighbours=0.99
    )
    assert both == [alone[0], [7, 8, 9]]


def test_the_take_fits_best_whose_like_motions_have_the_most_similar_captions(
    nearest: NearestClips,
) -> None:
    wave, other_wave, bow, walk = np.eye(len(CLIPS), dtype=np.float32)
    scores = nearest.fitting("a person waves with the left hand", [wave, other_wave, bow, walk])
    assert scores is not None
    assert np.argsort(scores).tolist()[::-1][:2] == [0, 1]
    assert scores[0] == pytest.approx(1, abs=0.02) and max(scores[2:]) < 0.5
    assert nearest.fitting("a dragon", [wave, bow]) is None


def _of(size: int) -> Continuations:
    """Continuations that know one sentence: 7 8 9."""
    sentence = np.array([7, 8, 9, 0])
    return Continuations(
        [sentence[:-1]],
        [sentence],
        np.zeros(1, np.float32),
        apart=lambda contexts, last: -9.0 * (contexts == last).sum(axis=1).astype(np.float32),
        reach=2,
        before=-1,
        size=size,
    )


def test_without_sentences_captions_are_m2ts_own(known: KnownCaptions) -> None:
    silent = [TrainingClip(texts, [" ", "..."], NO_FEATURES) for texts, _ in CLIPS]
    neighbours = of(known, silent)
    codebook = motion_tokenizer().quantizer.codebook.detach().numpy()
    nearest = NearestClips(neighbours, known, codebook)
    assert nearest.captions(np.zeros(len(CLIPS), np.float32), words, 128) is None


def test_a_motion_is_never_shorter_than_asked(nearest: NearestClips) -> None:
    model = motion_llm()
    near = found(nearest, "a man bows")
    rows = [
        MotionPrompt([1, model.motion_start], seed, 8, 8, continuations=near) for seed in range(8)
    ]
    motions = decode_motions(model, rows, Sampling(neighbours=0.9))
    assert [len(motion) for motion in motions] == [8] * 8


def test_a_checkpoint_keeps_its_neighbours_and_its_engine_asks_them(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    captions = ["a person walks forward"], ["a man waves"]
    clips = [
        TrainingClip(texts, texts, random.normal(size=(frames, 263)).astype(np.float32))
        for texts, frames in zip(captions, (40, 24), strict=True)
    ]
    sampling = Sampling(min_tokens=2, max_tokens=10, longest=30, neighbours=0.95, takes=1)
    made = checkpoint(tmp_path, sampling=sampling, clips=clips)
    assert made.config.sampling == sampling and FILE in made.config.digests
    engine = MotionLLMEngine(load_checkpoint(made.folder))
    requests = [GenerationRequest("a person walks forward", seed=seed) for seed in range(12)]
    recorded = engine.encode(clips[0].features)
    begins = [take.tokens[0] for take in engine.generate(requests)]
    assert begins.count(recorded[0]) > 6
    engine.sampling = replace(sampling, neighbours=0.0)
    assert [take.tokens[0] for take in engine.generate(requests)].count(recorded[0]) < 6
    engine.sampling = replace(sampling, neighbours=0.5, takes=4)
    chosen = [take.tokens for take in engine.generate(requests)]
    near = engine.checkpoint.nearest_clips(
        engine.checkpoint.known(), engine.tokenizer.quantizer.codebook
    )
    engine.sampling = replace(engine.sampling, takes=1)
    for request, tokens in zip(requests, chosen, strict=True):
        seeds = take_seeds(request.seed, 4)
        drawn = [engine.generate([replace(request, seed=s)])[0].tokens for s in seeds]
        movements = [engine.tokenizer.movement(take) for take in drawn]
        scores = near.fitting(request.description, movements)
        assert scores is not None
        assert tokens == drawn[scores.index(max(scores))]
    takes = [Take(engine.encode(clip.features)) for clip in clips]
    engine.sampling = replace(sampling, neighbours=0.0)
    alone = engine.caption(takes)
    engine.sampling = replace(sampling, neighbours=0.99)
    said = [text for texts in captions for text in texts]
    assert engine.caption(takes) == said != alone
    assert engine.caption(takes[1:]) == said[1:]  # whatever else is in the batch
    content = (made.folder / FILE).read_bytes()
    (made.folder / FILE).write_bytes(content[:-2] + b"ab")
    with pytest.raises(IntegrityError, match=r"neighbours\.safetensors is not the file"):
        load_checkpoint(made.folder)
    (made.folder / FILE).write_bytes(content)
    (made.folder / "coverage.safetensors").write_bytes(b"of another checkpoint")
    with pytest.raises(IntegrityError, match=r"coverage\.safetensors is not the file"):
        load_checkpoint(made.folder)
    (made.folder / FILE).unlink()
    with pytest.raises(IntegrityError, match=r"neighbours\.safetensors is missing"):
        load_checkpoint(made.folder)


def test_without_neighbours_the_ends_penalty_is_what_they_would_leave_of_it() -> None:
    model = motion_llm()
    rows = [MotionPrompt([1, 2, model.motion_start], seed, 1, 30) for seed in range(30)]
    diluted = Sampling(top_p=1, end_penalty=4.0, neighbours=0.5)
    assert diluted.end_penalty_alone == 2.0
    alone = decode_motions(model, rows, Sampling(top_p=1, end_penalty=2.0))
    assert decode_motions(model, rows, diluted) == alone


def test_a_checkpoint_without_neighbours_says_so(tmp_path: Path) -> None:
    engine = MotionLLMEngine(checkpoint(tmp_path))
    engine.sampling = replace(engine.sampling, neighbours=0.4)
    with pytest.raises(ConfigurationError, match="no neighbours to sample with"):
        engine.generate([GenerationRequest("a man waves")])
    with pytest.raises(InputError, match="no caption of the clips has a known word"):
        strange = [TrainingClip(["zzz"], ["zzz"], np.zeros((8, 263), dtype=np.float32))]
        checkpoint(tmp_path / "strange", clips=strange)
    with pytest.raises(ConfigurationError, match="training clips"):
        checkpoint(tmp_path / "other", sampling=Sampling(neighbours=0.4))
