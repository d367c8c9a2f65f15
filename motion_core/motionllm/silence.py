"""A row of the head that keeps words out of what an exported t2m says.

t2m was trained on a choice among </Motion> and the motion tokens. Among all tokens it would choose
a word nine times of ten, and not every server can forbid tokens. A head has no bias; but the states
h in which motion is written have so much in common that least squares finds a row v with
v·h ≈ -60 for all of them. With v as the row of every word, samplers choose motion tokens alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import ConfigurationError
from .checkpoint import Checkpoint
from .decoding import MotionPrompt, decode_motions
from .inference import InferenceModel, load_inference
from .prompt import prompt_format
from .sampling import Sampling

_LOGIT = -60.0
_RIDGE = 1.0
_TOKENS = 48  # of each motion
_SECONDS = (2.0, 6.0)  # that the prompt may state
_DESCRIPTIONS = (
    "a person walks forward",
    "someone waves with both hands",
    "a tired old woman sits down slowly",
    "a man kicks twice with the right foot",
    "jump",
    "a person dances and turns around",
    "he throws a ball, then runs away",
    "crawl under a table",
    "",
)


def silencing_row(checkpoint: Checkpoint) -> Tensor:
    """Return the row (width,), float32.

    Raises:
        ConfigurationError: the backbone is not of Llama's layout.
        UnavailableError: it cannot be had.
    """
    found = load_inference(
        checkpoint, checkpoint.config.backbone, dtype=torch.float32, device="cpu"
    )
    if found is None:
        raise ConfigurationError(f"the backbone of {checkpoint.folder} is not of Llama's layout")
    model, tokenizer = found
    prompt = prompt_format(checkpoint.config.prompt, tokenizer)
    asked = [(text, seconds) for seconds in (None, *_SECONDS) for text in _DESCRIPTIONS]
    ids = [[*prompt.description(*words), model.motion_start] for words in asked]
    h = motion_states(model, ids).double()  # (N, D)
    ridge = _RIDGE * torch.eye(h.shape[1], dtype=torch.float64)
    row: Tensor = torch.linalg.solve(h.T @ h + ridge, h.T @ h.new_full((len(h),), _LOGIT))
    return row.float()


@torch.inference_mode()
def motion_states(model: InferenceModel, prompts: list[list[int]], *, seed: int = 0) -> Tensor:
    """Return the states (N, D) in which t2m chose the tokens of a motion for each prompt, and
    those of random motion tokens.
    """
    sampling = Sampling(min_tokens=_TOKENS, max_tokens=_TOKENS, takes=1)
    rows = [MotionPrompt(ids, seed + n, _TOKENS, _TOKENS) for n, ids in enumerate(prompts)]
    drawn = decode_motions(model, rows, sampling)
    codes = len(model.rows["t2m_embed"]) - 2
    generator = torch.Generator().manual_seed(seed)
    random = torch.randint(codes, (len(prompts), _TOKENS), generator=generator).tolist()
    states = []
    for motions in (drawn, random):
        for ids, tokens in zip(prompts, motions, strict=True):
            whole = torch.tensor([[*ids, *model.token_ids(tokens)]])
            states.append(model.states(whole, "t2m")[0, len(ids) - 1 :])
    return torch.cat(states)
