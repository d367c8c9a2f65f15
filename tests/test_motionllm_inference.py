"""Inference without transformers: the same numbers, rows that nothing changes, weights kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from motionllm_toys import CODES, backbone, checkpoint, motion_llm, text_tokenizer

from motion_agent.motion_core.motionllm import merged
from motion_agent.motion_core.motionllm.backbone import load_backbone
from motion_agent.motion_core.motionllm.checkpoint import Checkpoint
from motion_agent.motion_core.motionllm.decoding import (
    MotionPrompt,
    decode_captions,
    decode_motions,
)
from motion_agent.motion_core.motionllm.engine import load_motionllm
from motion_agent.motion_core.motionllm.inference import InferenceModel, load_inference
from motion_agent.motion_core.motionllm.int8 import Int8Weight
from motion_agent.motion_core.motionllm.llama import LlamaConfig
from motion_agent.motion_core.motionllm.loading import restore_model
from motion_agent.motion_core.motionllm.model import DIRECTIONS, MotionLLM
from motion_agent.motion_core.motionllm.sampling import Sampling
from motion_agent.motion_core.motionllm.text_tokenizer import TextTokenizer

SAMPLING = Sampling(top_p=0.95, min_tokens=3, max_tokens=12, longest=20)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return checkpoint(tmp_path_factory.mktemp("inference"))


@pytest.fixture(scope="module")
def reference(whole: Checkpoint) -> MotionLLM:
    name = whole.config.backbone
    return restore_model(whole, load_backbone(name)[0], name).requires_grad_(False)


def inference(whole: Checkpoint, dtype: torch.dtype) -> InferenceModel:
    found = load_inference(whole, whole.config.backbone, dtype=dtype, device="cpu")
    assert found is not None
    return found[0]


def rows(vocabulary: int, *, greedy: bool = False, count: int = 5) -> list[MotionPrompt]:
    """Prompts of 4 to 10 ids that begin alike; the last repeats the one before."""
    random = torch.Generator().manual_seed(5)
    prompts_: list[MotionPrompt] = []
    for number, length in enumerate((3, 8, 2, 5)[: count - 1]):
        ids = torch.randint(vocabulary, (length,), generator=random).tolist()
        prompts_.append(MotionPrompt([7, *ids, vocabulary], number, 3, 12, greedy))
    return [*prompts_, MotionPrompt(prompts_[-1].ids, 77, 3, 12, greedy)]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_states_and_logits_are_those_of_transformers(
    whole: Checkpoint, reference: MotionLLM, direction: str
) -> None:
    ours = inference(whole, torch.float32)
    reference.use(direction)  # type: ignore[arg-type]
    ids = torch.randint(ours.vocabulary + 2 + CODES, (3, 11))
    expected = reference.states(ids, direction)  # type: ignore[arg-type]
    states = ours.states(ids, direction)  # type: ignore[arg-type]
    torch.testing.assert_close(states, expected, rtol=2e-4, atol=2e-4)
    assert expected.std() > 0.1
    for head in ("motion_logits", "text_logits"):
        logits, theirs = getattr(ours, head)(expected), getattr(reference, head)(expected)
        torch.testing.assert_close(logits.float(), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("greedy", [False, True])
def test_decoding_gives_the_tokens_of_transformers(
    whole: Checkpoint, reference: MotionLLM, greedy: bool
) -> None:
    ours = inference(whole, torch.float32)
    prompts = rows(ours.vocabulary, greedy=greedy)
    reference.use("t2m")
    assert decode_motions(ours, prompts, SAMPLING) == decode_motions(reference, prompts, SAMPLING)
    reference.use("m2t")
    ids, ends = [row.ids for row in prompts], frozenset({0, 5, 9})
    assert decode_captions(ours, ids, ends) == decode_captions(reference, ids, ends)


def test_8_bit_weights_are_near_and_their_rows_depend_on_no_other(whole: Checkpoint) -> None:
    ours, exact = inference(whole, torch.int8), inference(whole, torch.float32)
    ids = torch.randint(ours.vocabulary, (4, 12), generator=torch.Generator().manual_seed(3))
    states, reference = ours.states(ids, "t2m"), exact.states(ids, "t2m")
    away = (states - reference).norm() / reference.norm()
    assert 0 < away < 0.1
    for row in range(4):
        assert torch.equal(ours.states(ids[row : row + 1], "t2m")[0], states[row])


def test_a_row_has_the_same_bits_in_every_batch(whole: Checkpoint) -> None:
    ours = inference(whole, torch.int8)
    prompts = rows(ours.vocabulary)
    alone = [ours.reading("t2m", [row.ids], [12]).last for row in prompts]
    together = ours.reading("t2m", [row.ids for row in prompts], [12] * len(prompts))
    assert torch.equal(together.last, torch.cat(alone))
    motions = decode_motions(ours, prompts, SAMPLING)
    assert motions == [decode_motions(ours, [row], SAMPLING)[0] for row in prompts]
    assert len(set(motions)) == len(prompts)


def test_rows_that_end_make_room_without_moving_the_others(whole: Checkpoint) -> None:
    model = inference(whole, torch.int8)
    reading = model.reading("t2m", [[1, 2], [3], [4], [5, 6]], [3] * 4)
    reading.advance([7, 8, 9, 10])
    assert reading.keep([1, 3]) == [3, 1]
    reading.advance([11, 12])
    for place, (prompt, first, second) in enumerate([([5, 6], 10, 11), ([3], 8, 12)]):
        alone = model.reading("t2m", [prompt], [3])
        alone.advance([first])
        alone.advance([second])
        assert torch.equal(reading.last[place], alone.last[0])


def test_a_quantised_weight_is_within_half_a_step() -> None:
    weight = torch.randn(30, 20, generator=torch.Generator().manual_seed(0))
    weight[4] = 0
    quantised = Int8Weight.quantise(weight)
    step = quantised.scale[:, None]
    assert ((quantised.dequantised() - weight).abs() <= step * 0.501).all()
    x = torch.randn(3, 2, 20)
    x[1, 1] = 0
    torch.testing.assert_close(quantised.project(x), x @ weight.T, atol=0.15, rtol=0.05)
    assert (quantised.project(x)[1, 1] == 0).all()


def test_weights_are_kept_mapped_and_made_again_where_they_are_damaged(
    whole: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_CACHE", str(tmp_path))
    assert inference(whole, torch.int8).vocabulary == 300
    assert not any(tmp_path.iterdir())  # a model as small as this one is not worth it
    monkeypatch.setattr(merged, "_WORTH_KEEPING", 1)
    ids = torch.arange(24).reshape(2, 12)
    expected = inference(whole, torch.int8).states(ids, "m2t")
    (kept,) = (tmp_path / "merged").iterdir()
    files = {file.name: file.read_bytes() for file in kept.iterdir()}
    assert files.keys() >= {"base.safetensors", "t2m.safetensors", "m2t.safetensors"}

    def forbidden(*arguments: object) -> object:
        raise AssertionError("merged again")

    with monkeypatch.context() as patch:
        patch.setattr(merged, "_blocks", forbidden)
        assert torch.equal(inference(whole, torch.int8).states(ids, "m2t"), expected)
    (kept / "m2t.safetensors").write_bytes(files["m2t.safetensors"][:-1] + b"\x55")
    assert torch.equal(inference(whole, torch.int8).states(ids, "m2t"), expected)
    assert (kept / "m2t.safetensors").read_bytes() == files["m2t.safetensors"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("MOTION_AGENT_CACHE", str(tmp_path / "file"))
    assert torch.equal(inference(whole, torch.int8).states(ids, "m2t"), expected)


def test_the_text_tokenizer_reads_as_that_of_transformers(tmp_path: Path) -> None:
    original = text_tokenizer()
    original.save_pretrained(tmp_path)
    ours = TextTokenizer(tmp_path)
    assert (ours.bos_token_id, ours.eos_token_id) == (None, original.eos_token_id)
    for text in ("a man waves", "", "<end> is <begin>\n1 é 走", " two  spaces "):
        for split in (False, True):
            options = {"add_special_tokens": False, "split_special_tokens": split}
            ids = ours(text, **options)["input_ids"]
            assert ids == original(text, **options)["input_ids"]
            assert ours.decode(ids) == original.decode(ids)
            plain = ours.decode(ids, skip_special_tokens=True)
            assert plain == original.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "gemma2"},
        {"hidden_act": "gelu"},
        {"attention_bias": True},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}},
    ],
)
def test_other_layouts_are_left_to_transformers(tmp_path: Path, change: dict[str, object]) -> None:
    backbone().config.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    assert LlamaConfig.read(tmp_path) is not None
    path.write_text(json.dumps(config | change))
    assert LlamaConfig.read(tmp_path) is None


def test_a_backbone_of_another_layout_works_through_transformers(
    whole: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = rows(300)
    expected = load_motionllm(whole.folder, dtype=torch.float32)
    monkeypatch.setattr(LlamaConfig, "read", lambda folder: None)
    engine = load_motionllm(whole.folder)
    model = engine._use("t2m")[0]
    assert isinstance(model, MotionLLM) and model.vocabulary == motion_llm().vocabulary
    reference = decode_motions(expected._use("t2m")[0], prompts, SAMPLING)
    assert decode_motions(model, prompts, SAMPLING) == reference


def test_neither_transformers_nor_peft_nor_scipy_is_loaded(whole: Checkpoint) -> None:
    script = (
        "import sys\n"
        "from motion_agent.motion_core.motionllm import load_motionllm\n"
        "from motion_agent.motion_core.engine import GenerationRequest\n"
        f"engine = load_motionllm({str(whole.folder)!r})\n"
        "take = engine.generate([GenerationRequest('a man waves')])\n"
        "engine.caption(take)\n"
        "print([name for name in ('transformers', 'peft', 'scipy') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
