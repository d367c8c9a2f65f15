"""A checkpoint's adapters merged into its backbone, for inference without transformers.

float32   merged in memory when a direction is first used; the other direction replaces it
int8      merged and quantised once, kept in the user's cache, checked and memory-mapped

    <cache>/merged/<checkpoint>-<backbone>-int8-2/
        base.safetensors           embedding (float16), head (int8), norms
        t2m.safetensors            int8 weights of each block; m2t.safetensors likewise
        config.json, tokenizer.json, tokenizer_config.json    the backbone's
        digests.json               CRC-32 of each, see `cache`

Only backbones of Llama's layout in one ``model.safetensors``; see `inference`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..errors import ConfigurationError, IntegrityError, UnavailableError
from .cache import cache_folder, is_whole, keep_folder
from .checkpoint import Checkpoint
from .int8 import Int8Weight
from .llama import FloatWeight, Layer, Llama, LlamaConfig, Weight, interleaved
from .model import DIRECTIONS, Direction
from .text_tokenizer import FILES as TOKENIZER_FILES
from .weights import TensorFile, read_tensors

WEIGHTS = "model.safetensors"
_VERSION = "int8-2"  # of the files in the cache
_WORTH_KEEPING = 1 << 24  # numbers in the embedding; smaller models are quantised in no time
_STACKS = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
_NORMS = {"attention_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}


@dataclass(frozen=True)
class MergedWeights:
    """What a decoder of either direction is made of.

    Attributes:
        config: its sizes.
        embedding: (V, D), of any dtype; looked up and then converted.
        head: returns (V, D), which motion tokens do not need.
        decoder: the decoder of a direction, merged when it is asked for.
        dtype: of activations.
    """

    config: LlamaConfig
    embedding: Tensor
    head: Callable[[], Weight]
    decoder: Callable[[Direction], Llama]
    dtype: torch.dtype


def float_weights(
    folder: Path, config: LlamaConfig, checkpoint: Checkpoint, dtype: torch.dtype, device: str
) -> MergedWeights:
    """Load weights of that dtype on that device, one direction at a time.

    Raises:
        ConfigurationError: the adapters belong to another backbone.
        UnavailableError, IntegrityError: a file is missing or damaged.
    """
    base = TensorFile(folder / WEIGHTS)
    kept: dict[Direction, Llama] = {}

    def decoder(direction: Direction) -> Llama:
        if direction not in kept:
            kept.clear()
            room = _Room(config.block_weights * config.layers, dtype, device)
            layers = [
                _layer(
                    {name: FloatWeight(room.put(weight)) for name, weight in stacks.items()},
                    {name: norm.to(device, dtype) for name, norm in norms.items()},
                )
                for stacks, norms in _blocks(base, config, checkpoint, direction)
            ]
            norm = base["model.norm.weight"].to(device, dtype)
            kept[direction] = Llama(config, layers, norm)
        return kept[direction]

    embedding = base["model.embed_tokens.weight"].to(device)

    @cache
    def head() -> Weight:
        weight = embedding if config.tied else base["lm_head.weight"]
        return FloatWeight(weight.to(device, dtype))

    return MergedWeights(config, embedding, head, decoder, dtype)


def int8_weights(
    folder: Path, config: LlamaConfig, checkpoint: Checkpoint
) -> tuple[MergedWeights, Path]:
    """Return 8-bit weights, built now and kept for later if possible, and the tokenizer's folder.

    Raises:
        ConfigurationError: the adapters belong to another backbone.
        UnavailableError, IntegrityError: a file is missing or damaged.
    """
    base = TensorFile(folder / WEIGHTS)
    parts: dict[str, dict[str, Tensor]] = {"base": _quantised_base(base, config)}
    for direction in DIRECTIONS:
        parts[direction] = dict(_quantised_blocks(base, config, checkpoint, direction))
    return _assembled(config, parts), folder


def kept_int8_weights(checkpoint: Checkpoint, identity: str) -> tuple[MergedWeights, Path] | None:
    """Return the weights kept by `keep_int8_weights`, memory-mapped; None if missing or
    incomplete.
    """
    folder = kept_folder(checkpoint, f"{identity}-{_VERSION}")
    if not is_whole(folder):
        return None
    config = LlamaConfig.read(folder)
    if config is None:
        return None
    try:
        parts = {n: read_tensors(folder / f"{n}.safetensors") for n in ("base", *DIRECTIONS)}
    except (UnavailableError, IntegrityError):  # another process has just removed it
        return None
    return _assembled(config, parts), folder


def keep_int8_weights(
    folder: Path, config: LlamaConfig, checkpoint: Checkpoint, identity: str
) -> tuple[MergedWeights, Path]:
    """Build `int8_weights` through the cache: one part in memory at a time, then all mapped.

    Weights of other checkpoints that were used longest ago make room. If the cache is not
    writable, they are built in memory.
    """
    if config.vocabulary * config.width < _WORTH_KEEPING:
        return int8_weights(folder, config, checkpoint)
    base = TensorFile(folder / WEIGHTS)

    def write(fresh: Path) -> None:
        save_file(_quantised_base(base, config), fresh / "base.safetensors")
        for direction in DIRECTIONS:
            blocks = dict(_quantised_blocks(base, config, checkpoint, direction))
            save_file(blocks, fresh / f"{direction}.safetensors")
            del blocks
        for name in ("config.json", *TOKENIZER_FILES):
            shutil.copyfile(folder / name, fresh / name)

    with suppress(OSError, SafetensorError):  # another process was faster, or it is not writable
        keep_folder(kept_folder(checkpoint, f"{identity}-{_VERSION}"), write)
    return kept_int8_weights(checkpoint, identity) or int8_weights(folder, config, checkpoint)


def kept_folder(checkpoint: Checkpoint, rest: str) -> Path:
    """Return where weights of a checkpoint are kept: its digest, then the `rest` of the name."""
    digests = "".join(digest for _, digest in sorted(checkpoint.config.digests.items()))
    name = hashlib.sha256(digests.encode()).hexdigest()[:16]
    return cache_folder() / "merged" / f"{name}-{rest}"


def merged_projections(
    base: Mapping[str, Tensor], config: LlamaConfig, checkpoint: Checkpoint, direction: Direction
) -> Iterator[tuple[str, Tensor]]:
    """Name and W + s·B·A of every projection, block by block, float32.

    Raises:
        ConfigurationError: the adapter is not of this backbone.
    """
    for _, parts in _merged_stacks(base, config, checkpoint, direction):
        yield from parts.items()


def _merged_stacks(
    base: Mapping[str, Tensor], config: LlamaConfig, checkpoint: Checkpoint, direction: Direction
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Return each stack of each block, and the projections in it by name."""
    adapter, scale = checkpoint.adapter(direction), checkpoint.config.adapters[direction].scale
    names = [name for stack in _STACKS.values() for name in stack]
    expected = 2 * config.layers * len(names)
    if len(adapter) != expected:
        raise ConfigurationError(
            f"adapter {direction!r} does not fit the backbone: {expected} tensors expected, "
            f"{len(adapter)} found"
        )
    for number in range(config.layers):
        for stacked in _STACKS.values():
            keys = [f"model.layers.{number}.{name}" for name in stacked]
            try:
                parts = [base[f"{key}.weight"] for key in keys]
                stack = torch.cat(parts, out=torch.empty(0))  # float32
                rows = torch.split(stack, [len(part) for part in parts])
                for key, merged in zip(keys, rows, strict=True):
                    lora = f"base_model.model.{key}.lora_"
                    a, b = (adapter[f"{lora}{letter}.weight"].float() for letter in "AB")
                    merged.addmm_(b, a, alpha=scale)
            except (KeyError, RuntimeError) as err:
                raise ConfigurationError(
                    f"adapter {direction!r} does not fit the backbone at {keys[0]}: {err}"
                ) from err
            yield stack, dict(zip([f"{key}.weight" for key in keys], rows, strict=True))


