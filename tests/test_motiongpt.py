"""MotionGPT as an engine: converted from the authors' layout, equal to transformers' own T5."""

from __future__ import annotations

import argparse
import importlib
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from motionllm_toys import text_tokenizer
from official_toys import CODES, small_statistics, their_vqvae
from torch import Tensor
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.engine import CaptionEngine, GenerationRequest, Take, TokenEngine
from motion_agent.motion_core.errors import (
    ConfigurationError,
    FormatError,
    InputError,
    IntegrityError,
    UnavailableError,
)
from motion_agent.motion_core.limits import ENTRY_POINT_GROUP
from motion_agent.motion_core.motiongpt import (
    MotionGPTEngine,
    MotionGPTFiles,
    convert_motiongpt,
    load_motiongpt,
)

WORDS = 300
BEGIN, END = WORDS + CODES, WORDS + CODES + 1


def t5(folder: Path, **changes: Any) -> Any:
    """A random T5 with MotionGPT's tokens; the plain one and its text tokenizer lie in `folder`."""
    from transformers import T5Config, T5ForConditionalGeneration

    sizes: dict[str, Any] = {
        "vocab_size": 312,  # T5's has more rows than words
        "d_model": 16,
        "d_kv": 4,
        "d_ff": 24,
        "num_layers": 2,
        "num_heads": 2,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "pad_token_id": 0,
        "eos_token_id": 0,
        "decoder_start_token_id": 0,
    }
    config = T5Config(**(sizes | changes))
    config.save_pretrained(folder)
    text_tokenizer().save_pretrained(folder)
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(config)
    model.resize_token_embeddings(WORDS + CODES + 3, mean_resizing=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4)
    return model.eval()


def published(folder: Path, model: Any) -> MotionGPTFiles:
    """The file of Lightning that the authors publish, settings of other classes and all."""
    state: dict[str, Tensor] = {
        f"lm.language_model.{name}": tensor for name, tensor in model.state_dict().items()
    }
    state |= {f"vae.{name}": tensor for name, tensor in their_vqvae().state_dict().items()}
    state["_losses.losses_train.total"] = torch.zeros(1)
    path = folder / "motiongpt_s3_h3d.tar"
    settings = argparse.Namespace(stage="lm_instruct")
    torch.save({"epoch": 9, "state_dict": state, "hyper_parameters": settings}, path)
    return MotionGPTFiles(path, **small_statistics(folder))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, MotionGPTEngine]:
    """Their model and our engine of it."""
    folder = tmp_path_factory.mktemp("motiongpt")
    model = t5(folder / "t5")
    files = published(folder, model)
    out = convert_motiongpt(files, folder / "out", backbone=str(folder / "t5"))
    return model, MotionGPTEngine(out)


def test_greedy_motion_is_that_of_transformers(models: tuple[Any, MotionGPTEngine]) -> None:
    model, engine = models
    text = "a man waves and kicks"
    requests = [GenerationRequest(text, greedy=True), GenerationRequest("he bows", greedy=True)]
    takes = engine.generate(requests)
    for request, take in zip(requests, takes, strict=True):
        prompt = text_tokenizer()(f"Generate motion: {request.description}")["input_ids"] + [0]
        sequence = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=51,
            do_sample=False,
            eos_token_id=END,
            prefix_allowed_tokens_fn=lambda _, past: (
                [BEGIN]
                if len(past) == 1
                else list(range(WORDS, BEGIN)) + ([END] if len(past) > 2 else [])
            ),
        )[0].tolist()
        assert sequence[1] == BEGIN
        assert list(take.tokens) == [i - WORDS for i in sequence[2:] if i < BEGIN]


def test_captions_are_those_of_transformers(models: tuple[Any, MotionGPTEngine]) -> None:
    model, engine = models
    tokens = (3, 1, 4, 1, 5)
    grown = text_tokenizer()
    grown.add_tokens([f"<motion_id_{i}>" for i in range(CODES + 3)])
    body = "".join(f"<motion_id_{i}>" for i in (CODES, *tokens, CODES + 1))
    prompt = grown("Generate text: " + body)["input_ids"] + [0]
    sequence = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=40,
        do_sample=False,
        prefix_allowed_tokens_fn=lambda _, past: list(range(int(len(past) == 1), WORDS)),
    )[0].tolist()
    words = " ".join(text_tokenizer().decode(sequence[1:], skip_special_tokens=True).split())
    assert engine.caption([Take(tokens)]) == [words]


