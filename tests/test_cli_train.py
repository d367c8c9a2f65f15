"""From a folder of recordings to a trained and measured checkpoint, by command line, in small."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from motionllm_toys import (
    backbone,
    backbone_folder,
    motion_llm,
    motion_tokenizer,
    text_tokenizer,
)
from recordings import record
from typer.testing import CliRunner, Result

from motion_agent.cli import app
from motion_agent.motion_core.motionllm import load_checkpoint
from motion_agent.motion_core.motionllm.train import fast_bfloat16
from motion_agent.motion_core.motionllm.weights import read_tensors
from motion_agent.motion_core.tokenizer import load_tokenizer, save_tokenizer


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    result = invoke(
        *("data", "prepare", "custom", record(folder / "recordings")),
        *("--out", folder / "prepared", "--workers", 1),
    )
    assert result.exit_code == 0, result.stderr
    return folder / "prepared"


def make_train(prepared: Path, runs: Path, words: str) -> list[list[str]]:
    """The commands of `make train`, small, as make tells them."""
    few = f"--steps 2 --batch 2 --rank 2 --backbone {words}"
    variables = {
        "VENV": "here",
        "DATA": prepared,
        "RUNS": runs,
        "TOKENIZER_OPTIONS": "--steps 2 --batch 2 --width 16 --codes 16 --code-dim 8",
        "REFINING_OPTIONS": "--steps 2 --batch 2 --window 24",
        "T2M_OPTIONS": few,
        "STUDENT_OPTIONS": few,
        "M2T_OPTIONS": few,
        "MATCHING_OPTIONS": f"--steps 2 --batch 4 --backbone {words}",
        "EVALUATION_OPTIONS": "--limit 2 --no-captions",
    }
    done = subprocess.run(
        ["make", "--dry-run", "train", *(f"{name}={value}" for name, value in variables.items())],
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("here/bin/motion-agent ")]


def test_make_train_goes_from_data_to_a_table_and_goes_on_where_it_was_stopped(
    prepared: Path, tmp_path: Path
) -> None:
    commands = make_train(prepared, tmp_path, backbone_folder(tmp_path / "words"))
    assert [words[:2] for words in commands[:-1]] == [
        *(["train", part] for part in ("tokenizer", "tokenizer", "t2m", "t2m", "m2t", "matching")),
        ["train", "assemble"],
    ]
    for words in commands[:3]:
        assert invoke(*words).exit_code == 0, words
    state = tmp_path / "t2m" / "state.pt"
    trained = state.stat().st_mtime_ns, (tmp_path / "t2m" / "t2m.safetensors").read_bytes()
    for words in commands:  # from the beginning, as after a kill
        result = invoke(*words)
        assert result.exit_code == 0, (words, result.stderr)
    assert (tmp_path / "t2m" / "t2m.safetensors").read_bytes() == trained[1]
    assert len((tmp_path / "t2m" / "log.csv").read_text().splitlines()) <= 3  # no step twice
    made = load_checkpoint(tmp_path / "checkpoint")
    assert (made.config.sampling.takes, made.config.sampling.min_tokens) == (1, 8)
    assert made.config.data == "custom" and made.config.caption_sources == ("labels",)
    assert "| generated |" in (tmp_path / "report" / "evaluation.md").read_text()
    assert "R-precision" in result.stdout


def test_data_show_tells_what_was_prepared(prepared: Path) -> None:
    result = invoke("data", "show", prepared)
    assert result.exit_code == 0
    assert "48 clips" in result.stdout  # 24 recordings and their mirrors
    for action in ("walk", "wave both hands", "bow"):
        assert action in result.stdout


def test_a_folder_without_recordings_is_one_line(tmp_path: Path) -> None:
    result = invoke("data", "prepare", "bandai-namco", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_training_without_data_says_how_to_prepare_it(tmp_path: Path) -> None:
    for command in ("tokenizer", "t2m", "t2m", "m2t", "matching"):
        result = invoke("train", command, "--data", tmp_path, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "motion-agent data prepare" in result.stderr.splitlines()[-1]


def test_a_tokenizer_is_trained_measured_and_kept(prepared: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokenizer"
    options = ("--steps", 2, "--batch", 2, "--width", 16, "--data", prepared, "--out", out)
    result = invoke("train", "tokenizer", *options)
    assert result.exit_code == 0, result.stderr
    assert load_tokenizer(out).config.width == 16
    assert "mm" in result.stdout
    again = invoke("train", "tokenizer", *options[2:], "--steps", 3)
    assert again.exit_code == 2  # another schedule is another training
    assert "steps" in again.stderr.splitlines()[-1]


@pytest.mark.parametrize("direction", ["t2m", "m2t"])
def test_the_papers_recipe_trains_the_adapter_and_leaves_the_rows(
    prepared: Path, tmp_path: Path, direction: str
) -> None:
    tokenizer = tmp_path / "tokenizer"
    save_tokenizer(motion_tokenizer(), tokenizer)
    words = backbone_folder(tmp_path / "backbone")
    out = tmp_path / "out"
    result = invoke(
        *("train", "recipe", f"paper-{direction}", "--steps", 2, "--backbone", words),
        *("--data", prepared, "--tokenizer", tokenizer, "--out", out),
    )
    assert result.exit_code == 0, result.stderr
    facts = json.loads((out / f"{direction}.json").read_text())
    assert facts["rank"] == {"t2m": 64, "m2t": 32}[direction] and facts["scale"] == 1.0
    assert facts["training"]["prompt"] == "paper" and facts["training"]["dropout"] == 0.1
    first = motion_llm()
    if fast_bfloat16():  # as the training takes the backbone on such a processor
        first.backbone.bfloat16()
    first.initialise_rows(load_tokenizer(tokenizer).quantizer.codebook, direction)
    rows = read_tensors(out / f"{direction}_rows.safetensors")
    for name, row in rows.items():
        torch.testing.assert_close(row, first.rows[name].detach().half())
    adapter = read_tensors(out / f"{direction}.safetensors")
    assert any(bool(t.any()) for name, t in adapter.items() if "lora_B" in name)


def test_two_processes_train_as_one_does(prepared: Path, tmp_path: Path) -> None:
    """Whole, and with layers that are spread over both and computed twice."""
    save_tokenizer(motion_tokenizer(), tmp_path / "tokenizer")
    words = backbone_folder(tmp_path / "backbone")
    recipe = tmp_path / "small.yaml"
    recipe.write_text(
        f"direction: t2m\nbackbone: {words}\n"
        "training: {steps: 4, batch: 6, rank: 4, lr: 0.01, warmup: 1, dropout: 0, bfloat16: false}"
    )

    def train(out: Path, processes: int, *options: str) -> dict[str, torch.Tensor]:
        command = ["-m", "motion_agent", "train", "recipe", str(recipe), "--data", str(prepared)]
        command += ["--tokenizer", str(tmp_path / "tokenizer"), "--out", str(out), *options]
        launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
        done = subprocess.run(
            [sys.executable, *(launcher if processes > 1 else []), *command],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("t2m: 4 steps") == 1  # the first process speaks
        return {
            **read_tensors(out / "t2m.safetensors"),
            **read_tensors(out / "t2m_rows.safetensors"),
        }

    def losses(out: Path) -> list[float]:
        with (out / "log.csv").open(newline="") as file:
            return [float(row["val_loss"]) for row in csv.DictReader(file) if row["val_loss"]]

    alone = train(tmp_path / "alone", 1)
    for name, options in (("whole", ()), ("spread", ("--shard", "--checkpointing"))):
        out = tmp_path / name
        for key, tensor in train(out, 2, *options).items():
            torch.testing.assert_close(tensor, alone[key], atol=2e-3, rtol=2e-3)
        assert losses(out) == pytest.approx(losses(tmp_path / "alone"), abs=1e-4)
        assert sorted(path.name for path in out.glob("*.*")) == sorted(
            path.name for path in (tmp_path / "alone").glob("*.*")
        )


def test_a_matching_network_is_trained(prepared: Path, tmp_path: Path) -> None:
    words, out = tmp_path / "backbone", tmp_path / "matching"
    backbone().save_pretrained(words)
    text_tokenizer().save_pretrained(words)
    result = invoke(
        *("train", "matching", "--steps", 2, "--batch", 4, "--data", prepared, "--out", out),
        *("--backbone", words),
    )
    assert result.exit_code == 0, result.stderr
    assert (out / "matching.safetensors").is_file()
    assert re.search(r"R-precision of \d+ test captions .* top-1 \d+\.\d%, top-3", result.stdout)
    measured = invoke(
        *("evaluate", "--engine", "fake", "--matching", out, "--data", prepared),
        *("--out", tmp_path / "report"),
    )
    assert measured.exit_code == 0, measured.stderr
    assert "R-precision" in measured.stdout
    assert (tmp_path / "report" / "evaluation.md").read_text() in measured.stdout
    assert "| captions |" in measured.stdout
    motions_alone = invoke(
        *("evaluate", "--engine", "fake", "--matching", out, "--data", prepared),
        *("--out", tmp_path / "report", "--no-captions"),
    )
    assert "R-precision" in motions_alone.stdout
    assert "| captions |" not in motions_alone.stdout