def _blocks(
    base: Mapping[str, Tensor], config: LlamaConfig, checkpoint: Checkpoint, direction: Direction
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Return each block's stacked weights and norms; float32."""
    merged = _merged_stacks(base, config, checkpoint, direction)
    for number in range(config.layers):
        stacks = {name: next(merged)[0] for name in _STACKS}
        stacks["qkv"] = interleaved(stacks["qkv"], config)
        block = f"model.layers.{number}"
        norms = {n: base[f"{block}.{name}.weight"].float() for n, name in _NORMS.items()}
        yield stacks, norms


def _layer(stacks: Mapping[str, Weight], norms: Mapping[str, Tensor]) -> Layer:
    return Layer(
        attention_norm=norms["attention_norm"],
        qkv=stacks["qkv"],
        out=stacks["out"],
        mlp_norm=norms["mlp_norm"],
        gate_up=stacks["gate_up"],
        down=stacks["down"],
    )


class _Room:
    """One piece of memory for many weights: many pieces would stay with the process when freed."""

    def __init__(self, numbers: int, dtype: torch.dtype, device: str) -> None:
        self._free = torch.empty(numbers, dtype=dtype, device=device)

    def put(self, weight: Tensor) -> Tensor:
        """Return a copy of `weight` in the room."""
        part, self._free = self._free.tensor_split([weight.numel()])
        return part.view_as(weight).copy_(weight)


def _quantised_base(base: Mapping[str, Tensor], config: LlamaConfig) -> dict[str, Tensor]:
    embedding = base["model.embed_tokens.weight"]
    head = Int8Weight.quantise(embedding if config.tied else base["lm_head.weight"])
    return {
        "embedding": embedding.clone(),
        "head.whole": head.whole,
        "head.scale": head.scale,
        "norm": base["model.norm.weight"].float(),
    }


def _quantised_blocks(
    base: Mapping[str, Tensor], config: LlamaConfig, checkpoint: Checkpoint, direction: Direction
) -> Iterator[tuple[str, Tensor]]:
    for number, (stacks, norms) in enumerate(_blocks(base, config, checkpoint, direction)):
        for name, weight in stacks.items():
            quantised = Int8Weight.quantise(weight)
            yield f"{number}.{name}.whole", quantised.whole
            yield f"{number}.{name}.scale", quantised.scale
        for name, norm in norms.items():
            yield f"{number}.{name}", norm


def _assembled(config: LlamaConfig, parts: Mapping[str, Mapping[str, Tensor]]) -> MergedWeights:
    def decoder(direction: Direction) -> Llama:
        part = parts[direction]

        def weight(name: str) -> Int8Weight:
            return Int8Weight(part[f"{name}.whole"], part[f"{name}.scale"])

        layers = [
            _layer(
                {stack: weight(f"{number}.{stack}") for stack in _STACKS},
                {name: part[f"{number}.{name}"] for name in _NORMS},
            )
            for number in range(config.layers)
        ]
        return Llama(config, layers, parts["base"]["norm"])

    base, decoders = parts["base"], {direction: decoder(direction) for direction in DIRECTIONS}
    head = Int8Weight(base["head.whole"], base["head.scale"])
    dtype = base["norm"].dtype
    return MergedWeights(config, base["embedding"], lambda: head, decoders.__getitem__, dtype)
