"""The text-motion matching network: motions and captions as points in one space.

    motion (T, 263) -> normalise -> 2 convolutions (T/4) -> bi-GRU -> MLP -> (D,)
    caption         -> words -> embeddings -------------> bi-GRU -> MLP -> (D,)

A motion and a caption with the same meaning are close. `evaluate` measures everything in this
space, so its numbers only compare systems measured with the same weights.

Source: the T2M evaluator (Guo et al., CVPR 2022, section 4 and supplement; "MovementConvEncoder",
"MotionEncoderBiGRUCo", "TextEncoderBiGRUCo"), smaller, with a backbone's token embeddings instead
of GloVe vectors and without part-of-speech tags. As there, the four foot contacts are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from ..atomic import replacing
from ..errors import ConfigurationError, InputError, IntegrityError, UnavailableError
from ..json_text import parse_json
from ..motion import FEATURES, FloatArray
from .words import BUCKETS, Vocabulary

FILE = "matching.safetensors"
DOWNSAMPLING = 4
_CONTACTS = 4  # the last features
_EXTREME = 10.0  # standard deviations
_FORMAT = "motion-agent matching network 1"


@dataclass(frozen=True)
class MatchingConfig:
    """The architecture of a matching network.

    Attributes:
        words: the vocabulary of the captions.
        width: channels of the motion encoder and of its GRU, per direction.
        word_width: dimensions of a word embedding.
        text_width: units of the text GRU, per direction.
        space: dimensions D of the joint space.
        dropout: share of units dropped in training.
    """

    words: tuple[str, ...]
    width: int = 192
    word_width: int = 96
    text_width: int = 96
    space: int = 128
    dropout: float = 0.2


class MatchingNetwork(nn.Module):
    """Embeds raw features and captions; see the module's docstring."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        config: MatchingConfig,
        *,
        mean: NDArray[Any] | None = None,
        std: NDArray[Any] | None = None,
        word_vectors: NDArray[Any] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = Vocabulary(config.words)
        self.register_buffer("mean", _statistics(mean, 0.0))
        # Features that hardly move in the data set would otherwise dominate when they do.
        self.register_buffer("std", _statistics(std, 1.0).clamp_min(1e-3))
        self.motion_encoder = _MotionEncoder(config)
        self.text_encoder = _TextEncoder(config, len(self.vocabulary))
        if word_vectors is not None:
            self._fix_words(word_vectors)

    @property
    def device(self) -> torch.device:
        """The weights' device."""
        return self.mean.device

    def motion_points(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Return points (B, D) of raw features (B, T, 263), of which `lengths` (B,) frames are
        valid.

        The lengths stay on the CPU, here and for captions.
        """
        # A broken motion must not swamp a GRU: 99.99 % of real values are within this.
        normal = ((features - self.mean) / self.std).clamp(-_EXTREME, _EXTREME)
        points: Tensor = self.motion_encoder(normal[..., :-_CONTACTS], lengths)
        return points

    def caption_points(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Return points (B, D) of word ids (B, W), of which `lengths` (B,) are valid."""
        points: Tensor = self.text_encoder(words, lengths)
        return points

    @torch.inference_mode()
    def embed_motions(self, motions: Sequence[FloatArray], *, batch: int = 64) -> FloatArray:
        """Return points (N, D) of motions, each raw features (T, 263) of any length.

        Raises:
            InputError: there is no motion, or features have another shape.
        """
        self.eval()
        if not motions:
            raise InputError("there is no motion to embed")
        points = np.empty((len(motions), self.config.space), dtype=np.float32)
        for rows in _by_length([len(motion) for motion in motions], batch):
            features, lengths = pad_motions([motions[row] for row in rows])
            points[rows] = self.motion_points(features.to(self.device), lengths).cpu().numpy()
        return points

    @torch.inference_mode()
    def embed_captions(self, captions: Sequence[str], *, batch: int = 256) -> FloatArray:
        """Return points (N, D) of captions.

        Raises:
            InputError: there is no caption, or one without a word.
        """
        self.eval()
        if not captions:
            raise InputError("there is no caption to embed")
        encoded = [self.vocabulary.encode(caption) for caption in captions]
        points = np.empty((len(captions), self.config.space), dtype=np.float32)
        for rows in _by_length([len(ids) for ids in encoded], batch):
            words, lengths = pad_words([encoded[row] for row in rows])
            points[rows] = self.caption_points(words.to(self.device), lengths).cpu().numpy()
        return points

    def _fix_words(self, vectors: NDArray[Any]) -> None:
        """Copy the word vectors (W, word width) and exclude them from training."""
        words = self.text_encoder.words.weight
        with torch.no_grad():
            words[1 + BUCKETS :] = torch.as_tensor(np.asarray(vectors, dtype=np.float32))
        words.requires_grad_(False)

    def save(self, folder: Path | str) -> Path:
        """Write ``matching.safetensors``: float16 weights, with the config as JSON in its header.

        Raises:
            UnavailableError: the folder cannot be written to.
        """
        path = Path(folder) / FILE
        tensors = {
            # The statistics span too many orders of magnitude for float16.
            name: tensor.detach().float() if name in ("mean", "std") else tensor.detach().half()
            for name, tensor in self.state_dict().items()
        }
        tensors = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
        header = {"format": _FORMAT, "config": json.dumps(asdict(self.config))}
        with replacing(path) as temporary:
            try:
                save_file(tensors, temporary, metadata=header)
            except SafetensorError as err:
                raise UnavailableError(f"cannot write {path}: {err}") from err
        return path

    @classmethod
    def load(cls, folder: Path | str) -> MatchingNetwork:
        """Load the network in a folder (or in a ``.safetensors`` file), ready to embed.

        Raises:
            ConfigurationError: there is none, or it is another kind of file.
            IntegrityError: the file is damaged.
        """
        path = Path(folder)
        path = path if path.suffix == ".safetensors" else path / FILE
        if not path.is_file():
            raise ConfigurationError(
                f"no matching network at {path}; train one with `motion-agent train matching`"
            )
        try:
            with safe_open(path, framework="pt") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as err:
            raise IntegrityError(
                f"{path} is damaged ({err}); get or train the matching network again"
            ) from err
        if header.get("format") != _FORMAT:
            raise ConfigurationError(f"{path} is not a matching network; give another folder")
        try:
            network = cls(_config(parse_json(header["config"])))
            needed = network.state_dict()  # a training's heads may be in the file as well
            network.load_state_dict({name: tensors[name] for name in needed})
        except (KeyError, TypeError, ValueError, RuntimeError) as err:
            raise IntegrityError(
                f"{path}: weights and config do not fit ({str(err).splitlines()[0]}); "
                "get or train the matching network again"
            ) from err
        return network.eval()


def pad_motions(motions: Sequence[FloatArray]) -> tuple[Tensor, Tensor]:
    """Return features (B, T, 263) padded with zeros to T, a multiple of 4, and lengths (B,).

    Raises:
        InputError: features have another shape.
    """
    for motion in motions:
        if motion.ndim != 2 or motion.shape[1] != FEATURES or not len(motion):
            raise InputError(f"features have the shape {motion.shape}; expected (frames, 263)")
    lengths = torch.tensor([len(motion) for motion in motions])
    longest = int(lengths.max()) + -int(lengths.max()) % DOWNSAMPLING
    padded = torch.zeros(len(motions), longest, FEATURES)
    for row, motion in enumerate(motions):
        padded[row, : len(motion)] = torch.as_tensor(np.asarray(motion, dtype=np.float32))
    return padded, lengths


def pad_words(captions: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return word ids (B, W), padded with 0, and lengths (B,)."""
    lengths = torch.tensor([len(ids) for ids in captions])
    padded = torch.zeros(len(captions), int(lengths.max()), dtype=torch.long)
    for row, ids in enumerate(captions):
        padded[row, : len(ids)] = torch.tensor(list(ids))
    return padded, lengths


class _MotionEncoder(nn.Module):
    def __init__(self, config: MatchingConfig) -> None:
        super().__init__()
        self.first = nn.Conv1d(FEATURES - _CONTACTS, config.width, 4, stride=2, padding=1)
        self.second = nn.Conv1d(config.width, config.width, 4, stride=2, padding=1)
        self.dropout = nn.Dropout(config.dropout)
        self.activation = nn.LeakyReLU(0.2)
        self.read = _Reader(config.width, config.width, config)

    def forward(self, normal: Tensor, lengths: Tensor) -> Tensor:
        # Zero past the end before each layer: the point must not depend on the padding.
        x = normal * _inside(normal, lengths)  # (B, T, 259)
        x = self.dropout(self.activation(self.first(x.transpose(1, 2)))).transpose(1, 2)
        x = x * _inside(x, lengths / 2)  # (B, T/2, width)
        x = self.dropout(self.activation(self.second(x.transpose(1, 2)))).transpose(1, 2)
        steps = torch.ceil(lengths / DOWNSAMPLING).long()
        points: Tensor = self.read(x, steps)  # from (B, T/4, width)
        return points


class _TextEncoder(nn.Module):
    def __init__(self, config: MatchingConfig, words: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, config.word_width, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.read = _Reader(config.word_width, config.text_width, config)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        points: Tensor = self.read(self.dropout(self.words(words)), lengths)
        return points


class _Reader(nn.Module):
    """A bi-GRU, and an MLP from its last states to the joint space."""

    def __init__(self, inputs: int, units: int, config: MatchingConfig) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, units, batch_first=True, bidirectional=True)
        self.to_space = nn.Sequential(
            nn.Linear(2 * units, units),
            nn.LayerNorm(units),
            nn.LeakyReLU(0.2),
            nn.Dropout(config.dropout),
            nn.Linear(units, config.space),
        )

    def forward(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(sequence, lengths, batch_first=True, enforce_sorted=False)
        last = self.gru(packed)[1]  # (2, B, units): end of the forward, start of the backward pass
        points: Tensor = self.to_space(torch.cat([last[0], last[1]], dim=1))  # (B, D)
        return points


def _inside(steps: Tensor, lengths: Tensor) -> Tensor:
    """Return a mask (B, S, 1) of steps (B, S, C): 1 where a step begins before the end."""
    inside = (torch.arange(steps.shape[1])[None] < lengths[:, None]).float()[..., None]
    return inside.to(steps.device)


def _by_length(lengths: Sequence[int], batch: int) -> Iterator[NDArray[np.intp]]:
    """Yield rows in batches of similar length, for little padding."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    for begin in range(0, len(order), batch):
        yield order[begin : begin + batch]


def _statistics(values: NDArray[Any] | None, default: float) -> Tensor:
    if values is None:
        return torch.full((FEATURES,), default)
    tensor = torch.as_tensor(np.array(values, dtype=np.float32))
    if tensor.shape != (FEATURES,) or not bool(torch.isfinite(tensor).all()):
        raise InputError(f"mean and std are not {FEATURES} finite numbers each; prepare again")
    return tensor


def _config(values: dict[str, Any]) -> MatchingConfig:
    known = {field.name for field in fields(MatchingConfig)}
    known_values = {name: value for name, value in values.items() if name in known}
    return MatchingConfig(**{**known_values, "words": tuple(values["words"])})
