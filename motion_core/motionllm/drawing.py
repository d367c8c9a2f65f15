"""Motion tokens and captions in batches: drawn, or found by beam search, as `Sampling` says."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine import CancelToken, Progress, checked_progress
from .beams import search_captions, search_motions
from .checkpoint_engine import one_caption
from .continuations import Continuations
from .decoding import AnyModel, MotionPrompt, decode_captions, decode_motions
from .model import MotionLLM
from .prompt import PromptFormat
from .sampling import Sampling

_BATCH = 64  # rows at once; more would only cost memory


def draw_motions(
    model: AnyModel,
    prompt: PromptFormat,
    rows: Sequence[MotionPrompt],
    sampling: Sampling,
    progress: Progress | None = None,
) -> list[tuple[int, ...]]:
    """Return the motion tokens of each row.

    Args:
        model: with the direction t2m; a `MotionLLM` if there are beams.
        prompt: of the checkpoint.
        rows: any number.
        sampling: of the engine.
        progress: is told the motion tokens made and the most there can be.

    Raises:
        GenerationError: no usable motion came out.
    """
    beams, total = sampling.beams, sum(row.most for row in rows)
    motions: list[tuple[int, ...]] = []
    for first in range(0, len(rows), _BATCH):
        group = rows[first : first + _BATCH]
        step = _shifted(progress, sum(row.most for row in rows[:first]), total)
        if beams == 1 or all(row.greedy for row in group):
            motions += decode_motions(model, group, sampling, step)
            continue
        assert isinstance(model, MotionLLM)
        found = iter(
            search_motions(
                model,
                [row for row in group if not row.greedy],
                beams=beams,
                words=len(prompt.text_tokenizer),
                ends=frozenset({int(prompt.text_tokenizer.eos_token_id)}),
                progress=_in_tokens(step, sum(row.most for row in group)),
            )
        )
        greedy = [row for row in group if row.greedy]
        plain = iter(decode_motions(model, greedy, sampling, step) if greedy else [])
        motions += [next(plain if row.greedy else found) for row in group]
    return motions


def write_captions(
    model: AnyModel,
    prompt: PromptFormat,
    prompts: Sequence[list[int]],
    said: Sequence[Continuations | None],
    sampling: Sampling,
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> list[str]:
    """Return a sentence for each prompt, which holds a motion.

    Args:
        model: with the direction m2t; a `MotionLLM` if there are beams.
        prompt: of the checkpoint.
        prompts: ids of each.
        said: how captions of similar motions continue, for each prompt; empty for none.
        sampling: of the engine.
        progress: is told the sentences written and their number.
        cancel: is checked with each word.

    Raises:
        GenerationError: the model wrote nothing.
        Cancelled: `cancel` was set meanwhile.
    """
    newline = prompt.text_tokenizer("\n", add_special_tokens=False)["input_ids"]
    ends = frozenset([int(prompt.text_tokenizer.eos_token_id), *newline[-1:]])
    sentences: list[str] = []
    stop = checked_progress(None, cancel)
    for first in range(0, len(prompts), _BATCH):
        group, near = prompts[first : first + _BATCH], said[first : first + _BATCH]
        if sampling.beams == 1:
            answers = decode_captions(
                model, group, ends, stop, continuations=near, neighbours=sampling.neighbours
            )
        else:
            assert isinstance(model, MotionLLM)
            words = len(prompt.text_tokenizer)
            answers = search_captions(
                model, group, beams=sampling.beams, words=words, ends=ends, progress=stop
            )
        decode = prompt.text_tokenizer.decode
        sentences += [one_caption(str(decode(ids, skip_special_tokens=True))) for ids in answers]
        if progress is not None:
            progress(len(sentences), len(prompts))
    return sentences


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)


def _in_tokens(progress: Progress | None, tokens: int) -> Progress | None:
    """Return a progress callback in tokens for beam search, which reports finished prompts."""
    if progress is None:
        return None
    return lambda done, total: progress(done * tokens // total, tokens)
