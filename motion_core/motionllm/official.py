"""The paper's own checkpoint as one of ours: nothing is rounded, nothing of it is run.

    motionllm.pth   base_model.model.model.layers.N.….lora_A.t2m.weight, lora_B.m2t …: both
                    adapters, alpha = rank; embeddings and lm_head: the rows after the text
                    vocabulary, <Motion>, </Motion>, <Motion_0> … <Motion_511>
    vqvae.pth       net: T2M-GPT's VQ-VAE, see `t2m_gpt_tokenizer`
    mean.npy, std.npy of HumanML3D as the VQ-VAE was trained with

Layout: https://github.com/szqwu/Motion-Agent, ``models/mllm.py`` (`save_model`, `load_model`).

``motion-agent checkpoint convert --from official`` does it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..errors import ConfigurationError, FormatError, UnavailableError
from ..torch_files import read_torch_file
from .checkpoint import START, Adapter, Checkpoint, CheckpointConfig, write_checkpoint
from .model import DIRECTIONS, Direction
from .sampling import Sampling
from .t2m_gpt_tokenizer import read_statistics, save_exactly, tokenizer_from_t2m_gpt

_LORA = re.compile(
    r"base_model\.model\.(?P<layer>.+)\.lora_(?P<part>[AB])\.(?P<direction>\w+)\.weight"
)
BACKBONE = "google/gemma-2-2b-it"
_MARKS = 2  # <Motion> and </Motion>


@dataclass(frozen=True)
class OfficialFiles:
    """What the authors publish.

    Attributes:
        motionllm: adapters and rows.
        vqvae: the motion tokenizer.
        mean, std: of HumanML3D's features.
    """

    motionllm: Path
    vqvae: Path
    mean: Path
    std: Path


def convert_official(
    files: OfficialFiles, out: Path | str, *, backbone: str, beams: int = 2
) -> Checkpoint:
    """Return the authors' files as a checkpoint folder.

    Args:
        files: theirs.
        out: folder of the checkpoint; its name becomes the checkpoint's.
        backbone: folder or Hugging Face name of the causal LM that they trained on; its
            configuration and text tokenizer are read, not its weights.
        beams: of the search that the checkpoint decodes with; 1 to draw tokens.

    Raises:
        InputError: a file is missing.
        FormatError: a file is damaged, or not what it should be.
        ConfigurationError: the weights are of another backbone.
        UnavailableError: the backbone cannot be had, or `out` cannot be written to.
    """
    out = Path(out)
    facts = _BackboneFacts.of(backbone)
    state = read_torch_file(files.motionllm)
    adapters = _adapters(state, files.motionllm)
    facts.check(adapters, files.motionllm)
    rows = _rows(state, facts, files.motionllm)
    net = read_torch_file(files.vqvae).get("net")
    if not isinstance(net, Mapping):
        raise FormatError(f"{files.vqvae} has no 'net'; give the authors' vqvae.pth")
    tokenizer = tokenizer_from_t2m_gpt(
        net, read_statistics(files.mean), read_statistics(files.std), where=str(files.vqvae)
    )
    codes = len(rows["m2t.embed"]) - _MARKS
    if tokenizer.config.codes != codes:
        raise ConfigurationError(
            f"{files.vqvae} has {tokenizer.config.codes} codes, {files.motionllm} has rows for "
            f"{codes}; they are not of one model"
        )
    sampling = Sampling(min_tokens=1, max_tokens=100, longest=100, takes=1, top_p=1.0, beams=beams)
    ranks = {d: len(next(t for n, t in adapters[d].items() if "lora_A" in n)) for d in DIRECTIONS}
    config = CheckpointConfig(
        name=out.name,
        backbone=backbone,
        vocabulary=facts.vocabulary,
        width=facts.width,
        codes=codes,
        prompt="paper",
        adapters={d: Adapter(ranks[d], 1.0) for d in DIRECTIONS},
        sampling=sampling,
        tokenizer=tokenizer.config.to_dict(),
        data="HumanML3D, by the authors of Motion-Agent",
        training={d: {"prompt": "paper", "rank": ranks[d]} for d in DIRECTIONS},
    )

    def fill(fresh: Path) -> None:
        save_exactly(tokenizer, fresh)
        save_file(rows, fresh / "rows.safetensors")
        for direction in DIRECTIONS:
            save_file(adapters[direction], fresh / f"{direction}.safetensors")

    return write_checkpoint(out, config, fill)


def _adapters(state: Mapping[str, Any], path: Path) -> dict[Direction, dict[str, Tensor]]:
    """Return A and B of both adapters under the names of `lora.adapter_state`."""
    found: dict[Direction, dict[str, Tensor]] = {direction: {} for direction in DIRECTIONS}
    for name, tensor in state.items():
        if not (match := _LORA.fullmatch(name)):
            continue
        for direction in DIRECTIONS:
            if match["direction"] == direction:
                ours = f"base_model.model.{match['layer']}.lora_{match['part']}.weight"
                found[direction][ours] = _exact(tensor, name, path)
    for direction, tensors in found.items():
        if not tensors:
            raise FormatError(
                f"{path} holds no adapter {direction!r}; names such as "
                "base_model.model.model.layers.0.self_attn.q_proj.lora_A.t2m.weight are expected"
            )
    return found


def _rows(state: Mapping[str, Any], facts: _BackboneFacts, path: Path) -> dict[str, Tensor]:
    """Return the rows of the checkpoint; one set serves both directions."""
    for name in ("embeddings", "lm_head"):
        if not isinstance(state.get(name), Tensor):
            raise FormatError(f"{path} has no {name!r}; give the authors' motionllm.pth")
    embed = _exact(state["embeddings"], "embeddings", path)
    head = _exact(state["lm_head"], "lm_head", path)
    if embed.ndim != 2 or embed.shape != head.shape or len(embed) <= _MARKS:
        raise FormatError(
            f"{path}: 'embeddings' and 'lm_head' have the shapes {tuple(embed.shape)} and "
            f"{tuple(head.shape)}; the same number of rows is expected, one for each motion token"
        )
    if embed.shape[1] != facts.width:
        raise ConfigurationError(
            f"{path} has rows of width {embed.shape[1]}, the backbone {facts.name} is "
            f"{facts.width} wide; give --backbone the model that it was trained on"
        )
    if facts.tied and not torch.equal(embed, head):
        raise ConfigurationError(
            f"{path} has other rows in its head than in its embedding, but {facts.name} ties "
            "them; give --backbone the model that it was trained on"
        )
    return {
        "t2m.embed": embed,
        "t2m.head": head[1:].clone(),
        "m2t.embed": embed.clone(),
        START: head[:1].clone(),
    }


@dataclass(frozen=True)
class _BackboneFacts:
    """Read the sizes of a causal LM without its weights."""

    name: str
    vocabulary: int
    width: int
    tied: bool
    layers: Mapping[str, tuple[int, int]]  # (out, in) of each linear layer

    @classmethod
    def of(cls, name: str) -> _BackboneFacts:
        from transformers import AutoConfig, AutoModelForCausalLM

        factory: Any = AutoModelForCausalLM
        try:
            config = AutoConfig.from_pretrained(name, trust_remote_code=False)
            with torch.device("meta"):
                model = factory.from_config(config, trust_remote_code=False)
        except (OSError, ValueError) as err:
            reason = (str(err).strip().splitlines() or [type(err).__name__])[0]
            raise UnavailableError(
                f"the backbone {name} cannot be had ({reason}); give a local folder, or for a "
                "gated model accept its licence and run `hf auth login`"
            ) from err
        vocabulary, width = model.get_input_embeddings().weight.shape
        layers = {
            layer: (module.weight.shape[0], module.weight.shape[1])
            for layer, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and layer != "lm_head"
        }
        tied = bool(getattr(config.get_text_config(), "tie_word_embeddings", False))
        return cls(name, vocabulary, width, tied, layers)

    def check(self, adapters: Mapping[Direction, Mapping[str, Tensor]], path: Path) -> None:
        """See that each adapter has A and B for every projection of this backbone.

        Raises:
            ConfigurationError: it does not.
        """
        for direction, tensors in adapters.items():
            rank = len(next((t for n, t in tensors.items() if "lora_A" in n), torch.empty(0)))
            expected: dict[str, tuple[int, ...]] = {}
            for layer, (rows, columns) in self.layers.items():
                expected[f"base_model.model.{layer}.lora_A.weight"] = (rank, columns)
                expected[f"base_model.model.{layer}.lora_B.weight"] = (rows, rank)
            found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
            odd = sorted(expected.keys() ^ found.keys()) or sorted(
                name for name in expected if expected[name] != found[name]
            )
            if odd:
                raise ConfigurationError(
                    f"the adapter {direction!r} of {path} does not fit {self.name}: {odd[0]} has "
                    f"the shape {found.get(odd[0], 'missing')}, expected "
                    f"{expected.get(odd[0], 'nothing')} ({len(odd)} such tensors); give --backbone "
                    "the model that it was trained on"
                )


def _exact(tensor: Any, name: str, path: Path) -> Tensor:
    """Return a copy in float32: theirs may be a view of a whole embedding, or bfloat16."""
    if not isinstance(tensor, Tensor):
        raise FormatError(f"{path}: {name} is a {type(tensor).__name__}, not a tensor")
    copy = tensor.detach().float().clone()
    if not torch.isfinite(copy).all():
        raise FormatError(f"{path}: {name} holds NaN or infinity; download it again")
    return copy
