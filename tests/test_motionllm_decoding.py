"""Decoding with a cache, in batches, against plain forward passes one row at a time."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from motionllm_toys import CODES, motion_llm

from motion_agent.motion_core.errors import ConfigurationError, GenerationError
from motion_agent.motion_core.motionllm.decoding import (
    MotionPrompt,
    decode_captions,
    decode_motions,
)
from motion_agent.motion_core.motionllm.model import MotionLLM
from motion_agent.motion_core.motionllm.sampling import Sampling, draw, guided, probabilities

SAMPLING = Sampling(top_p=0.95, top_k=12, min_tokens=3, max_tokens=12, longest=20)


def prompts(model: MotionLLM, **changes: object) -> list[MotionPrompt]:
    """Four prompts of 3 to 9 tokens."""
    random = torch.Generator().manual_seed(5)
    rows = []
    for number, length in enumerate((4, 9, 3, 6)):
        ids = torch.randint(model.vocabulary, (length,), generator=random).tolist()
        values = {"seed": number, "least": 3, "most": 12, **changes}
        rows.append(MotionPrompt([*ids, model.motion_start], **values))  # type: ignore[arg-type]
    return rows


@torch.no_grad()
def without_cache(model: MotionLLM, prompt: MotionPrompt) -> tuple[int, ...]:
    """The definition: the whole sequence through the model for every token."""
    generator = torch.Generator().manual_seed(prompt.seed)
    tokens: list[int] = []
    while len(tokens) < prompt.most:
        ids = torch.tensor([[*prompt.ids, *model.token_ids(tokens)]])
        hidden = model.hidden(ids, "t2m", use_cache=False).last_hidden_state
        logits = model.motion_logits(hidden[:, -1])
        if len(tokens) < prompt.least:
            logits[:, 0] = -torch.inf
        uniform = torch.rand((), generator=generator)
        choice = draw(probabilities(logits, SAMPLING), uniform[None])
        index = int(logits.argmax() if prompt.greedy else choice)
        if index == 0:
            break
        tokens.append(index - 1)
    return tuple(tokens)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gemma3", "qwen2", "qwen3"])
@pytest.mark.parametrize("greedy", [False, True])
def test_a_cached_batch_equals_full_passes_of_each_row(family: str, greedy: bool) -> None:
    model = motion_llm(family)
    model.use("t2m")
    rows = prompts(model, greedy=greedy)
    expected = [without_cache(model, row) for row in rows]
    assert decode_motions(model, rows, SAMPLING) == expected
    assert len(set(expected)) == len(rows)


def test_a_rows_tokens_do_not_depend_on_the_others() -> None:
    model = motion_llm()
    model.use("t2m")
    rows = prompts(model)
    alone = [decode_motions(model, [row], SAMPLING)[0] for row in rows]
    for order in itertools.permutations(range(4), 3):
        together = decode_motions(model, [rows[i] for i in order], SAMPLING)
        assert together == [alone[i] for i in order]


def test_guidance_moves_tokens_towards_the_description_and_leaves_the_end() -> None:
    model = motion_llm()
    model.use("t2m")
    blank = (7, model.motion_start)
    rows = prompts(model, blank=blank)
    strong = replace(SAMPLING, guidance=4.0)
    plain = decode_motions(model, rows, SAMPLING)
    assert decode_motions(model, prompts(model), strong) == plain  # nothing to be guided by
    moved = decode_motions(model, rows, strong)
    assert moved != plain
    assert moved == [decode_motions(model, [row], strong)[0] for row in rows]
    mixed = [rows[0], prompts(model)[1], rows[2]]
    assert decode_motions(model, mixed, strong) == [moved[0], plain[1], moved[2]]


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_progress_counts_each_motion_once_also_with_guidance(guidance: float) -> None:
    model = motion_llm()
    model.use("t2m")
    rows = prompts(model, blank=(7, model.motion_start))
    reported: list[tuple[int, int]] = []
    sampling = replace(SAMPLING, guidance=guidance)
    decode_motions(model, rows, sampling, lambda done, total: reported.append((done, total)))
    total = sum(row.most for row in rows)
    assert {of for _, of in reported} == {total}
    assert reported == sorted(reported)
    assert 0 < reported[0][0] <= reported[-1][0] == total


def test_guided_probabilities_are_those_of_the_equation() -> None:
    own = torch.tensor([[0.3, 0.4, 0.2, 0.1]]).log()
    alone = torch.tensor([[0.7, 0.1, 0.1, 0.1]]).log()
    assert torch.allclose(guided(own, alone, 1.0).exp(), own.exp())
    # Tokens alone: own 4/7, 2/7, 1/7 and a third each; squared: 16, 4, 1 of 21.
    expected = torch.tensor([[0.3, 0.7 * 16 / 21, 0.7 * 4 / 21, 0.7 * 1 / 21]])
    assert torch.allclose(guided(own, alone, 2.0).exp(), expected)


def test_another_seed_gives_another_motion_and_the_same_seed_the_same() -> None:
    model = motion_llm()
    model.use("t2m")
    ids = prompts(model)[0].ids
    rows = [MotionPrompt(ids, seed, 8, 8) for seed in (0, 1, 2, 0, -1, 2**70)]
    motions = decode_motions(model, rows, SAMPLING)
    assert motions[0] == motions[3]
    assert len(set(motions)) == 5


def test_lengths_are_kept_and_nothing_but_motion_tokens_comes_out() -> None:
    model = motion_llm()
    model.use("t2m")
    model.rows["t2m_head"].data[0] *= 50  # now and then </Motion> is all it wants
    lengths = Counter(
        len(tokens)
        for seed in range(30)
        for tokens in decode_motions(model, prompts(model, seed=seed), SAMPLING)
    )
    assert min(lengths) == 3 and max(lengths) <= 12
    assert lengths[3] > 10
    exact = decode_motions(model, prompts(model, least=17, most=17), SAMPLING)
    assert [len(tokens) for tokens in exact] == [17] * 4
    assert {token for tokens in exact for token in tokens} <= set(range(CODES))


def test_progress_only_grows_and_ends_at_the_total() -> None:
    model = motion_llm()
    model.use("t2m")
    progress: list[tuple[int, int]] = []
    decode_motions(model, prompts(model), SAMPLING, lambda *p: progress.append(p))
    assert progress[0][0] >= 4 and progress[-1] == (48, 48)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)


def test_numbers_that_are_not_finite_are_an_error() -> None:
    model = motion_llm()
    model.use("t2m")
    model.rows["t2m_head"].data[3] = torch.nan
    with pytest.raises(GenerationError, match="not finite"):
        decode_motions(model, prompts(model), SAMPLING)


@torch.no_grad()
def test_captions_are_the_most_probable_words_up_to_an_end() -> None:
    model = motion_llm()
    model.use("m2t")
    inputs = [row.ids for row in prompts(model)]

    def words(ids: list[int], ends: frozenset[int]) -> Iterator[int]:
        for step in range(40):
            output = model.hidden(torch.tensor([ids]), "m2t", use_cache=False).last_hidden_state
            logits = model.text_logits(output[0, -1])
            if step == 0:
                logits[list(ends)] = -torch.inf
            word = int(logits.argmax())
            if word in ends:
                return
            ids = [*ids, word]
            yield word

    never = [list(words(ids, frozenset({0}))) for ids in inputs]
    ends = frozenset({0, never[0][4]})  # the first row ends after at most 4 words
    expected = [list(words(ids, ends)) for ids in inputs]
    assert decode_captions(model, inputs, ends) == expected
    assert 1 <= len(expected[0]) <= 4 and max(map(len, expected)) <= 40


def test_draws_have_the_frequencies_of_the_probabilities() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05])).expand(20_000, 4)
    uniform = torch.rand(20_000, generator=torch.Generator().manual_seed(0))

    def shares(sampling: Sampling) -> list[float]:
        drawn = draw(probabilities(logits, sampling), uniform)
        return (torch.bincount(drawn, minlength=4) / 20_000).tolist()

    assert shares(Sampling(top_p=1)) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.01)
    assert shares(Sampling(top_p=0.9)) == pytest.approx([0.526, 0.316, 0.158, 0], abs=0.01)
    assert shares(Sampling(top_p=0.7)) == pytest.approx([0.625, 0.375, 0, 0], abs=0.01)
    assert shares(Sampling(top_k=1)) == [1, 0, 0, 0]
    cold = shares(Sampling(top_p=1, temperature=0.5))
    assert cold == pytest.approx([0.685, 0.247, 0.062, 0.007], abs=0.01)


def test_a_forbidden_token_is_never_drawn() -> None:
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf], [0.0, -torch.inf, -torch.inf]])
    for uniform in (0.0, 0.5, 1 - 2**-24):
        drawn = draw(probabilities(logits, Sampling(top_p=1)), torch.full((2,), uniform))
        assert drawn.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_k": -1}, "top_k is -1"),
        ({"min_tokens": 0}, "min_tokens=0"),
        ({"max_tokens": 200}, "max_tokens=200"),
        ({"end_penalty": -1.0}, "end_penalty is -1.0"),
        ({"end_penalty": float("nan")}, "end_penalty is nan"),
        ({"neighbours": 1.0}, "neighbours is 1.0"),
        ({"neighbours": float("nan")}, "neighbours is nan"),
    ],
)
def test_impossible_sampling_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Sampling(**values)  # type: ignore[arg-type]


def test_a_penalty_on_the_end_lets_motions_go_on() -> None:
    """With all tokens alike, an end is drawn once in 17 times; less 3 nats, once in 322."""
    model = motion_llm()
    model.rows["t2m_head"].data.zero_()
    rows = [MotionPrompt([1, 2, model.motion_start], seed, 1, 100) for seed in range(60)]

    def ended(penalty: float) -> float:
        sampling = Sampling(top_p=1, end_penalty=penalty)
        return sum(len(motion) < 100 for motion in decode_motions(model, rows, sampling)) / 60

    assert CODES == 16
    assert ended(0.0) == 1.0  # all but 2 in 1,000 should
    assert ended(3.0) < 0.5  # 27 of 100 should
