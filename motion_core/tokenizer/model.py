"""The motion tokenizer: a VQ-VAE that turns four frames of motion into one of 512 tokens and back.

Source: T2M-GPT (Zhang et al., CVPR 2023), section 3.1 and its figure 2: 1-D convolutions over
time, two stride-2 stages in the encoder and two nearest-neighbour ones in the decoder, dilated
residual blocks at each stage. The paper's size is width 512, code size 512; the default here is
smaller so that it can be trained on two CPU cores.

    features (B, T, 263) ─ normalise ─ encoder ─ (B, T/4, D) ─ nearest code ─ decoder ─ (B, T, 263)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import ConfigurationError, InputError
from ..features import FEATURES, KIT_FEATURES, Columns, movement
from ..motion import FRAMES_PER_TOKEN, FloatArray, check_features
from .losses import (
    grouped_std,
    joint_distances,
    path_error,
    smooth_l1,
)
from .quantizer import EMAQuantizer

_LARGEST = {"codes": 65_536, "code_dim": 2048, "width": 2048, "depth": 16, "dilation_growth": 8}
"""Of a config's sizes: a file says them, and memory is taken by them."""


@dataclass(frozen=True)
class TokenizerConfig:
    """The sizes and loss weights of a tokenizer; the defaults are the shipped one's.

    Attributes:
        codes: codebook size.
        code_dim: size of a code.
        width: channels of all convolutions.
        depth: residual blocks a stage.
        dilation_growth: the dilations of a stage are 1, g, g², …
        ema_decay, reset_share: see `EMAQuantizer`.
        commitment: weight of the commitment loss.
        position: weight of the smooth L1 on the joint positions.
        distance: weight of the joints' mean distance in metres, the reported error.
        path: weight of the root's path error in metres.
        root, contact: weights of the root and foot contact columns in the reconstruction.
        beta: where smooth L1 turns from quadratic to linear, in standard deviations.
        features: numbers of a frame: 263, or KIT-ML's 251.
    """

    codes: int = 512
    code_dim: int = 32
    width: int = 208
    depth: int = 3
    dilation_growth: int = 3
    ema_decay: float = 0.99
    reset_share: float = 0.125
    commitment: float = 0.02
    position: float = 0.5
    distance: float = 1.0
    path: float = 0.5
    root: float = 4.0
    contact: float = 1.0
    beta: float = 1.0
    features: int = FEATURES

    def __post_init__(self) -> None:
        for name in ("codes", "code_dim", "width", "depth", "dilation_growth"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ConfigurationError(f"tokenizer config: {name} is {value!r}; give at least 1")
            if value > _LARGEST[name]:
                raise ConfigurationError(
                    f"tokenizer config: {name} is {value}; the limit is {_LARGEST[name]}"
                )
        if self.features not in (FEATURES, KIT_FEATURES):
            raise ConfigurationError(
                f"tokenizer config: features is {self.features!r}; give {FEATURES} of HumanML3D or "
                f"{KIT_FEATURES} of KIT-ML"
            )

    @classmethod
    def paper(cls) -> TokenizerConfig:
        """Return T2M-GPT's size and losses."""
        return cls(code_dim=512, width=512, distance=0.0, path=0.0, root=1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the values; `features` only where they are KIT-ML's, as in older files."""
        values = asdict(self)
        if self.features == FEATURES:
            del values["features"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TokenizerConfig:
        """Return the config in a dictionary from `to_dict`.

        Raises:
            ConfigurationError: it has unknown names or wrong types.
        """
        try:
            return cls(**values)
        except TypeError as err:
            raise ConfigurationError(f"not a tokenizer config: {err}") from err


@dataclass(frozen=True)
class Reconstruction:
    """The result of `MotionTokenizer.forward`.

    Attributes:
        features: ``(B, T, 263)``, not normalised.
        tokens: ``(B, T / 4)``.
        loss: the weighted sum to minimise.
        parts: its unweighted parts, detached; ``distance`` is in metres.
    """

    features: Tensor
    tokens: Tensor
    loss: Tensor
    parts: dict[str, Tensor]


class MotionTokenizer(nn.Module):
    """The motion tokenizer, on raw features; their mean and standard deviation are part of it.

    Args:
        config: size and losses.
        mean, std: ``(263,)`` of the training features; 0 and 1 by default.
    """

    mean: Tensor
    std: Tensor
    weights: Tensor

    def __init__(
        self,
        config: TokenizerConfig | None = None,
        *,
        mean: NDArray[Any] | None = None,
        std: NDArray[Any] | None = None,
    ) -> None:
        super().__init__()
        self.config = config = config or TokenizerConfig()
        size, columns = config.features, Columns(config.features)
        mean_tensor = torch.zeros(size) if mean is None else torch.tensor(mean).float()
        std_tensor = torch.ones(size) if std is None else torch.tensor(std).float()
        if mean_tensor.shape != (size,) or std_tensor.shape != (size,):
            raise InputError(f"mean and std must have the shape ({size},)")
        self.register_buffer("mean", mean_tensor)
        self.register_buffer("std", grouped_std(std_tensor))
        weights = torch.ones(size)
        weights[columns.root] = config.root
        weights[columns.contacts] = config.contact
        self.register_buffer("weights", weights / weights.mean(), persistent=False)
        self.encoder = _encoder(config)
        self.decoder = _decoder(config)
        self.quantizer = EMAQuantizer(
            config.codes,
            config.code_dim,
            decay=config.ema_decay,
            reset_share=config.reset_share,
        )

    # Numbers in, numbers out ---------------------------------------------------------------

    @torch.no_grad()
    def encode(self, features: NDArray[Any]) -> list[int]:
        """Return tokens of raw features ``(T, 263)`` or ``(T, 251)``: ``T // 4``, at least one.

        The last ``T % 4`` frames are dropped; fewer than 4 frames are padded with the last one.

        Raises:
            InputError: the features have another shape, no frames, or values that are not finite.
        """
        array = torch.from_numpy(check_features(features, self.config.features))
        frames = len(array) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
        if frames == 0:
            missing = FRAMES_PER_TOKEN - len(array)
            array = torch.cat([array, array[-1:].expand(missing, -1)])
            frames = FRAMES_PER_TOKEN
        vectors = self.encode_vectors(array[None, :frames].to(self.mean.device))
        tokens: list[int] = self.quantizer.nearest(vectors[0]).tolist()
        return tokens

    @torch.no_grad()
    def decode(self, tokens: Sequence[int]) -> FloatArray:
        """Return raw features ``(4 · len(tokens), 263)`` of motion tokens, decoded together.

        Raises:
            InputError: there are no tokens, or one is not in the codebook.
        """
        if len(tokens) == 0:
            raise InputError("there are no motion tokens to decode")
        indices = torch.tensor([int(token) for token in tokens], device=self.mean.device)
        outside = indices[(indices < 0) | (indices >= self.config.codes)]
        if len(outside):
            raise InputError(
                f"motion token {int(outside[0])} is not in the codebook of {self.config.codes}; "
                f"tokens go from 0 to {self.config.codes - 1}"
            )
        features: FloatArray = self.decode_vectors(self.quantizer.codebook[indices][None])[0].numpy(
            force=True
        )
        return features

    def movement(self, tokens: Sequence[int]) -> FloatArray:
        """Describe the motion of these tokens for look-up; see `features.movement`.

        Raises:
            InputError: as `decode`.
        """
        mean, std = (part.numpy(force=True) for part in (self.mean, self.std))
        return movement(self.decode(tokens), mean, std)

    @property
    def parameters_count(self) -> int:
        """Number of learned values: weights and codebook."""
        weights = sum(parameter.numel() for parameter in self.parameters())
        return weights + self.quantizer.codebook.numel()

    # Tensors -------------------------------------------------------------------------------

    def encode_vectors(self, features: Tensor) -> Tensor:
        """Return the encoder's output ``(B, T/4, D)`` float32 for raw features ``(B, T, 263)``."""
        normalised = (features - self.mean) / self.std
        encoded: Tensor = self.encoder(normalised.transpose(1, 2))  # (B, D, T/4)
        return encoded.transpose(1, 2).float()

    def decode_vectors(self, vectors: Tensor) -> Tensor:
        """Return raw features ``(B, T, 263)`` float32 of codes ``(B, T/4, D)``."""
        return self._decode_normalised(vectors) * self.std + self.mean

    def _decode_normalised(self, vectors: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(vectors.transpose(1, 2))  # (B, 263, T)
        return decoded.transpose(1, 2).float()

    def forward(
        self, features: Tensor, valid: Tensor | None = None, *, bfloat16: bool = False
    ) -> Reconstruction:
        """Reconstruct raw features ``(B, T, 263)``, T a multiple of 4, and measure the losses.

        Args:
            features: windows of motion, float32.
            valid: ``(B, T)`` bool, False where a clip is shorter than its window.
            bfloat16: run the convolutions in bfloat16; quantizer and losses stay in float32.
        """
        config = self.config
        if valid is None:
            valid = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
        with torch.autocast(features.device.type, torch.bfloat16, enabled=bfloat16):
            vectors = self.encode_vectors(features)  # (B, T/4, D)
        # A token counts if its first frame does: clips may end inside a token.
        counted = valid[:, ::FRAMES_PER_TOKEN].flatten()
        quantized = self.quantizer(vectors.flatten(0, 1), counted)
        with torch.autocast(features.device.type, torch.bfloat16, enabled=bfloat16):
            normalised = self._decode_normalised(quantized.vectors.view_as(vectors))

        shown = valid.float()  # (B, T)
        frames = shown.sum()
        target = (features - self.mean) / self.std
        errors = smooth_l1(normalised, target, config.beta) * shown[..., None]
        raw = normalised * self.std + self.mean
        positions = errors[..., Columns(config.features).positions]
        distances = joint_distances(raw, features).mean(dim=-1)  # (B, T)
        parts = {
            "reconstruction": (errors * self.weights).sum() / (frames * config.features),
            "position": positions.sum() / (frames * positions.shape[-1]),
            "distance": (distances * shown).sum() / frames,
            "path": path_error(raw, features, shown),
            "commitment": quantized.commitment,
        }
        loss = (
            parts["reconstruction"]
            + config.position * parts["position"]
            + config.distance * parts["distance"]
            + config.path * parts["path"]
            + config.commitment * parts["commitment"]
        )
        tokens = quantized.tokens.view(vectors.shape[:2])
        return Reconstruction(
            raw, tokens, loss, {name: part.detach() for name, part in parts.items()}
        )


# Convolutions -------------------------------------------------------------------------------


class _Residual(nn.Module):
    """x + conv1(relu(dilated conv3(relu(x)))), length kept: ``(B, C, T)`` -> ``(B, C, T)``."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.narrow = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.narrow(torch.relu(self.wide(torch.relu(x))))
        return out


def _stage(config: TokenizerConfig) -> nn.Sequential:
    """Return residual blocks from the widest dilation to the narrowest, in T2M-GPT's order."""
    growth, depth = config.dilation_growth, config.depth
    return nn.Sequential(
        *(_Residual(config.width, growth**power) for power in reversed(range(depth)))
    )


def _encoder(config: TokenizerConfig) -> nn.Sequential:
    width = config.width
    return nn.Sequential(
        nn.Conv1d(config.features, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv1d(width, width, 4, stride=2, padding=1),  # T -> T/2
        _stage(config),
        nn.Conv1d(width, width, 4, stride=2, padding=1),  # T/2 -> T/4
        _stage(config),
        nn.Conv1d(width, config.code_dim, 3, padding=1),
    )


def _decoder(config: TokenizerConfig) -> nn.Sequential:
    width = config.width
    return nn.Sequential(
        nn.Conv1d(config.code_dim, width, 3, padding=1),
        nn.ReLU(),
        _stage(config),
        nn.Upsample(scale_factor=2, mode="nearest"),  # T/4 -> T/2
        nn.Conv1d(width, width, 3, padding=1),
        _stage(config),
        nn.Upsample(scale_factor=2, mode="nearest"),  # T/2 -> T
        nn.Conv1d(width, width, 3, padding=1),
        nn.Conv1d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv1d(width, config.features, 3, padding=1),
    )
