"""A checkpoint out of trainings: tokenizer, t2m, m2t and matching network become one folder.

    motion-agent train assemble --tokenizer runs/tokenizer --t2m runs/t2m --m2t runs/m2t

Any part may also come from a checkpoint, which holds all of them: a training that goes on from the
shipped t2m is assembled with the shipped tokenizer and m2t.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigurationError, IntegrityError, UnavailableError
from ..json_text import parse_json
from . import lora
from .checkpoint import (
    CONFIG,
    MATCHING,
    Adapter,
    Checkpoint,
    CheckpointConfig,
    load_checkpoint,
    write_checkpoint,
)
from .known_captions import KnownCaptions
from .model import DIRECTIONS, Direction, MotionLLM
from .neighbours import Neighbours, TrainingClip
from .sampling import Sampling
from .tokenised import encode_many
from .vocabulary import split_words
from .weights import read_tensors, save_half

_FACTS = ("backbone", "vocabulary", "width", "codes", "rank", "scale", "training")


@dataclass(frozen=True)
class TrainedDirection:
    """What a training of one direction left behind.

    Attributes:
        facts: backbone, sizes, rank and scale, and the training's options.
        adapter: under `peft`'s names.
        rows: motion rows, named as in `MotionLLM.rows`.
    """

    facts: Mapping[str, Any]
    adapter: Mapping[str, Tensor]
    rows: Mapping[str, Tensor]


def read_direction(folder: Path | str, direction: Direction) -> TrainedDirection:
    """Load the direction in a training's folder, or in a checkpoint.

    Raises:
        UnavailableError: it does not exist, or cannot be read.
        IntegrityError: a file is damaged.
    """
    folder = Path(folder)
    if (folder / CONFIG).is_file():
        return _of_checkpoint(load_checkpoint(folder), direction)
    facts = _read_facts(folder, direction)
    return TrainedDirection(
        facts,
        read_tensors(folder / f"{direction}.safetensors"),
        read_tensors(folder / f"{direction}_rows.safetensors"),
    )


@torch.no_grad()
def load_direction(model: MotionLLM, direction: Direction, folder: Path | str) -> None:
    """Load the adapter and rows of `direction` from a folder; the model must already have both.

    Raises:
        UnavailableError: a file is missing.
        IntegrityError: a file is damaged.
        ConfigurationError: they are of another backbone, rank or codebook.
    """
    trained = read_direction(folder, direction)
    lora.load_adapter_state(model.backbone, direction, trained.adapter)
    for name, row in model.rows.items():
        if name.startswith(direction):
            if name not in trained.rows or trained.rows[name].shape != row.shape:
                raise ConfigurationError(f"the motion rows in {folder} are of another codebook")
            row.copy_(trained.rows[name])


def assemble_checkpoint(
    tokenizer: Path | str,
    t2m: Path | str,
    m2t: Path | str,
    out: Path | str,
    *,
    matching: Path | str | None = None,
    clips: Sequence[TrainingClip] = (),
    captions: Collection[str] = (),
    held_out: Collection[str] = (),
    data: str = "",
    caption_sources: Collection[str] = (),
    sampling: Sampling | None = None,
) -> Checkpoint:
    """Assemble the results of the trainings; the checkpoint appears in `out` all at once.

    Args:
        tokenizer: folder with ``tokenizer.safetensors``.
        t2m: folder for `read_direction`.
        m2t: the same for m2t.
        out: folder of the checkpoint; its name becomes the checkpoint's.
        matching: folder of the matching network.
        clips: the captioned training clips, if sampling has neighbours.
        captions: the training captions, which `coverage` knows.
        held_out: human captions of other clips, which calibrate it.
        data: the training data, in a few words.
        caption_sources: who wrote the captions, by names of `licences.CAPTION_SOURCES`.
        sampling: defaults of decoding.

    Raises:
        UnavailableError: a file is missing, or `out` cannot be written to.
        IntegrityError: a file is damaged.
        ConfigurationError: the two directions or the tokenizer do not belong together.
    """
    from ..tokenizer.checkpoint import FILE_NAME, load_tokenizer

    out, folders = Path(out), {"t2m": Path(t2m), "m2t": Path(m2t)}
    trained = {d: read_direction(folders[d], d) for d in DIRECTIONS}
    facts = {d: trained[d].facts for d in DIRECTIONS}
    for name in ("backbone", "vocabulary", "width", "codes"):
        if facts["t2m"][name] != facts["m2t"][name]:
            raise ConfigurationError(
                f"{folders['t2m']} and {folders['m2t']} do not belong together: {name} is "
                f"{facts['t2m'][name]!r} and {facts['m2t'][name]!r}"
            )
    prompts = {d: facts[d]["training"]["prompt"] for d in DIRECTIONS}
    if prompts["t2m"] != prompts["m2t"]:
        raise ConfigurationError(f"the two directions were trained with other prompts: {prompts}")
    sampling = sampling or Sampling()
    if (sampling.neighbours or clips) and not (clips and captions):
        raise ConfigurationError(
            "sampling with neighbours needs the training clips and their captions; give both"
        )
    motion_tokenizer = load_tokenizer(tokenizer)
    model = facts["t2m"]
    if motion_tokenizer.config.codes != model["codes"]:
        raise ConfigurationError(
            f"the tokenizer in {tokenizer} has {motion_tokenizer.config.codes} codes, the "
            f"adapters were trained with {model['codes']}"
        )
    config = CheckpointConfig(
        name=out.name,
        backbone=model["backbone"],
        vocabulary=model["vocabulary"],
        width=model["width"],
        codes=model["codes"],
        prompt=prompts["t2m"],
        adapters={d: Adapter(facts[d]["rank"], facts[d]["scale"]) for d in DIRECTIONS},
        sampling=sampling,
        tokenizer=motion_tokenizer.config.to_dict(),
        data=data,
        caption_sources=tuple(caption_sources),
        words=_words(captions),
        training={d: facts[d]["training"] for d in DIRECTIONS},
    )

    def fill(fresh: Path) -> None:
        shutil.copy(Path(tokenizer) / FILE_NAME, fresh)
        rows = {
            name.replace("_", ".", 1): tensor  # t2m_embed -> t2m.embed
            for d in DIRECTIONS
            for name, tensor in trained[d].rows.items()
        }
        save_half(rows, fresh / "rows.safetensors")
        for d in DIRECTIONS:
            save_half(trained[d].adapter, fresh / f"{d}.safetensors")
        if matching is not None:
            shutil.copy(Path(matching) / MATCHING, fresh / MATCHING)
        if captions:
            known = KnownCaptions.learn(captions, held_out)
            known.save(fresh)
        if clips:
            motions = encode_many(motion_tokenizer, [clip.features for clip in clips])
            movements = [motion_tokenizer.movement(tokens.tolist()) for tokens in motions]
            Neighbours.of(known, clips, motions, np.stack(movements)).save(fresh)

    return write_checkpoint(out, config, fill)


def _of_checkpoint(checkpoint: Checkpoint, direction: Direction) -> TrainedDirection:
    config = checkpoint.config
    adapter = config.adapters[direction]
    facts = {
        "backbone": config.backbone,
        "vocabulary": config.vocabulary,
        "width": config.width,
        "codes": config.codes,
        "rank": adapter.rank,
        "scale": adapter.scale,
        "training": {"prompt": config.prompt, **config.training.get(direction, {})},
    }
    rows = {
        name.replace(".", "_", 1): tensor  # t2m.embed -> t2m_embed
        for name, tensor in checkpoint.rows().items()
        if name.startswith(direction)
    }
    return TrainedDirection(facts, checkpoint.adapter(direction), rows)


def _read_facts(folder: Path, direction: Direction) -> dict[str, Any]:
    path = folder / f"{direction}.json"
    if not path.is_file():
        raise UnavailableError(f"there is no {path}; finish the training of {direction} first")
    try:
        facts: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        missing = set(_FACTS) - facts.keys()
    except (ValueError, AttributeError) as err:
        raise IntegrityError(f"{path} is damaged ({err}); train {direction} again") from err
    if missing or "prompt" not in facts["training"]:
        raise IntegrityError(f"{path} does not tell {min(missing, default='the prompt')}")
    return facts


def _words(captions: Iterable[str]) -> tuple[str, ...]:
    """Return the words of the captions in alphabetical order, without numbers, which describe no
    motion.
    """
    counts = Counter(word for caption in captions for word in set(split_words(caption)))
    return tuple(sorted(word for word in counts if word.isalpha()))
