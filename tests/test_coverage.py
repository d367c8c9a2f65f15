"""What training covers: nearness in meaning to its captions, in any script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from motionllm_toys import checkpoint

from motion_agent.motion_core.errors import InputError, IntegrityError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motionllm.beyond import BEYOND
from motion_agent.motion_core.motionllm.engine import MotionLLMEngine
from motion_agent.motion_core.motionllm.known_captions import FILE, KnownCaptions
from motion_agent.motion_core.motionllm.vocabulary import KnownWords

PEOPLE = ("a person", "someone", "a man")
GAITS = ("walks", "strolls", "runs", "jogs")
WAYS = ("forward", "backwards", "slowly", "in a circle", "to the left")
THROWS = ("throws a ball", "throws a stone", "catches a ball", "kicks a ball")
CAPTIONS = tuple(f"{who} {gait} {way}" for who in PEOPLE for gait in GAITS for way in WAYS)
CAPTIONS += tuple(f"{who} {throw}" for who in PEOPLE for throw in THROWS)
HELD_OUT = ("a woman is walking slowly", "he jogged to the left", "somebody throws balls")


@pytest.fixture(scope="module")
def known() -> KnownCaptions:
    return KnownCaptions.learn(CAPTIONS, HELD_OUT)


def test_held_out_captions_are_covered_and_requests_beyond_are_not(known: KnownCaptions) -> None:
    for caption in (*CAPTIONS, *HELD_OUT):
        covered = known.coverage(caption)
        assert covered.score > 0.5 and covered.unknown == (), caption
    scores = [known.coverage(request).score for request in BEYOND]
    assert np.mean([score < 0.5 for score in scores]) == 1


def test_unknown_words_are_whole_and_each_reported_once(known: KnownCaptions) -> None:
    assert known.coverage("a naïve dragon, a dragon flies").unknown == ("naïve", "dragon", "flies")


def test_one_unknown_clause_is_not_hidden_by_known_ones(known: KnownCaptions) -> None:
    whole = known.coverage("a person walks forward, then does a somersault")
    assert whole.score < 0.5
    assert whole.unknown == ("somersault",)
    assert known.coverage("a person walks forward, then throws a ball").score > 0.5


def test_known_words_that_say_nothing_known_together_are_reported(known: KnownCaptions) -> None:
    odd = known.nearness("a stone circle left a ball")
    assert odd < min(known.nearness(caption) for caption in CAPTIONS)


@pytest.mark.parametrize(
    "text", ["一个人向前走", "человек идёт", "사람이 걷고", "人が歩く", "يمشي"]
)
def test_words_of_other_scripts_are_reported_as_they_are_written(
    known: KnownCaptions, text: str
) -> None:
    for coverage in (known.coverage(f"a person walks, {text}"), FakeEngine().coverage(text)):
        assert coverage.unknown == tuple(text.split())
        assert coverage.score == 0


def test_accents_stay_within_their_word() -> None:
    assert FakeEngine().coverage("a naïve café walk").unknown == ("naïve", "café")


@pytest.mark.parametrize("nothing", ["", " ... ", "3 4", "the person and someone"])
def test_a_description_without_content_is_not_covered(known: KnownCaptions, nothing: str) -> None:
    assert known.coverage(nothing).score < 0.5
    assert known.coverage(nothing).unknown == ()


def test_saved_vectors_give_the_same_coverage(known: KnownCaptions, tmp_path: Path) -> None:
    known.save(tmp_path)
    assert (tmp_path / FILE).stat().st_size < 40_000
    loaded = KnownCaptions.load(tmp_path)
    for text in (*HELD_OUT, *BEYOND[:9]):
        assert loaded.coverage(text).score == pytest.approx(known.coverage(text).score, abs=0.05)
        assert loaded.coverage(text).unknown == known.coverage(text).unknown


def test_learning_twice_gives_the_same(known: KnownCaptions) -> None:
    again = KnownCaptions.learn(CAPTIONS, HELD_OUT)
    np.testing.assert_array_equal(again.captions, known.captions)
    assert (again.slope, again.middle) == (known.slope, known.middle)


def test_captions_without_words_are_refused() -> None:
    with pytest.raises(InputError, match="no words"):
        KnownCaptions.learn(["...", "the person"], [])


def test_a_checkpoint_keeps_what_it_knows_and_finds_damage(tmp_path: Path) -> None:
    kept = checkpoint(tmp_path, captions=CAPTIONS, held_out=HELD_OUT)
    engine = MotionLLMEngine(kept)
    assert engine.coverage("a man strolls slowly").score > 0.5
    assert engine.coverage("a man plays the harp").unknown == ("plays", "harp")
    path = kept.folder / FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(IntegrityError, match="get the checkpoint again"):
        kept.known()
    without = checkpoint(tmp_path / "without", captions=())
    assert isinstance(without.known(), KnownWords)
