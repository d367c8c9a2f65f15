"""Recipes: the paper's numbers before anything is loaded, and files that are refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.errors import ConfigurationError, InputError
from motion_agent.motion_core.motionllm.backbone import DEFAULT_BACKBONE
from motion_agent.motion_core.motionllm.lora import LoRALinear, attach
from motion_agent.motion_core.motionllm.recipe import (
    BackboneShape,
    cost,
    load_recipe,
    recipe_names,
)
from motion_agent.motion_core.motionllm.train import MotionLLMTraining


def test_the_papers_recipe_trains_83_million_parameters() -> None:
    """Table 3 of the paper says 83.1 M at rank 64."""
    found = cost(load_recipe("paper-t2m"))
    assert found.trainable == 83_066_880 and found.rows == 0
    assert cost(load_recipe("paper-t2m-rank-32")).trainable == 83_066_880 // 2
    assert found.gigabytes["backbone, bfloat16"] == pytest.approx(2 * 2.614, rel=0.001)


def test_a_shape_counts_what_a_model_has() -> None:
    shape = BackboneShape(2, 16, 16, 8, 24, 40, tied=False)
    config = transformers.LlamaConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=4,
        tie_word_embeddings=False,
    )
    with torch.device("meta"):
        model: Any = transformers.LlamaForCausalLM(config)
    norms = sum(p.numel() for name, p in model.named_parameters() if "norm" in name)
    assert shape.parameters == sum(p.numel() for p in model.parameters()) - norms
    attach(model.model)
    layers = [module for module in model.modules() if isinstance(module, LoRALinear)]
    for layer in layers:
        layer.add("t2m", 4, 1.0)
    adapter = sum(layer.a["t2m"].numel() + layer.b["t2m"].numel() for layer in layers)
    assert adapter == shape.layers * 4 * sum(i + o for i, o in shape.projections)


def test_every_recipe_is_read_and_costs_something() -> None:
    assert {"paper-t2m", "paper-m2t", "paper-t2m-llama3-8b"} <= set(recipe_names())
    for name in recipe_names():
        recipe = load_recipe(name)
        assert cost(recipe).trainable > 0
        if name.startswith("paper"):
            assert recipe.training.batch == 6 and recipe.training.lr == pytest.approx(1e-5)
            assert recipe.training.prompt == "paper" and recipe.training.rows_lr == 0.0


def make_options(name: str) -> set[str]:
    """The options of `make train`, such as "--steps 1900"."""
    text = (Path(__file__).parent.parent / "Makefile").read_text().replace("\\\n", " ")
    [line] = [line for line in text.splitlines() if line.startswith(f"{name}_OPTIONS ?=")]
    words = line.partition("?=")[2].split()
    return {
        f"{option} {float(value):g}" for option, value in zip(words[::2], words[1::2], strict=True)
    }


@pytest.mark.parametrize("direction", ["t2m", "m2t"])
def test_our_recipes_are_what_make_trains(direction: str) -> None:
    recipe = load_recipe(f"smollm2-{direction}")
    assert recipe.backbone == DEFAULT_BACKBONE and recipe.rows
    ours, usual = asdict(recipe.training), asdict(MotionLLMTraining())
    changed = {name: ours[name] for name in ours if ours[name] != usual[name]}
    inner = changed.pop("augmentation")
    changed |= {k: v for k, v in inner.items() if v != usual["augmentation"][k]}
    assert {f"--{name} {float(value):g}" for name, value in changed.items()} == make_options(
        direction.upper()
    )
    assert recipe.shape is not None
    assert recipe.shape.parameters == pytest.approx(134.5e6, rel=0.001)


def test_options_of_the_command_come_before_the_recipe_s() -> None:
    recipe = load_recipe("smollm2-t2m", rows=False, steps=400, batch=16)
    assert (recipe.rows, recipe.training.rows_lr) == (False, 0.0)
    assert (recipe.training.steps, recipe.training.batch) == (400, 16)
    assert recipe.training.lr == load_recipe("smollm2-t2m").training.lr
    assert load_recipe("paper-t2m", rows=True).training.rows_lr == MotionLLMTraining().rows_lr


def test_the_switch_of_the_rows_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = (
        "direction: t2m\nbackbone: toy\nrows: {}\ncodes: 6\ntraining: {{rank: 2}}\n"
        "shape: {{layers: 1, width: 10, attention: 10, keys: 10, feed_forward: 10, "
        "vocabulary: 5, tied: true}}\n"
    )
    path.write_text(text.format("true"))
    on = cost(load_recipe(path))
    path.write_text(text.format("false"))
    off = cost(load_recipe(path))
    # Embedding of 6 codes and two marks, head without <Motion>: (8 + 7) rows of 10.
    assert (on.rows, off.rows) == (150, 0) and on.adapter == off.adapter == 2 * 7 * 20
    assert load_recipe(path).training.rows_lr == 0.0


def test_the_dry_run_loads_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "recipe", "paper-t2m", "--dry-run"])
    assert result.exit_code == 0, result.stderr
    assert "trainable: 83.1 M" in result.stdout and "GB  backbone, bfloat16" in result.stdout
    output = CliRunner().invoke(app, ["train", "recipe", "paper-m2t", "--dry-run", "--json"]).stdout
    assert json.loads(output)["trainable"] == 83_066_880 // 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("direction: up\nbackbone: x\n", "direction is 'up'"),
        ("backbone: x\n", "'direction'"),
        ("direction: t2m\nbackbone: x\ntraining: {heat: 1}\n", "training has no 'heat'"),
        ("direction: t2m\nbackbone: x\nsurplus: 1\n", "no field 'surplus'"),
        ("- a\n", "holds a list"),
        ("{", "cannot be used"),
    ],
)
def test_odd_recipes_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"one of paper-m2t, paper-t2m"):
        load_recipe("paper-t3m")
