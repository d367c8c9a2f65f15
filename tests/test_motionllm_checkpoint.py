"""Checkpoints: assembled, loaded, and refused when they are damaged or do not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from motionllm_toys import CODES, backbone, checkpoint, motion_llm, trained_folders

from motion_agent.motion_core.errors import (
    ConfigurationError,
    IntegrityError,
    UnavailableError,
)
from motion_agent.motion_core.motionllm import (
    load_checkpoint,
    peft_model,
    replace_adapter,
    save_adapter,
)
from motion_agent.motion_core.motionllm.assembly import assemble_checkpoint, load_direction
from motion_agent.motion_core.motionllm.checkpoint import Checkpoint
from motion_agent.motion_core.motionllm.loading import restore_model
from motion_agent.motion_core.motionllm.weights import save_half


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return checkpoint(tmp_path_factory.mktemp("whole"))


def test_a_checkpoint_gives_back_the_model_it_was_made_from(whole: Checkpoint) -> None:
    original = motion_llm()
    restored = restore_model(load_checkpoint(whole.folder), backbone(), "toy")
    ids = torch.tensor([[5, 9, 300, 303, 310, 301]])
    for direction in ("t2m", "m2t"):
        hidden = []
        for model in (original, restored):
            model.use(direction)
            with torch.no_grad():
                hidden.append(model.hidden(ids, direction).last_hidden_state)
        torch.testing.assert_close(hidden[0], hidden[1], atol=2e-2, rtol=2e-2)  # float16
    assert set(restored.rows) == {"t2m_embed", "t2m_head", "m2t_embed"}
    assert whole.tokenizer().config.codes == CODES


def test_the_config_tells_what_a_stranger_needs(whole: Checkpoint) -> None:
    config = json.loads((whole.folder / "config.json").read_text())
    assert config["format"] == "motion-agent checkpoint" and config["version"] == 1
    assert (config["vocabulary"], config["width"], config["codes"]) == (300, 16, CODES)
    assert config["adapters"] == {
        "t2m": {"rank": 4, "scale": 2.0},
        "m2t": {"rank": 2, "scale": 2.0},
    }
    assert config["prompt"] == "compact" and config["data"] == "toys"
    assert "walks" in config["words"] and "0123" not in config["words"]
    assert len(config["digests"]) == 5


def test_all_tensors_are_float16_and_their_files_are_named(whole: Checkpoint) -> None:
    assert {path.name for path in whole.folder.iterdir()} == {
        "config.json",
        "tokenizer.safetensors",
        "rows.safetensors",
        "t2m.safetensors",
        "m2t.safetensors",
        "coverage.safetensors",
    }
    tensors = [*whole.rows().values(), *whole.adapter("t2m").values()]
    assert {tensor.dtype for tensor in tensors} == {torch.float16}


def test_the_version_changes_with_the_weights_and_with_nothing_else(tmp_path: Path) -> None:
    folders = trained_folders(tmp_path / "runs")
    first = assemble_checkpoint(**folders, out=tmp_path / "first")
    again = assemble_checkpoint(**folders, out=tmp_path / "again", data="other words")
    assert again.version == first.version and len(first.version) == 6
    other = {name: tensor * 2 for name, tensor in motion_llm().rows.items() if "m2t" in name}
    save_half(other, folders["m2t"] / "m2t_rows.safetensors")
    assert assemble_checkpoint(**folders, out=tmp_path / "out").version != first.version


def copy_of(whole: Checkpoint, folder: Path) -> Path:
    return Path(shutil.copytree(whole.folder, folder / "copy"))


@pytest.mark.parametrize("name", ["rows", "t2m", "m2t", "tokenizer"])
def test_missing_and_damaged_files_are_named(whole: Checkpoint, tmp_path: Path, name: str) -> None:
    path = copy_of(whole, tmp_path) / f"{name}.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-7] + b"tampers")
    with pytest.raises(IntegrityError, match=rf"{name}.safetensors is not the file"):
        load_checkpoint(path.parent)
    path.unlink()
    with pytest.raises(IntegrityError, match=rf"{name}.safetensors is missing"):
        load_checkpoint(path.parent)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"version": 2}, ConfigurationError, "version 2; this program reads"),
        ({"format": "other"}, ConfigurationError, "format 'other'"),
        ({"width": "16"}, IntegrityError, "width is '16'"),
        ({"adapters": {}}, IntegrityError, "KeyError: 't2m'"),
        ({"sampling": {"heat": 1}}, IntegrityError, "heat"),
        ({"surplus": 1}, IntegrityError, "surplus"),
    ],
)
def test_an_odd_config_is_one_clear_error(
    whole: Checkpoint, tmp_path: Path, change: dict[str, object], error: type, message: str
) -> None:
    path = copy_of(whole, tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(error, match=message) as caught:
        load_checkpoint(path.parent)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_checkpoint_and_a_cut_config(whole: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no checkpoint in"):
        load_checkpoint(tmp_path)
    path = copy_of(whole, tmp_path) / "config.json"
    path.write_text(path.read_text()[:200])
    with pytest.raises(IntegrityError, match="damaged"):
        load_checkpoint(path.parent)


def test_another_backbone_is_refused_with_both_sizes(whole: Checkpoint) -> None:
    with pytest.raises(ConfigurationError, match=r"300 words.*other has hidden size 16 and 290"):
        restore_model(whole, backbone(vocabulary=290), "other")


def test_directions_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    folders = trained_folders(tmp_path)
    path = folders["m2t"] / "m2t.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"width": 32}))
    with pytest.raises(ConfigurationError, match="width is 16 and 32"):
        assemble_checkpoint(**folders, out=tmp_path / "out")
    path.write_text(json.dumps(kept | {"training": {"prompt": "paper"}}))
    with pytest.raises(ConfigurationError, match="other prompts"):
        assemble_checkpoint(**folders, out=tmp_path / "out")
    path.unlink()
    with pytest.raises(UnavailableError, match=r"m2t\.json; finish the training"):
        assemble_checkpoint(**folders, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_assembling_again_replaces_the_weights_and_keeps_the_model_card(tmp_path: Path) -> None:
    folders = trained_folders(tmp_path / "runs")
    assemble_checkpoint(**folders, out=tmp_path / "out")
    (tmp_path / "out" / "README.md").write_text("card")
    again = assemble_checkpoint(**folders, out=tmp_path / "out", data="more")
    assert again.config.data == "more"
    assert (tmp_path / "out" / "README.md").read_text() == "card"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "runs"]


def test_a_checkpoint_stands_for_each_of_its_parts(whole: Checkpoint, tmp_path: Path) -> None:
    parts = dict.fromkeys(("tokenizer", "t2m", "m2t"), whole.folder)
    again = assemble_checkpoint(**parts, out=tmp_path / "again", sampling=whole.config.sampling)
    assert again.version == whole.version
    assert again.config.training == whole.config.training
    started = motion_llm(seed=5)
    load_direction(started, "t2m", whole.folder)
    for name, row in motion_llm().rows.items():
        same = torch.equal(started.rows[name].half(), row.half())
        assert same == name.startswith("t2m"), name
    other = trained_folders(tmp_path / "runs", whole.config.backbone)
    # Not the tokenizer's folder: safetensors writes its metadata in any order, and so other bytes.
    parts["t2m"] = other["t2m"]
    mixed = assemble_checkpoint(**parts, out=tmp_path / "mixed")
    assert mixed.version == whole.version  # the same weights from both places


@pytest.mark.parametrize("direction", ["t2m", "m2t"])
def test_peft_model_gives_the_hidden_states_of_ours(whole: Checkpoint, direction: str) -> None:
    peft = pytest.importorskip("peft")
    theirs = peft_model(whole, direction, backbone=backbone())
    assert isinstance(theirs, peft.PeftModel)
    ours = restore_model(whole, backbone(), "toy")
    ours.use(direction)
    ids = torch.randint(300, (2, 6))
    with torch.no_grad():
        expected = ours.hidden(ids, direction).last_hidden_state
        found = theirs.get_base_model().model(ids).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft, of transformers
def test_an_adapter_leaves_for_peft_is_trained_there_and_comes_back(
    whole: Checkpoint, tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    left = save_adapter(whole, "t2m", tmp_path / "left")
    theirs = peft.PeftModel.from_pretrained(backbone(), left, is_trainable=True)
    with torch.no_grad():
        for name, tensor in theirs.named_parameters():
            if "lora_B" in name:
                tensor.mul_(0.5)
    theirs.save_pretrained(tmp_path / "changed", save_embedding_layers=False)
    back = replace_adapter(whole, "t2m", tmp_path / "changed", out=tmp_path / "back")
    assert back.config.name == "back" and back.version != whole.version
    ours = restore_model(back, backbone(), "toy")
    ours.use("t2m")
    ids = torch.randint(300, (2, 6))
    with torch.no_grad():
        expected = theirs.eval().get_base_model().model(ids).last_hidden_state
        found = ours.hidden(ids, "t2m").last_hidden_state
    torch.testing.assert_close(found, expected, atol=2e-2, rtol=2e-2)  # float16
    for name in ("rows.safetensors", "m2t.safetensors", "tokenizer.safetensors"):
        assert (back.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_an_adapter_comes_back_as_it_left(whole: Checkpoint, tmp_path: Path) -> None:
    left = save_adapter(whole.folder, "m2t", tmp_path / "left")
    assert replace_adapter(whole, "m2t", left, out=tmp_path / "same").version == whole.version


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_an_adapter_of_another_rank_comes_in(whole: Checkpoint, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    settings = peft.LoraConfig(
        r=3, lora_alpha=9, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    theirs = peft.get_peft_model(backbone(), settings)
    theirs.save_pretrained(tmp_path / "new", save_embedding_layers=False)
    back = replace_adapter(whole, "t2m", tmp_path / "new", out=tmp_path / "back")
    assert (back.config.adapters["t2m"].rank, back.config.adapters["t2m"].scale) == (3, 3.0)
    assert restore_model(back, backbone(), "toy").codes == CODES


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "without biases"),
        ({"r": 3}, "expected \\(3, "),
    ],
)
def test_an_adapter_that_does_not_fit_stays_outside(
    whole: Checkpoint, tmp_path: Path, changes: dict[str, object], problem: str
) -> None:
    left = save_adapter(whole, "t2m", tmp_path / "left")
    settings = json.loads((left / "adapter_config.json").read_text())
    (left / "adapter_config.json").write_text(json.dumps(settings | changes))
    with pytest.raises(ConfigurationError, match=problem):
        replace_adapter(whole, "t2m", left, out=tmp_path / "out")
    (left / "adapter_config.json").unlink()
    with pytest.raises(UnavailableError, match="peft saved"):
        replace_adapter(whole, "t2m", left, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
