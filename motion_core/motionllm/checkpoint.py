"""A MotionLLM checkpoint: everything that was trained, in one folder that names its backbone.

    config.json             format, backbone, prompt, sizes, sampling, training words, digests
    tokenizer.safetensors   the motion tokenizer
    rows.safetensors        t2m.embed, t2m.head, m2t.embed; head.start in official checkpoints
    t2m.safetensors         LoRA adapter, text → motion, under `peft`'s names
    m2t.safetensors         LoRA adapter, motion → text
    coverage.safetensors    what the training captions say, for `coverage` (optional)
    neighbours.safetensors  motion tokens and captions of the training clips (optional)
    matching.safetensors    the network that `evaluate` measures with (optional)

All weights are float16, save the tokenizer's mean and standard deviation; those of an official
checkpoint stay float32.

`assembly` makes one of what the trainings leave behind.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..errors import ConfigurationError, IntegrityError, UnavailableError
from ..json_text import parse_json
from .known_captions import FILE as COVERAGE
from .known_captions import KnownCaptions
from .model import DIRECTIONS, Direction
from .nearest import NearestClips
from .neighbours import FILE as NEIGHBOURS
from .neighbours import Neighbours
from .sampling import Sampling
from .vocabulary import KnownWords
from .weights import file_digest, read_tensors

if TYPE_CHECKING:
    from ..tokenizer import MotionTokenizer

DEFAULT_CHECKPOINT = Path(__file__).parent.parent / "checkpoints" / "smollm2-135m"
FORMAT = "motion-agent checkpoint"
VERSION = 1
CONFIG = "config.json"
_TENSORS = ("tokenizer.safetensors", "rows.safetensors", "t2m.safetensors", "m2t.safetensors")
MATCHING = "matching.safetensors"
START = "head.start"
"""The head's row of <Motion>, which no decoding chooses but beam search counts (optional)."""
_LARGEST = {"vocabulary": 4_000_000, "width": 65_536, "codes": 65_536, "rank": 4096}


@dataclass(frozen=True)
class Adapter:
    """Rank of a LoRA adapter, and its scale, alpha / rank."""

    rank: int
    scale: float


