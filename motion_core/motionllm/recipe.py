"""Recipes: how a direction is trained, as a YAML file; the paper's and its ablations come along.

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
from typing import Any, cast

from ..errors import ConfigurationError, InputError
from .model import DIRECTIONS, Direction
from .samples import Augmentation
from .train import MotionLLMTraining

_FOLDER = "recipes"


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
    """The recipes that come along."""
    folder = files(__package__).joinpath(_FOLDER)
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_recipe(name: Path | str) -> Recipe:
    """A recipe by its name or file.

    Raises:
        InputError: there is none.
        ConfigurationError: it is damaged, or has a field that there is not.
    """
    import yaml

    if str(name) in recipe_names():
        text = files(__package__).joinpath(_FOLDER, f"{name}.yaml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as err:
            known = ", ".join(recipe_names())
            raise InputError(
                f"there is no recipe {name}; give a YAML file or one of {known}"
            ) from err
    try:
        values = yaml.safe_load(text)
        if not isinstance(values, dict):
            raise TypeError(f"it holds a {type(values).__name__}")
        return _recipe(Path(name).stem, values)
    except (yaml.YAMLError, TypeError, KeyError, ValueError) as err:
        reason = " ".join(str(err).split())[:120]
        raise ConfigurationError(f"the recipe {name} cannot be used: {reason}") from err


def cost(recipe: Recipe, *, tokens: int = 150) -> Cost:
    """Trainable parameters and memory of a recipe, before anything is loaded.

    Weights of the backbone in bfloat16; adapters and rows in float32 with their gradients and two
    moments. Activations after Korthikanti et al., "Reducing Activation Recomputation in Large
    Transformer Models", 2022, equation 1, without attention maps: 34 bytes a number of each layer.

    Raises:
        ConfigurationError: the recipe does not tell the backbone's shape.
    """
    shape = recipe.shape
    if shape is None:
        raise ConfigurationError(f"the recipe {recipe.name} tells no shape of {recipe.backbone}")
    adapter = shape.layers * recipe.rank * sum(i + o for i, o in shape.projections)
    count = (recipe.codes + 2) + (recipe.codes + 1 if recipe.direction == "t2m" else 0)
    rows = count * shape.width if recipe.rows else 0
    samples = recipe.training.batch * tokens
    parts = {
        "backbone, bfloat16": 2 * shape.parameters,
        "adapter and rows with their optimiser": 16 * (adapter + rows),
        f"activations of {recipe.training.batch} × {tokens} tokens": (
            34 * samples * shape.width * shape.layers
        ),
    }
    if recipe.training.dropout == 0:
        parts["merged weights"] = 2 * (shape.layers * sum(i * o for i, o in shape.projections))
    return Cost(adapter, rows, {name: size / 1e9 for name, size in parts.items()}, tokens)


def _recipe(name: str, values: Mapping[str, Any]) -> Recipe:
    unknown = values.keys() - {"direction", "backbone", "shape", "rows", "training", "codes"}
    if unknown:
        raise KeyError(f"there is no field {min(unknown)!r}")
    direction = values["direction"]
    if direction not in DIRECTIONS:
        raise ValueError(f"direction is {direction!r}; give t2m or m2t")
    settings = dict(values.get("training", {}))
    augmentation = Augmentation(**settings.pop("augmentation", {}))
    kinds = {entry.name for entry in fields(MotionLLMTraining)}
    if settings.keys() - kinds:
        raise KeyError(f"training has no {min(settings.keys() - kinds)!r}")
    rows = bool(values.get("rows", True))
    training = MotionLLMTraining(augmentation=augmentation, **settings)
    if not rows:
        training = replace(training, rows_lr=0.0)
    shape = values.get("shape")
    return Recipe(
        name=name,
        direction=cast("Direction", direction),
        backbone=str(values["backbone"]),
        shape=None if shape is None else BackboneShape(**shape),
        rows=rows,
        training=training,
        codes=int(values.get("codes", 512)),
    )
