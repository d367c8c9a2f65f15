"""Tiny random files in the layout that the paper's authors publish, and their model, plainly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from motionllm_toys import backbone, text_tokenizer
from torch import Tensor, nn

CODES = 16
RANKS = {"t2m": 4, "m2t": 2}
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class TheirResidual(nn.Module):
    """T2M-GPT's block, under its names."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, 3, 1, dilation, dilation)
        self.conv2 = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class TheirStage(nn.Module):
    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*(TheirResidual(width, 3**d) for d in reversed(range(depth))))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class TheirCoder(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)


class TheirQuantizer(nn.Module):
    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("codebook", torch.randn(codes, dim))


class TheirVQVAE(nn.Module):
    """T2M-GPT's tokenizer: stride 2 twice, so a token for four frames."""

    def __init__(
        self, *, codes: int = CODES, dim: int = 8, width: int = 12, depth: int = 3
    ) -> None:
        super().__init__()

        def conv(a: int, b: int) -> nn.Conv1d:
            return nn.Conv1d(a, b, 3, 1, 1)

        down = [
            nn.Sequential(nn.Conv1d(width, width, 4, 2, 1), TheirStage(width, depth))
            for _ in range(2)
        ]
        up = [
            nn.Sequential(TheirStage(width, depth), nn.Upsample(scale_factor=2), conv(width, width))
            for _ in range(2)
        ]
        self.encoder = TheirCoder(conv(263, width), nn.ReLU(), *down, conv(width, dim))
        self.decoder = TheirCoder(
            conv(dim, width), nn.ReLU(), *up, conv(width, width), nn.ReLU(), conv(width, 263)
        )
        self.quantizer = TheirQuantizer(codes, dim)

    def encode(self, normalised: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder output (T/4, dim) and tokens (T/4,) of normalised features (T, 263)."""
        vectors = self.encoder.model(normalised.T[None])[0].T
        return vectors, torch.cdist(vectors, self.quantizer.codebook).argmin(dim=1)

    def decode(self, tokens: Tensor) -> Tensor:
        return self.decoder.model(self.quantizer.codebook[tokens].T[None])[0].T


def their_vqvae(seed: int = 0) -> TheirVQVAE:
    torch.manual_seed(seed)
    return TheirVQVAE().eval().requires_grad_(False)


def small_statistics(folder: Path) -> dict[str, Path]:
    """``mean.npy`` and ``std.npy`` that are not those of our groups."""
    rng = np.random.default_rng(0)
    paths = {name: folder / f"{name}.npy" for name in ("mean", "std")}
    np.save(paths["mean"], rng.normal(size=263))
    np.save(paths["std"], rng.uniform(0.5, 2.0, size=263))
    return paths


@dataclass
class Official:
    """What the authors publish, and the model that it was written from."""

    files: dict[str, Path]
    backbone: str
    net: TheirVQVAE
    state: dict[str, Tensor]
    resized: Any  # the causal LM with all motion rows, without adapters
    words: int

    def model(self, direction: str) -> Any:
        """Their model with one adapter: W + B A, and no class of ours."""
        import copy

        merged = copy.deepcopy(self.resized)
        with torch.no_grad():
            for name, module in merged.named_modules():
                if name.rpartition(".")[2] in PROJECTIONS:
                    a, b = (
                        self.state[f"base_model.model.{name}.lora_{part}.{direction}.weight"]
                        for part in "AB"
                    )
                    module.weight += b @ a
        return merged.eval()


def official(
    folder: Path, family: str, *, tied: bool, padding: int = 0, sure: bool = False
) -> Official:
    """Tiny random weights of a backbone `family`, and the folder of that backbone.

    With `sure` the model has learnt what may follow what, so nothing has to be forbidden.
    """
    tokenizer = text_tokenizer()
    words = len(tokenizer)
    name = folder / "backbone"
    plain = backbone(family, vocabulary=words + padding, seed=1, tied=tied)
    if sure:
        _calm(plain)
    plain.save_pretrained(name)
    tokenizer.save_pretrained(name)
    generator = torch.Generator().manual_seed(2)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) * (0.02 if sure else 0.3)

    state: dict[str, Tensor] = {}
    for layer, module in plain.named_modules():
        if layer.rpartition(".")[2] in PROJECTIONS:
            out, inputs = module.weight.shape
            for direction, rank in RANKS.items():
                key = f"base_model.model.{layer}.lora_%s.{direction}.weight"
                state[key % "A"] = nn.Parameter(random(rank, inputs))
                state[key % "B"] = nn.Parameter(random(out, rank))
    rows = CODES + 2
    width = plain.config.hidden_size
    plain.resize_token_embeddings(words + rows, mean_resizing=False)
    whole = torch.cat([plain.get_input_embeddings().weight[:words].detach(), random(rows, width)])
    head = torch.cat([plain.lm_head.weight[:words].detach(), random(rows, width)])
    with torch.no_grad():
        plain.get_input_embeddings().weight.copy_(whole)
        if not tied:
            plain.lm_head.weight.copy_(head)
        if sure:
            _teach_order(plain, words, generator)
    # Views, as the authors save them: the file then holds the whole embedding.
    state["embeddings"] = plain.get_input_embeddings().weight.detach()[words:]
    state["lm_head"] = plain.lm_head.weight.detach()[words:]
    files = {"motionllm": folder / "motionllm.pth", "vqvae": folder / "vqvae.pth"}
    torch.save(state, files["motionllm"])
    net = their_vqvae()
    torch.save({"net": {f"vqvae.{k}": v for k, v in net.state_dict().items()}}, files["vqvae"])
    files |= small_statistics(folder)
    kept = {key: value.detach().clone() for key, value in state.items()}
    return Official(files, str(name), net, kept, plain.eval(), words)


@torch.no_grad()
def _calm(model: Any) -> None:
    """Layers that hardly change what they read."""
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.fill_(1.0)
        elif "layers" in name:
            parameter.mul_(0.1)


@torch.no_grad()
def _teach_order(model: Any, words: int, generator: torch.Generator) -> None:
    """<Motion> calls for token 8, each token for the next one, the last for </Motion>."""
    embed, head = model.get_input_embeddings().weight, model.lm_head.weight
    inside, after = torch.eye(embed.shape[1])[:2] * 4.0
    own = torch.randn(CODES, embed.shape[1], generator=generator)
    own[:, :2] = 0.0
    own = 4.0 * F.normalize(own, dim=1)
    end, first = words + 1, words + 2
    head[:words] = 0.0
    head[0] = after - inside  # the end of the text
    head[words] = -inside - after  # nothing calls for <Motion>
    embed[words] = inside + own[7]
    embed[end] = after
    embed[first:] = inside + own
    head[end] = inside - after + own[-1]
    head[first] = inside - after
    head[first + 1 :] = inside - after + own[:-1]
