"""A direction as an ordinary language model: the same numbers under other names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from motionllm_toys import CODES, checkpoint
from safetensors.torch import load_file
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.errors import ConfigurationError
from motion_agent.motion_core.motionllm.checkpoint import Checkpoint
from motion_agent.motion_core.motionllm.gguf_weights import convert_gguf
from motion_agent.motion_core.motionllm.inference import load_inference
from motion_agent.motion_core.motionllm.model import DIRECTIONS, Direction
from motion_agent.motion_core.motionllm.serving import ServedFormat, export_checkpoint

WORDS = 300


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return checkpoint(tmp_path_factory.mktemp("serving"))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_transformers_gives_the_exported_models_logits(
    whole: Checkpoint, direction: Direction, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    export_checkpoint(whole, direction, "hf", tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    found = load_inference(whole, whole.config.backbone, dtype=torch.float32, device="cpu")
    assert found is not None
    ours, text = found
    ids = torch.randint(WORDS + 2 + CODES, (2, 9), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = model(ids).logits
    states = ours.states(ids, direction)
    if direction == "t2m":
        own, expected = logits[..., WORDS + 1 :], ours.motion_logits(states).float()
        assert tokenizer.eos_token == "</Motion>" and model.config.eos_token_id == WORDS + 1
    else:
        own, expected = logits[..., :WORDS], ours.text_logits(states)
    torch.testing.assert_close(own, expected, rtol=0.02, atol=0.02)  # float16 on disk
    line = "Text: a man waves\nMotion:"
    motion = [WORDS, WORDS + 2 + 3, WORDS + 1]
    prompt = tokenizer(f"{line}<Motion><Motion_3></Motion>", add_special_tokens=False)
    assert prompt.input_ids == [*text(line, add_special_tokens=False).input_ids, *motion]


def test_a_gguf_holds_what_the_other_format_holds(whole: Checkpoint, tmp_path: Path) -> None:
    export_checkpoint(whole, "t2m", "hf", tmp_path / "hf")
    files = export_checkpoint(whole, "t2m", "gguf", tmp_path / "gguf")
    assert [file.name for file in files] == ["t2m.gguf", "Modelfile"]
    assert "FROM ./t2m.gguf" in files[1].read_text() and "{{ .Prompt }}" in files[1].read_text()
    convert_gguf(files[0], tmp_path / "back")
    expected = load_file(tmp_path / "hf" / "model.safetensors")
    back = load_file(tmp_path / "back" / "model.safetensors")
    assert back.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(back[name], tensor)
    configs = [json.loads((tmp_path / f / "config.json").read_text()) for f in ("hf", "back")]
    for name in ("vocab_size", "hidden_size", "num_key_value_heads", "eos_token_id", "head_dim"):
        assert configs[0][name] == configs[1][name], name


def test_the_command_tells_the_files(whole: Checkpoint, tmp_path: Path) -> None:
    words = ["checkpoint", "export", str(tmp_path), "--to", "gguf", "--direction", "m2t", "--json"]
    result = CliRunner().invoke(app, [*words, "--checkpoint", str(whole.folder)])
    assert result.exit_code == 0, result.stderr
    names = [Path(file).name for file in json.loads(result.stdout)["files"]]
    assert names == ["m2t.gguf", "Modelfile"] and (tmp_path / "m2t.gguf").stat().st_size > 10_000


@pytest.mark.parametrize("form", ["hf", "gguf"])
def test_a_folder_holds_one_model(form: ServedFormat, whole: Checkpoint, tmp_path: Path) -> None:
    files = export_checkpoint(whole, "t2m", form, tmp_path)
    before = [file.read_bytes() for file in files]
    others: tuple[ServedFormat, ...] = ("hf", "gguf-q8")
    for other in others:
        with pytest.raises(ConfigurationError, match="already holds a model"):
            export_checkpoint(whole, "m2t", other, tmp_path)
    assert [file.read_bytes() for file in files] == before
