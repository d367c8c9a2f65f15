"""Recipes: how a direction is trained, as a YAML file; the paper's, its ablations, and ours.

    direction: t2m
    backbone: google/gemma-2-2b-it
    shape: {layers: 26, width: 2304, attention: 2048, keys: 1024, feed_forward: 9216,
            vocabulary: 256000, tied: true}
    rows: false              # whether the motion rows train
    training: {rank: 64, batch: 6, lr: 1.0e-5, dropout: 0.1, …}

`shape` makes it possible to say before anything is loaded how many parameters train and how much
memory that takes: Llama's and Gemma's seven projections of each layer carry the adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, cast

from ..errors import ConfigurationError, InputError
from ..yaml_file import read_yaml
from .model import DIRECTIONS, Direction
from .samples import Augmentation
from .train import MotionLLMTraining

_FOLDER = "recipes"
_LARGEST = 1_000_000_000
_NAMES: dict[type[Any], str] = {MotionLLMTraining: "training", Augmentation: "augmentation"}
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class BackboneShape:
    """Sizes of a causal LM with seven projections a layer.

    Attributes:
        layers: of the decoder.
        width: hidden size.
        attention: numbers of all query heads together.
        keys: the same of keys, and of values.
        feed_forward: of the gated layer.
        vocabulary: rows of the embedding.
        tied: whether the head is the embedding.
    """

    layers: int
    width: int
    attention: int
    keys: int
    feed_forward: int
    vocabulary: int
    tied: bool

    @property
    def projections(self) -> tuple[tuple[int, int], ...]:
        """(in, out) of q, k, v, o, gate, up, down."""
        w, a, k, f = self.width, self.attention, self.keys, self.feed_forward
        return (w, a), (w, k), (w, k), (a, w), (w, f), (w, f), (f, w)

    @property
    def parameters(self) -> int:
        """All weights but norms and biases."""
        inner = self.layers * sum(one * other for one, other in self.projections)
        return inner + self.vocabulary * self.width * (1 if self.tied else 2)


@dataclass(frozen=True)
class Recipe:
    """A training of one direction.

    Attributes:
        name: of the file.
        direction: what is trained.
        backbone: folder or Hugging Face name.
        shape: of the backbone; None where it is not told.
        rows: whether the motion rows train.
        training: all else.
        codes: of the motion tokenizer.
    """

    name: str
    direction: Direction
    backbone: str
    shape: BackboneShape | None
    rows: bool
    training: MotionLLMTraining
    codes: int = 512

    @property
    def rank(self) -> int:
        """Of the adapter."""
        return self.training.rank or {"t2m": 32, "m2t": 16}[self.direction]


@dataclass(frozen=True)
class Cost:
    """What a recipe takes.

    Attributes:
        adapter: parameters of A and B.
        rows: parameters of the motion rows that train.
        gigabytes: by part; activations are those of `tokens` a sample.
        tokens: of a sample, prompt included.
    """

    adapter: int
    rows: int
    gigabytes: Mapping[str, float] = field(default_factory=dict)
    tokens: int = 150

    @property
    def trainable(self) -> int:
        """All parameters that change."""
        return self.adapter + self.rows


def recipe_names() -> tuple[str, ...]:
    """Return the names of the built-in recipes."""
    folder = files(__package__).joinpath(_FOLDER)
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_recipe(name: Path | str, *, rows: bool | None = None, **training: Any) -> Recipe:
    """Load a recipe by its name or file.

    Args:
        name: of a built-in recipe, or a YAML file.
        rows: whether the motion rows train; None for what the recipe says.
        training: settings in place of the recipe's; None for what it says.

    Raises:
        InputError: there is none.
        ConfigurationError: it is damaged, or one of its values is unusable.
    """
    known = recipe_names()
    folder = files(__package__).joinpath(_FOLDER)
    path = Path(str(folder.joinpath(f"{name}.yaml"))) if str(name) in known else Path(name)
    if not path.is_file():
        raise InputError(
            f"there is no recipe {name}; give a YAML file or one of {', '.join(known)}"
        )
    try:
        values = read_yaml(path)
        if not isinstance(values, dict):
            raise TypeError(f"it holds a {type(values).__name__}")
        if rows is not None:
            values["rows"] = rows
        changes = {key: value for key, value in training.items() if value is not None}
        settings = values.get("training", {})
        if changes and isinstance(settings, dict):
            values["training"] = {**settings, **changes}
        return _recipe(path.stem, values)
    except (TypeError, KeyError, ValueError, OverflowError) as err:
        reason = " ".join(str(err).split())[:200]
        raise ConfigurationError(f"the recipe {name} cannot be used: {reason}") from err


def cost(recipe: Recipe, *, tokens: int = 150) -> Cost:
    """Return trainable parameters and memory of a recipe, without loading anything.

    Weights of the backbone in bfloat16; adapters and rows in float32 with their gradients and two
    moments. Activations after Korthikanti et al., "Reducing Activation Recomputation in Large
    Transformer Models", 2022, equation 1, without attention maps: 34 bytes a number of each layer.

    Raises:
        ConfigurationError: the recipe does not state the backbone's shape.
    """
    shape = recipe.shape
    if shape is None:
        raise ConfigurationError(f"the recipe {recipe.name} tells no shape of {recipe.backbone}")
    adapter = shape.layers * recipe.rank * sum(i + o for i, o in shape.projections)
    count = (recipe.codes + 2) + (recipe.codes + 1 if recipe.direction == "t2m" else 0)
    rows = count * shape.width if recipe.rows else 0
    samples = recipe.training.batch * tokens
    training = recipe.training
    layers = shape.layers * sum(i * o for i, o in shape.projections)
    if training.four_bit:  # and a float32 scale for every 64 weights
        backbone = {"backbone, 4 bits": 2 * (shape.parameters - layers) + layers * 9 / 16}
    else:
        backbone = {"backbone, bfloat16": 2.0 * shape.parameters}
    inside = 34 * samples * shape.width  # of a layer
    activations = inside * shape.layers
    if training.checkpointing:
        activations = inside + 2 * samples * shape.width * shape.layers
    parts = {
        **backbone,
        "adapter and rows with their optimiser": 16 * (adapter + rows),
        f"activations of {training.batch} × {tokens} tokens": activations,
    }
    if training.dropout == 0 and not (training.four_bit or training.shard):
        parts["merged weights"] = 2 * layers
    return Cost(adapter, rows, {name: size / 1e9 for name, size in parts.items()}, tokens)


def _recipe(name: str, values: Mapping[str, Any]) -> Recipe:
    unknown = values.keys() - {"direction", "backbone", "shape", "rows", "training", "codes"}
    if unknown:
        raise KeyError(f"there is no field {min(map(str, unknown))!r}")
    direction = values["direction"]
    if direction not in DIRECTIONS:
        raise ValueError(f"direction is {direction!r}; give t2m or m2t")
    _check_numbers(values)
    rows, settings = bool(values.get("rows", True)), values.get("training", {})
    if isinstance(settings, Mapping):
        settings = {
            **settings,
            "augmentation": _checked(Augmentation, settings.get("augmentation", {})),
        }
    training = _checked(MotionLLMTraining, settings)
    if not rows:
        training = replace(training, rows_lr=0.0)
    shape = values.get("shape")
    return Recipe(
        name=name,
        direction=cast("Direction", direction),
        backbone=str(values["backbone"]),
        shape=None if shape is None else _checked(BackboneShape, shape),
        rows=rows,
        training=training,
        codes=int(values.get("codes", 512)),
    )


def _checked(kind: type[_Made], values: Any) -> _Made:
    """Return a dataclass built from values, checking their types.

    Raises:
        ValueError: a field is unknown, or a value has another type.
    """
    from pydantic import TypeAdapter

    if isinstance(values, Mapping):
        names = {entry.name for entry in fields(cast("Any", kind))}
        if unknown := {str(key) for key in values} - names:
            raise ValueError(f"{_NAMES.get(kind, 'shape')} has no {min(unknown)!r}")
    return TypeAdapter(kind).validate_python(values)


def _check_numbers(values: Any) -> None:
    """Check the numbers of a recipe.

    Raises:
        ValueError: one is NaN or larger than any recipe's.
    """
    if isinstance(values, Mapping | list):
        for value in values.values() if isinstance(values, Mapping) else values:
            _check_numbers(value)
    elif isinstance(values, int | float) and not abs(values) <= _LARGEST:
        raise ValueError(f"{str(values)[:40]} is no number for a recipe; the limit is {_LARGEST}")
