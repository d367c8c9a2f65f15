"""KIT-ML's 21 joints, 251 features and 12.5 fps, from the published folder to a table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from motionllm_toys import backbone_folder
from test_motion_scores import evaluators
from typer.testing import CliRunner, Result

from motion_agent.cli import app
from motion_agent.motion_core.datasets import PreparedDataset
from motion_agent.motion_core.errors import ConfigurationError
from motion_agent.motion_core.features import FEATURES, KIT_FEATURES, Columns
from motion_agent.motion_core.tokenizer import TokenizerConfig, load_tokenizer


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def kit_ml(folder: Path) -> Path:
    """Six motions of 48 frames with a caption each, in KIT-ML's layout."""
    (folder / "new_joint_vecs").mkdir(parents=True)
    (folder / "texts").mkdir()
    random = np.random.default_rng(0)
    np.save(folder / "Mean.npy", np.zeros(KIT_FEATURES))
    np.save(folder / "Std.npy", np.ones(KIT_FEATURES))
    names = [f"{number:05}" for number in range(6)]
    for name in names:
        motion = np.cumsum(random.normal(size=(48, KIT_FEATURES)) * 0.05, axis=0)
        np.save(folder / "new_joint_vecs" / f"{name}.npy", motion.astype(np.float32))
        (folder / "texts" / f"{name}.txt").write_text(
            "a person walks forward#a/DET person/NOUN walk/VERB forward/ADV#0.0#0.0\n"
        )
    for split in ("train", "val", "test"):
        (folder / f"{split}.txt").write_text("\n".join(names) + "\n")
    return folder


def test_the_columns_of_both_skeletons() -> None:
    ours, kit = Columns(), Columns(KIT_FEATURES)
    assert [(g.start, g.stop) for g in ours.groups] == [
        *((0, 1), (1, 3), (3, 4), (4, 67), (67, 193), (193, 259), (259, 263)),
    ]
    assert (kit.joints, kit.positions, kit.contacts) == (21, slice(4, 64), slice(247, 251))
    assert "features" not in TokenizerConfig(features=FEATURES).to_dict()  # as files have it
    with pytest.raises(ConfigurationError, match="give 263 of HumanML3D or 251 of KIT-ML"):
        TokenizerConfig(features=250)


def test_kit_ml_is_prepared_trained_on_and_measured(tmp_path: Path) -> None:
    folder, words = kit_ml(tmp_path / "KIT-ML"), backbone_folder(tmp_path / "backbone")
    data, runs = tmp_path / "prepared", tmp_path / "runs"
    result = invoke("data", "import", folder, "--out", data)
    assert result.exit_code == 0 and "clips of" in result.stdout, result.stderr
    prepared = PreparedDataset.load(data)
    assert prepared.fps == 12.5 and prepared.mean.shape == (KIT_FEATURES,)
    result = invoke(
        *("train", "tokenizer", "--data", data, "--out", runs / "tokenizer", "--steps", 2),
        *("--batch", 2, "--width", 16, "--codes", 16, "--code-dim", 8, "--window", 24),
    )
    assert result.exit_code == 0 and "local MPJPE, 20 joints" in result.stdout, result.stderr
    tokenizer = load_tokenizer(runs / "tokenizer")
    assert tokenizer.decode(tokenizer.encode(np.zeros((9, KIT_FEATURES)))).shape == (8, 251)
    for direction in ("t2m", "m2t"):
        result = invoke(
            *("train", "recipe", f"paper-{direction}", "--steps", 2, "--backbone", words),
            *("--data", data, "--tokenizer", runs / "tokenizer", "--out", runs / direction),
        )
        assert result.exit_code == 0, result.stderr
    result = invoke(
        *("train", "assemble", "--data", data, "--tokenizer", runs / "tokenizer"),
        *("--t2m", runs / "t2m", "--m2t", runs / "m2t", "--out", runs / "checkpoint"),
        *("--min-tokens", 6, "--max-tokens", 8),
    )
    assert result.exit_code == 0, result.stderr
    evaluators(tmp_path / "t2m", KIT_FEATURES)
    measure = ("evaluate", "--data", folder, "--t2m", tmp_path / "t2m", "--repeats", 2)
    out = ("--out", tmp_path / "report", "--json")
    result = invoke(*measure, "--checkpoint", runs / "checkpoint", *out)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)["report"]
    assert report["motions"]["samples"] == report["captions"]["motions"] == 6
    assert report["motions"]["sets"][1]["failed"] == 0
    made = np.load(tmp_path / "report" / "motions" / "1" / "00000.npy")
    assert made.shape[1] == KIT_FEATURES and 24 <= len(made) <= 32


def test_an_engine_of_another_skeleton_is_one_clear_line(tmp_path: Path) -> None:
    folder = kit_ml(tmp_path / "KIT-ML")
    evaluators(tmp_path / "t2m", KIT_FEATURES)
    result = invoke("evaluate", "--engine", "fake", "--data", folder, "--t2m", tmp_path / "t2m")
    assert result.exit_code == 2
    line = result.stderr.splitlines()[-1]
    assert "KIT-ML, whose frames have 251 features" in line and line.endswith("makes 263")
    made = ("--motions", folder / "new_joint_vecs")
    for outputs in (("--engine", "fake"), made):
        result = invoke("evaluate", *outputs, "--data", folder, "--out", tmp_path / "out")
        assert result.exit_code == 2 and "give --t2m" in result.stderr.splitlines()[-1]
    result = invoke(
        *("evaluate", *made, "--data", folder, "--t2m", tmp_path / "t2m", "--repeats", 2),
        *("--out", tmp_path / "out"),
    )
    assert result.exit_code == 0, result.stderr