def test_a_take_depends_on_its_seed_and_not_on_its_batch(
    models: tuple[Any, MotionGPTEngine],
) -> None:
    _, engine = models
    requests = [GenerationRequest("a man waves", seed=s) for s in (1, 2)]
    together = engine.generate([*requests, GenerationRequest("a longer text than the others")])
    alone = engine.generate(requests[1:])
    assert together[1] == alone[0] and together[0] != together[1]
    assert all(1 <= len(take.tokens) <= 50 and max(take.tokens) < CODES for take in together)


def test_a_duration_is_kept_to_the_token(models: tuple[Any, MotionGPTEngine]) -> None:
    _, engine = models
    takes = engine.generate([GenerationRequest("a man waves", seconds=s) for s in (0.2, 2.0)])
    assert [len(take.tokens) for take in takes] == [1, 10]
    with pytest.raises(InputError, match="split the motion"):
        engine.generate([GenerationRequest("a man waves", seconds=20.1)])


def test_it_is_an_engine_with_a_tokenizer_and_captions(models: tuple[Any, MotionGPTEngine]) -> None:
    _, engine = models
    loaded = load_motiongpt(engine.folder)
    assert isinstance(loaded, TokenEngine) and isinstance(loaded, CaptionEngine)
    motion = loaded.decode([1, 2, 3])
    assert motion.shape == (12, 263) and len(loaded.encode(motion)) == 3
    assert loaded.name == "motiongpt out"
    with pytest.raises(InputError, match="99 is not in the codebook"):
        loaded.caption([Take((99,))])


def test_it_is_found_under_its_name() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    point = project["project"]["entry-points"][ENTRY_POINT_GROUP]["motiongpt"]
    module, _, name = point.partition(":")
    assert getattr(importlib.import_module(module), name) is load_motiongpt


def test_the_command_converts_and_says_what_is_missing(tmp_path: Path) -> None:
    files = published(tmp_path, t5(tmp_path / "t5"))
    arguments = ["checkpoint", "convert", "--from", "motiongpt", str(tmp_path / "out")]
    arguments += ["--mean", str(files.mean), "--std", str(files.std)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2 and "--motiongpt" in result.stderr
    arguments += ["--motiongpt", str(files.checkpoint), "--backbone", str(tmp_path / "t5")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "tokenizer.safetensors").is_file()


def test_bad_checkpoints_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    model = t5(tmp_path / "t5")
    files = published(tmp_path, model)
    whole = torch.load(files.checkpoint, weights_only=False)

    def refused(error: type[Exception], message: str, backbone: str = "t5", **changes: Any) -> None:
        torch.save(whole | changes, tmp_path / "changed.tar")
        changed = MotionGPTFiles(tmp_path / "changed.tar", files.mean, files.std)
        with pytest.raises(error, match=message) as caught:
            convert_motiongpt(changed, tmp_path / "out", backbone=str(tmp_path / backbone))
        assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()

    state = whole["state_dict"]
    t5(tmp_path / "wide", d_ff=32)
    refused(ConfigurationError, "another T5.*DenseReluDense", backbone="wide")
    refused(UnavailableError, "cannot be had", backbone="nowhere")
    refused(FormatError, "no 'state_dict'", state_dict=None)
    shared = "lm.language_model.shared.weight"
    refused(ConfigurationError, "310 tokens", state_dict=state | {shared: state[shared][:310]})
    refused(FormatError, "NaN", state_dict=state | {shared: state[shared] * np.nan})
    no_vae = {k: v for k, v in state.items() if not k.startswith("vae.")}
    refused(FormatError, "vae.quantizer.codebook", state_dict=no_vae)


def test_without_a_folder_or_with_a_damaged_one_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs a folder"):
        load_motiongpt()
    with pytest.raises(UnavailableError, match="checkpoint convert --from motiongpt"):
        load_motiongpt(tmp_path)
    (tmp_path / "motiongpt.json").write_text("{")
    with pytest.raises(IntegrityError, match="damaged"):
        load_motiongpt(tmp_path)