@dataclass(frozen=True)
class CheckpointConfig:
    """What ``config.json`` tells.

    Attributes:
        name: of the checkpoint.
        backbone: Hugging Face name of the causal LM, or its folder.
        vocabulary: number of the backbone's embedding rows; motion tokens go on from there.
        width: the backbone's hidden size.
        codes: size of the motion codebook.
        prompt: name of the prompt format.
        adapters: both directions' adapters.
        sampling: how motion tokens are drawn unless the caller says otherwise.
        tokenizer: the motion tokenizer's own config.
        data: what it was trained on, in a few words.
        caption_sources: who wrote the captions, by names of `datasets.licences.CAPTION_SOURCES`.
        words: the words of the training captions, for `coverage`.
        training: recipe of each direction.
        digests: SHA-256 of each file.
    """

    name: str
    backbone: str
    vocabulary: int
    width: int
    codes: int
    prompt: str
    adapters: Mapping[Direction, Adapter]
    sampling: Sampling = field(default_factory=Sampling)
    tokenizer: Mapping[str, Any] = field(default_factory=dict)
    data: str = ""
    caption_sources: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def decisive_files(self) -> tuple[str, ...]:
        """The files that decide what is generated and captioned."""
        return (*_TENSORS, *([NEIGHBOURS] if NEIGHBOURS in self.digests else []))

    @property
    def fills(self) -> bool:
        """Whether t2m has also learnt what lies between two stretches of motion."""
        augmentation = self.training.get("t2m", {}).get("augmentation", {})
        return self.prompt == "compact" and augmentation.get("gap", 0) > 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            **asdict(self),
            "sampling": self.sampling.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CheckpointConfig:
        """Return the config in a dictionary.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or has another type.
        """
        fields = {
            name: value for name, value in values.items() if name not in ("format", "version")
        }
        adapters = {d: Adapter(**values["adapters"][d]) for d in DIRECTIONS}
        fields |= {"adapters": adapters, "sampling": Sampling(**values["sampling"])}
        fields |= {"words": tuple(values["words"])}
        fields |= {"caption_sources": tuple(values.get("caption_sources", ()))}
        config = cls(**fields)
        for number in ("vocabulary", "width", "codes"):
            value = getattr(config, number)
            if not isinstance(value, int) or not 1 <= value <= _LARGEST[number]:
                raise ValueError(f"{number} is {value!r}; expected 1 to {_LARGEST[number]}")
        config._check_types()
        for adapter in adapters.values():
            if not isinstance(adapter.rank, int) or not 1 <= adapter.rank <= _LARGEST["rank"]:
                raise ValueError(f"a rank is {adapter.rank!r}; expected 1 to {_LARGEST['rank']}")
        return config

    def _check_types(self) -> None:
        """Check that fields used as text are strings.

        Raises:
            ValueError: one is not.
        """
        for name in ("name", "backbone", "prompt", "data"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is {getattr(self, name)!r:.40}; expected text")
        tables: list[Any] = [self.tokenizer, self.training, self.digests]
        if isinstance(self.training, Mapping):
            recipes = list(self.training.values())
            tables += recipes
            tables += [r.get("augmentation", {}) for r in recipes if isinstance(r, Mapping)]
        if not all(isinstance(table, Mapping) for table in tables):
            raise ValueError("tokenizer, training or digests are no tables")
        if not all(isinstance(word, str) for word in self.words):
            raise ValueError("its words are no texts")
        for adapter in self.adapters.values():
            if type(adapter.scale) not in (int, float) or not math.isfinite(adapter.scale):
                raise ValueError(f"a scale is {adapter.scale!r:.40}; expected a number")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder whose files are all there and whole; tensors are read when asked for."""

    folder: Path
    config: CheckpointConfig

    @property
    def version(self) -> str:
        """Six hexadecimal digits that change with any of the weights."""
        digests = [self.config.digests[name] for name in self.config.decisive_files]
        return hashlib.sha256("".join(digests).encode()).hexdigest()[:6]

    def tokenizer(self) -> MotionTokenizer:
        """Load the motion tokenizer.

        Raises:
            ConfigurationError: its codebook does not match the rows.
        """
        from ..tokenizer.checkpoint import load_tokenizer

        tokenizer = load_tokenizer(self.folder)
        if tokenizer.config.codes != self.config.codes:
            raise ConfigurationError(
                f"the tokenizer in {self.folder} has {tokenizer.config.codes} codes, the motion "
                f"rows are for {self.config.codes}; get the checkpoint again"
            )
        return tokenizer

    def known(self) -> KnownCaptions | KnownWords:
        """Load the coverage of the training captions; only their words in a checkpoint without
        vectors.

        Raises:
            IntegrityError: the vectors are damaged.
        """
        if COVERAGE in self.config.digests:
            return KnownCaptions.load(self.folder)
        return KnownWords(self.config.words)

    def nearest_clips(self, known: KnownCaptions | KnownWords, codebook: Tensor) -> NearestClips:
        """Load motions and captions of the training clips, for `Sampling.neighbours`.

        Args:
            known: what `known` gave.
            codebook: vectors (codes, D) of its tokenizer.

        Raises:
            ConfigurationError: the checkpoint has none.
            IntegrityError: they are damaged.
        """
        if NEIGHBOURS not in self.config.digests or not isinstance(known, KnownCaptions):
            raise ConfigurationError(
                f"the checkpoint {self.folder} has no neighbours to sample with; set "
                "Sampling.neighbours to 0, or assemble it with `train assemble --neighbours`"
            )
        found = Neighbours.load(self.folder, codes=self.config.codes, words=len(known.stems))
        return NearestClips(found, known, codebook.detach().float().cpu().numpy())

    def rows(self) -> dict[str, Tensor]:
        """Load ``t2m.embed`` (codes + 2, width), ``t2m.head`` (codes + 1, width), ``m2t.embed``.

        Official checkpoints have ``head.start`` (1, width) as well.
        """
        rows = read_tensors(self.folder / "rows.safetensors")
        codes, width = self.config.codes, self.config.width
        shapes = {name: (codes + 2, width) for name in ("t2m.embed", "m2t.embed")}
        shapes["t2m.head"] = (codes + 1, width)
        if START in rows:
            shapes[START] = (1, width)
        found = {name: tuple(tensor.shape) for name, tensor in rows.items()}
        if found != shapes:
            raise IntegrityError(
                f"{self.folder / 'rows.safetensors'} holds {found}, expected {shapes}; "
                "get the checkpoint again"
            )
        return rows

    def adapter(self, direction: Direction) -> dict[str, Tensor]:
        return read_tensors(self.folder / f"{direction}.safetensors")

    def check_backbone(self, backbone: Any, name: str) -> None:
        """Check that the adapters were trained on a backbone of that size.

        Raises:
            ConfigurationError: they were not.
        """
        vocabulary, width = backbone.get_input_embeddings().weight.shape
        self.check_size(vocabulary, width, name)

    def check_size(self, vocabulary: int, width: int, name: str) -> None:
        """Check that the adapters were trained on a backbone of that size.

        Raises:
            ConfigurationError: they were not.
        """
        config = self.config
        if (vocabulary, width) != (config.vocabulary, config.width):
            raise ConfigurationError(
                f"the checkpoint {self.folder} was trained on {config.backbone} (hidden size "
                f"{config.width}, {config.vocabulary} words), {name} has hidden size {width} and "
                f"{vocabulary} words; use the checkpoint with its own backbone"
            )


def load_checkpoint(folder: Path | str | None = None) -> Checkpoint:
    """Load the checkpoint in `folder`, checking every file against its digest.

    Args:
        folder: None for $MOTION_AGENT_CHECKPOINT, else the one that is shipped.

    Raises:
        UnavailableError: there is none, or it cannot be read.
        IntegrityError: a file is missing or differs from the original.
        ConfigurationError: its version is unknown.
    """
    folder = Path(folder or os.environ.get("MOTION_AGENT_CHECKPOINT") or DEFAULT_CHECKPOINT)
    if not (folder / CONFIG).is_file():
        raise UnavailableError(
            f"there is no checkpoint in {folder} (no {CONFIG}); give the folder of one, or train "
            "one with `motion-agent train`"
        )
    try:
        values = parse_json((folder / CONFIG).read_text(encoding="utf-8"))
        if values["format"] != FORMAT or values["version"] != VERSION:
            raise ConfigurationError(
                f"{folder / CONFIG} is of format {values['format']!r}, version "
                f"{values['version']!r}; this program reads {FORMAT!r}, version {VERSION}"
            )
        config = CheckpointConfig.from_dict(values)
        needed = [COVERAGE] if NEIGHBOURS in config.digests else []  # neighbours number its words
        for name in (*config.decisive_files, *needed):
            if file_digest(folder / name) != config.digests[name]:
                raise IntegrityError(
                    f"{folder / name} is not the file that {CONFIG} describes; it is damaged or "
                    "from another checkpoint: get the checkpoint again"
                )
    except FileNotFoundError as err:
        raise IntegrityError(f"{err.filename} is missing; get the checkpoint again") from err
    except OSError as err:
        raise UnavailableError(f"cannot read {folder}: {err.strerror or err}") from err
    except (ValueError, TypeError, KeyError) as err:
        raise IntegrityError(
            f"{folder / CONFIG} is damaged ({type(err).__name__}: {err}); get the checkpoint again"
        ) from err
    return Checkpoint(folder, config)


def write_checkpoint(
    out: Path, config: CheckpointConfig, fill: Callable[[Path], None]
) -> Checkpoint:
    """Make a checkpoint of what `fill` puts into a folder; it appears in `out` at once.

    Args:
        out: folder of the checkpoint.
        config: all but the digests.
        fill: writes the safetensors files into the folder that it is given.

    Raises:
        UnavailableError: `out` cannot be written to.
        IntegrityError: the files are not those of a checkpoint.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".new-") as temporary:
            fresh = Path(temporary) / "checkpoint"
            fresh.mkdir()
            fill(fresh)
            digests = {path.name: file_digest(path) for path in sorted(fresh.glob("*.safetensors"))}
            whole = replace(config, digests=digests)
            text = json.dumps(whole.to_dict(), indent=1, ensure_ascii=False) + "\n"
            (fresh / CONFIG).write_text(text, encoding="utf-8")
            load_checkpoint(fresh).rows()
            _put(fresh, out)
    except OSError as err:
        raise UnavailableError(
            f"cannot write {out}: {err.strerror or err}; choose a folder you may write to"
        ) from err
    return load_checkpoint(out)


def _put(fresh: Path, out: Path) -> None:
    """Move the new files to `out`, config last: a mixture would not fit the digests."""
    if not out.exists():
        os.replace(fresh, out)
        return
    files = sorted(fresh.iterdir(), key=lambda path: path.name == CONFIG)
    for path in files:
        os.replace(path, out / path.name)
