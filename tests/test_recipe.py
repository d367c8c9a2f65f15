"""Recipes: the paper's numbers before anything is loaded, and files that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.errors import ConfigurationError, InputError
from motion_agent.motion_core.motionllm.lora import LoRALinear, attach
from motion_agent.motion_core.motionllm.recipe import (
    BackboneShape,
    cost,
    load_recipe,
    recipe_names,
)


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
        assert recipe.training.batch == 6 and recipe.training.lr == pytest.approx(1e-5)
        assert recipe.training.prompt == "paper" and recipe.training.rows_lr == 0.0
        assert cost(recipe).trainable > 0


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
