"""MotionGPT's published checkpoint as a folder that is read without running any of it.

Theirs is one file of Lightning, with a ``state_dict`` of

    vae.encoder.model.…, vae.decoder.model.…, vae.quantizer.codebook   T2M-GPT's VQ-VAE
    lm.language_model.shared.weight, .encoder.…, .decoder.…, .lm_head  T5 with motion tokens

after the text vocabulary: ``<motion_id_0>`` … ``<motion_id_511>``, then begin, end and mask.
Layout: https://github.com/OpenMotionLab/MotionGPT, ``mGPT/archs/mgpt_lm.py``. Ours is

    motiongpt.json          format, codes, number of text words
    tokenizer.safetensors   the motion tokenizer
    t5/                     the language model and its text tokenizer, as transformers keeps them
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigurationError, FormatError, IntegrityError, UnavailableError
from ..json_text import parse_json
from ..motionllm.t2m_gpt_tokenizer import read_statistics, save_exactly, tokenizer_from_t2m_gpt
from ..torch_files import read_torch_file

FORMAT = "motion-agent motiongpt 1"
BACKBONE = "google/flan-t5-base"
CONFIG = "motiongpt.json"
T5 = "t5"
MARKS = 3  # begin, end and mask of a motion, after its tokens
_LANGUAGE_MODEL = "lm.language_model."
_SHARED = (
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
)  # a file may leave them out
_UNUSED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"  # of old T5s


@dataclass(frozen=True)
class MotionGPTFiles:
    """What the authors publish.

    Attributes:
        checkpoint: the Lightning checkpoint, ``motiongpt_s3_h3d.tar``.
        mean, std: of HumanML3D's features (``assets/meta``).
    """

    checkpoint: Path
    mean: Path
    std: Path


@dataclass(frozen=True)
class MotionGPTConfig:
    """Sizes: codes of the motion tokenizer, and ids of the text tokenizer."""

    codes: int
    words: int


def convert_motiongpt(files: MotionGPTFiles, out: Path | str, *, backbone: str = BACKBONE) -> Path:
    """Convert the authors' checkpoint to a folder for `load_motiongpt`, which must not exist yet.

    Args:
        files: theirs.
        out: the folder.
        backbone: folder or Hugging Face name of the T5 that they started from; only its
            configuration and text tokenizer are read.

    Raises:
        InputError: a file is missing.
        FormatError: a file is damaged, or of another kind.
        ConfigurationError: the weights belong to another T5, or `out` exists.
        UnavailableError: the T5 is unavailable, or `out` cannot be written to.
    """
    out = Path(out)
    if out.exists():
        raise ConfigurationError(f"{out} is there already; choose a new folder, or remove it")
    t5, text_tokenizer = _t5_config(backbone)
    state = read_torch_file(files.checkpoint, without_classes=True).get("state_dict")
    if not isinstance(state, dict):
        raise FormatError(f"{files.checkpoint} has no 'state_dict'; give MotionGPT's checkpoint")
    tokenizer = tokenizer_from_t2m_gpt(
        state,
        read_statistics(files.mean),
        read_statistics(files.std),
        where=str(files.checkpoint),
        prefix="vae.",
    )
    config = MotionGPTConfig(tokenizer.config.codes, len(text_tokenizer))
    model = _language_model(t5, state, config, files.checkpoint, backbone)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".new-") as temporary:
            fresh = Path(temporary) / "motiongpt"
            fresh.mkdir()
            save_exactly(tokenizer, fresh)
            model.save_pretrained(fresh / T5)
            text_tokenizer.save_pretrained(fresh / T5)
            facts = {"format": FORMAT, "codes": config.codes, "words": config.words}
            (fresh / CONFIG).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
            os.replace(fresh, out)
    except OSError as err:
        raise UnavailableError(
            f"cannot write {out}: {err.strerror or err}; choose a folder you may write to"
        ) from err
    return out


def read_config(folder: Path) -> MotionGPTConfig:
    """Read the sizes of a converted checkpoint.

    Raises:
        UnavailableError: there is none in `folder`.
        IntegrityError: its config is damaged.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UnavailableError(
            f"there is no MotionGPT in {folder} (no {CONFIG}); make one with `motion-agent"
            " checkpoint convert --from motiongpt`"
        )
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']!r}")
        return MotionGPTConfig(int(values["codes"]), int(values["words"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as err:
        raise IntegrityError(f"{path} is damaged ({err}); convert the checkpoint again") from err


def _t5_config(name: str) -> tuple[Any, Any]:
    """Return the configuration of a T5, and its text tokenizer."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        text_tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as err:
        reason = (str(err).strip().splitlines() or [type(err).__name__])[0]
        raise UnavailableError(
            f"the language model {name} cannot be had ({reason}); give a local folder"
        ) from err
    if config.model_type != "t5":
        raise ConfigurationError(f"{name} is a {config.model_type}; MotionGPT is a T5")
    return config, text_tokenizer


def _language_model(
    t5: Any, state: dict[str, Any], config: MotionGPTConfig, path: Path, backbone: str
) -> Any:
    """Return a T5 whose vocabulary is extended as theirs, with their weights."""
    from transformers import T5ForConditionalGeneration

    weights = {
        name.removeprefix(_LANGUAGE_MODEL): value.detach().float()
        for name, value in state.items()
        if name.startswith(_LANGUAGE_MODEL) and isinstance(value, Tensor)
    }
    shared = weights.get("shared.weight")
    if shared is None:
        raise FormatError(f"{path} has no tensor {_LANGUAGE_MODEL}shared.weight; is it MotionGPT?")
    rows = config.words + config.codes + MARKS
    if shared.ndim != 2 or len(shared) != rows:
        raise ConfigurationError(
            f"{path} has {len(shared)} tokens; {backbone} has {config.words} words and the motion "
            f"tokenizer {config.codes} codes, which makes {rows} with three marks: give --backbone "
            "the T5 that it began with"
        )
    t5.vocab_size = rows
    model: Any = T5ForConditionalGeneration(t5)
    model.eval().requires_grad_(False)
    for name in _SHARED:
        weights[name] = shared
    weights.pop(_UNUSED, None)
    if t5.tie_word_embeddings:
        weights["lm_head.weight"] = shared
    own = model.state_dict()
    odd = sorted(own.keys() ^ weights.keys()) or sorted(
        name for name in own if own[name].shape != weights[name].shape
    )
    if odd:
        raise ConfigurationError(
            f"{path} is of another T5 than {backbone}: {odd[0]} is missing, too many or of another "
            f"shape ({len(odd)} such tensors); give --backbone the T5 that it began with"
        )
    for name, tensor in own.items():
        if not torch.isfinite(weights[name]).all():
            raise FormatError(f"{path}: {name} holds NaN or infinity; download it again")
        tensor.copy_(weights[name])
    return model
