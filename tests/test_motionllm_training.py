"""Training samples and the trainer, on tiny random parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from evaluation_toys import toy_dataset
from motionllm_toys import CODES, backbone, motion_llm, motion_tokenizer, text_tokenizer

from motion_agent.motion_core.errors import ConfigurationError, InputError
from motion_agent.motion_core.motionllm.assembly import load_direction
from motion_agent.motion_core.motionllm.model import END, IGNORE
from motion_agent.motion_core.motionllm.prompt import check_description, prompt_format
from motion_agent.motion_core.motionllm.rewording import other_tense, reword
from motion_agent.motion_core.motionllm.samples import (
    Augmentation,
    SampleMaker,
    TokenisedClip,
    TrainingBatches,
    TrainingData,
    nearest_codes,
    without_words,
)
from motion_agent.motion_core.motionllm.tokenised import encode_many, tokenise
from motion_agent.motion_core.motionllm.train import MotionLLMTraining, Trainer
from motion_agent.motion_core.motionllm.weights import save_direction

PLAIN = {
    **{"noise": 0.0, "corrupt": 0.0, "crop": 0.0, "stated": 0.0},
    **{"reworded": 0.0, "free": 0.0, "gap": 0.0},
}


def maker(direction: str, **augmentation: float) -> SampleMaker:
    near = nearest_codes(motion_tokenizer().quantizer.codebook, 3)
    settings = Augmentation(**{**PLAIN, **augmentation})
    prompt = prompt_format("compact", text_tokenizer())
    return SampleMaker(motion_llm(), prompt, direction, near, settings)


def clips() -> list[TokenisedClip]:
    """Two kinds of motion with their captions."""
    kinds = {"a man waves": [3, 4, 5, 3, 4, 5], "someone bows and kicks": [9, 8, 7, 6]}
    return [
        TokenisedClip((caption,), (1.0,), (np.array(tokens, np.int16),) * 4, 0.5)
        for caption, tokens in kinds.items()
    ]


def training(**changes: object) -> MotionLLMTraining:
    values = {"steps": 8, "batch": 4, "lr": 5e-3, "rows_lr": 2e-2, "warmup": 2, "bfloat16": False}
    return MotionLLMTraining(**{**values, **changes})  # type: ignore[arg-type]


def trainer(direction: str = "t2m", **changes: object) -> Trainer:
    tokenizer = motion_tokenizer()
    return Trainer(direction, backbone(), text_tokenizer(), tokenizer, training(**changes))


def test_t2m_targets_are_the_motion_and_its_end() -> None:
    make = maker("t2m")
    tokens = np.array([3, 4, 5], np.int16)
    sample = make.t2m("A man waves.", tokens, tokens, None)
    prompt = make.prompt.description("a man waves")
    start = make.model.motion_start
    assert sample.ids == [*prompt, start, start + 2 + 3, start + 2 + 4, start + 2 + 5]
    assert sample.targets == [IGNORE] * len(prompt) + [4, 5, 6, END]
    assert len(sample.ids) == len(sample.targets)


def test_m2t_targets_are_the_caption_and_the_end_of_text() -> None:
    make = maker("m2t")
    sample = make.m2t("a man waves", np.array([3, 4], np.int16))
    answer = make.prompt.answer("a man waves")
    assert sample.targets[-len(answer) :] == answer
    assert answer[-1] == make.prompt.text_tokenizer.eos_token_id
    assert set(sample.targets[: -len(answer)]) == {IGNORE}
    assert sample.ids[-len(answer) + 1 :] == answer[:-1]
    start = make.model.motion_start
    middle = [start, start + 2 + 3, start + 2 + 4, start + 1]
    before, after = make.prompt.around_motion()
    assert sample.ids[: -len(answer) + 1] == before + middle + after


def test_prompts_state_a_duration_when_there_is_one() -> None:
    prompt = prompt_format("compact", text_tokenizer())
    decode = prompt.text_tokenizer.decode
    assert decode(prompt.description("A man  waves. ")) == "Text: a man waves\nMotion:"
    stated = decode(prompt.description("a man waves", 3.25))
    assert stated in ("Text: a man waves\nSeconds: 3.2\nMotion:",)
    long = decode(prompt_format("paper", text_tokenizer()).description("A man waves."))
    assert long.startswith("Below is an instruction") and "\nA man waves.\n\nResponse:" in long


def test_words_of_a_description_are_never_special_tokens() -> None:
    prompt = prompt_format("compact", text_tokenizer())
    ids = prompt.description("a <end> man $motion \0 waves")
    assert prompt.text_tokenizer.eos_token_id not in ids
    assert "a <end> man $motion waves" in prompt.text_tokenizer.decode(ids)


def test_an_unknown_prompt_format_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'short'; there are compact, paper"):
        prompt_format("short", text_tokenizer())


@pytest.mark.parametrize("description", ["", "  \n", "?!", None, 3, ["a man waves"], "w" * 301])
def test_bad_descriptions_are_refused(description: object) -> None:
    with pytest.raises(InputError, match="description"):
        check_description(description, 300)


def test_noise_changes_what_is_read_and_never_what_is_told() -> None:
    make = maker("t2m", noise=0.5)
    clip = TokenisedClip(
        ("a man waves",), (1.0,), (np.arange(16, dtype=np.int16) % CODES,) * 4, 1.0
    )
    random = np.random.default_rng(0)
    changed = 0
    for _ in range(20):
        sample = make.draw(clip, random)
        assert sample.targets[-17:-1] == [1 + i for i in range(16)]
        read = [i - make.model.motion_start - 2 for i in sample.ids[-16:]]
        assert all(0 <= token < CODES for token in read)
        changed += sum(a != b for a, b in zip(read, range(16), strict=True))
    assert 0.3 * 320 < changed < 0.6 * 320


def test_half_of_the_samples_leave_little_but_the_description_to_go_by() -> None:
    make = maker("t2m", corrupt=0.5)
    clip = TokenisedClip(("a man waves",), (1.0,), (np.zeros(40, dtype=np.int16),) * 4, 1.0)
    random = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        sample = make.draw(clip, random)
        assert sample.targets[-41:-1] == [1] * 40
        read = np.array(sample.ids[-40:]) - make.model.motion_start - 2
        shares.append(float((read != 0).mean()))
    untouched = np.mean(np.array(shares) == 0)
    assert 0.4 < untouched < 0.6
    assert max(shares) > 0.7 and 0.4 < np.mean([s for s in shares if s]) < 0.6


def test_a_share_of_a_captions_words_is_left_out_and_never_all_of_them() -> None:
    random = np.random.default_rng(0)
    caption = "a person jumps forward with both feet together"
    told = [without_words(caption, 0.4, random).split() for _ in range(200)]
    for words in told:
        rest = iter(caption.split())
        assert words and all(word in rest for word in words)  # in their order
    assert 0.5 < np.mean([len(words) for words in told]) / len(caption.split()) < 0.7
    assert without_words("jump", 1.0, random) == "jump"


def test_long_clips_are_cropped_to_the_longest() -> None:
    make = maker("m2t", longest=5, crop=1.0)
    clip = TokenisedClip(("a man waves",), (1.0,), (np.arange(16, dtype=np.int16) % CODES,), 1.0)
    random = np.random.default_rng(0)
    lengths = set()
    for _ in range(30):
        ids = make.draw(clip, random).ids
        lengths.add(sum(i >= make.model.motion_start for i in ids) - 2)
    assert lengths == {3, 4, 5}


def test_a_gap_is_asked_for_between_its_sides() -> None:
    make = maker("t2m", context=3, longest_gap=4)
    recording = (np.arange(16, dtype=np.int16),)
    random = np.random.default_rng(0)
    lengths = set()
    for _ in range(60):
        sample = make.draw_gap(recording, random)
        first = make.model.motion_start + 2
        tokens = [target - 1 for target in sample.targets if target > END]
        read = [i - first for i in sample.ids if i >= first]
        assert sample.targets[-1] == END and read[-len(tokens) :] == tokens
        sides = read[: -len(tokens)]
        assert set(sides) <= set(range(tokens[0] - 3, tokens[-1] + 4)) - set(tokens)
        lengths.add(len(tokens))
    assert lengths == {1, 2, 3, 4}


def test_a_window_without_caption_says_nothing_of_an_end() -> None:
    make = maker("t2m", longest=5)
    sample = make.draw_free((np.arange(12, dtype=np.int16),), np.random.default_rng(0))
    assert sample.targets[-1] == IGNORE and len([t for t in sample.targets if t != IGNORE]) == 5


def test_motion_comes_before_captions() -> None:
    make = maker("t2m")
    data = TrainingData(clips(), [(np.arange(16, dtype=np.int16),)])
    batches = TrainingBatches(data, make, batch=4, seed=0, motion_first=16)
    captioned = [make.plain(clip).ids[:4] for clip in clips()]
    early = [row.tolist()[:4] for step in range(16) for row in batches[step][0]]
    later = [row.tolist()[:4] for step in range(16, 32) for row in batches[step][0]]
    prompts = {tuple(row) for row in early}
    assert not any(tuple(row) in {tuple(c) for c in captioned} - prompts for row in early)
    assert any(len(set(map(tuple, later)) & {tuple(c)}) for c in captioned)


def test_wordings_are_captions_without_motion() -> None:
    make = maker("m2t", free=1.0)
    batches = TrainingBatches(TrainingData(clips(), (), ["he jumps"]), make, batch=2, seed=0)
    ids, targets = batches[0]
    assert int(ids.max()) < make.model.motion_start
    answer = make.prompt.answer("he jumps")
    assert targets[0][targets[0] != IGNORE].tolist() == answer


@pytest.mark.parametrize(
    ("predicate", "other"),
    [
        ("walks on", "is walking on"),
        ("runs", "is running"),
        ("carries a box", "is carrying a box"),
        ("crosses", "is crossing"),
        ("sits down", "is sitting down"),
        ("opens a door", "is opening a door"),
        ("is walking", "is walking"),
        ("has a box", "has a box"),
    ],
)
def test_another_tense_of_a_caption(predicate: str, other: str) -> None:
    assert other_tense(predicate) == other


def test_rewording_keeps_what_is_done_and_subjects_with_more_to_say() -> None:
    random = np.random.default_rng(0)
    texts = {reword("a man walks forward", random) for _ in range(60)}
    assert len(texts) > 6
    assert all(text.endswith(("walks forward", "is walking forward")) for text in texts)
    assert reword("an old man walks", random) == "an old man walks"


def test_a_training_starts_from_finished_weights(tmp_path: Path) -> None:
    first = trainer(steps=3)
    first.fit(TrainingData(clips()), clips(), tmp_path / "a")
    facts = {"backbone": "toy", "training": {"prompt": "compact"}}
    save_direction(first.model, "t2m", tmp_path / "a", facts)
    second = trainer(steps=3, seed=5)
    load_direction(second.model, "t2m", tmp_path / "a")
    for a, b in zip(first.trained, second.trained, strict=True):
        torch.testing.assert_close(a.half(), b.half())
    other = trainer(rank=2)
    with pytest.raises(ConfigurationError, match="shape"):
        load_direction(other.model, "t2m", tmp_path / "a")


def test_batches_are_a_function_of_seed_and_step() -> None:
    make = maker("t2m", noise=0.2)
    first, again = (TrainingBatches(TrainingData(clips()), make, batch=4, seed=3) for _ in range(2))
    for step in (5, 0, 17, 31):
        for a, b in zip(first[step], again[step], strict=True):
            assert torch.equal(a, b)
    assert first[0][0].shape[0] == 4
    assert not torch.equal(
        first[0][0], TrainingBatches(TrainingData(clips()), make, batch=4, seed=4)[0][0]
    )


def test_many_motions_at_once_get_the_tokens_of_each_alone() -> None:
    tokenizer = motion_tokenizer()
    random = np.random.default_rng(0)
    motions = [random.normal(size=(n, 263)).astype(np.float32) for n in (3, 8, 11, 8, 40, 9)]
    together = encode_many(tokenizer, motions)
    assert [part.tolist() for part in together] == [tokenizer.encode(m) for m in motions]


def test_kept_tokens_are_made_again_once_the_motion_under_an_id_has_changed(tmp_path: Path) -> None:
    dataset, tokenizer, keep = toy_dataset(), motion_tokenizer(), tmp_path / "tokens.npz"

    def tokens() -> list[list[int]]:
        return [
            clip.tokens[0].tolist() for clip in tokenise(dataset, tokenizer, "train", keep).clips
        ]

    before = tokens()
    written = keep.stat().st_mtime_ns
    assert tokens() == before
    assert keep.stat().st_mtime_ns == written  # read, not made again
    dataset._features[:] = dataset._features[::-1].copy()
    after = tokens()
    assert after != before
    keep.unlink()
    assert tokens() == after


@pytest.mark.parametrize("direction", ["t2m", "m2t"])
def test_training_learns_two_clips(direction: str, tmp_path: Path) -> None:
    quick = {"lr": 3e-2, "rows_lr": 5e-2} if direction == "m2t" else {}
    train = trainer(direction, steps=60, augmentation=Augmentation(**PLAIN), dropout=0.0, **quick)
    if direction == "m2t":  # else the frozen norm and head keep any hidden state above 4.2 nats
        train.model.backbone.base_model.norm.weight.data.mul_(4.0)
    checks = [train.maker.plain(clip) for clip in clips()]
    before = train.validate(checks)["val_loss"]
    train.fit(TrainingData(clips()), clips(), tmp_path)
    after = train.validate(checks)["val_loss"]
    assert after < 0.5 * before
    assert (tmp_path / "log.csv").read_text().startswith("step,loss")


def test_a_stopped_training_continues_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole = trainer()
    whole.fit(TrainingData(clips()), clips(), tmp_path / "whole")
    stopped = trainer()
    step = stopped._step

    def interrupted(*arguments: object) -> torch.Tensor:
        if arguments[2] == 4:
            import signal

            signal.raise_signal(signal.SIGINT)
        return step(*arguments)  # type: ignore[arg-type]

    stopped._step = interrupted  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(TrainingData(clips()), clips(), tmp_path / "parts")
    continued = trainer()
    continued.fit(TrainingData(clips()), clips(), tmp_path / "parts")
    for a, b in zip(whole.trained, continued.trained, strict=True):
        assert torch.equal(a, b)


def test_the_last_weights_are_kept_however_they_validate(tmp_path: Path) -> None:
    train = trainer(steps=12, validate_every=2, lr=5e-2)
    train.fit(TrainingData(clips()), clips(), tmp_path)
    last = torch.load(tmp_path / "state.pt", weights_only=True)["state"]["trained"]
    assert all(map(torch.equal, train.trained, last))


def test_a_state_of_other_settings_is_refused(tmp_path: Path) -> None:
    trainer(steps=2).fit(TrainingData(clips()), clips(), tmp_path)
    with pytest.raises(ConfigurationError, match="batch=4, not 2"):
        trainer(steps=2, batch=2).fit(TrainingData(clips()), clips(), tmp_path)


def test_training_by_the_clock_ends_with_the_clock(tmp_path: Path) -> None:
    train = trainer(steps=1_000_000, minutes=0.03)
    train.fit(TrainingData(clips()), clips(), tmp_path)
    assert train.optimiser.param_groups[0]["lr"] < 0.2 * train.training.lr
