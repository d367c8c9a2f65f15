"""GGUF → Hugging Face: a Llama-family GGUF file becomes a folder `from_pretrained` can read.

Notable:
- quantised blocks are expanded once (`gguf.quants.dequantize`) and kept as float16, whose
  rounding (2^-11) is far below the 4-bit quantisation's own error;
- llama.cpp stores each head's query and key rows with the two halves of the rotary embedding
  interleaved; Hugging Face wants the halves one after the other, so `_unpermute` undoes it;
- the byte-level BPE tokenizer is rebuilt from the vocabulary and merges inside the file.

File format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from ..errors import FormatError

_TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_CONTROL = 3  # gguf's token type of special tokens such as <|im_start|>


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write `config.json`, `model.safetensors` and the tokenizer files of `gguf` into `folder`.

    Raises:
        FormatError: not a GGUF file, another architecture or tokenizer, or a tensor is missing.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(gguf)
        facts = _facts(reader)
        config = _llama_config(facts)
        tensors = dict(_tensors(reader, config))
    except (ValueError, KeyError, IndexError, OSError) as err:
        raise FormatError(f"{gguf.name} cannot be read as a Llama GGUF file: {err}") from err
    missing = _expected(config) - tensors.keys()
    if missing:
        raise FormatError(f"{gguf.name} lacks {len(missing)} tensors, first {min(missing)}")
    folder.mkdir(parents=True, exist_ok=True)
    config["tie_word_embeddings"] = "lm_head.weight" not in tensors
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _save_tokenizer(facts, folder)


def _facts(reader: Any) -> dict[str, Any]:
    return {name: field.contents() for name, field in reader.fields.items()}


def _llama_config(facts: dict[str, Any]) -> dict[str, Any]:
    if facts["general.architecture"] != "llama":
        raise ValueError(f"architecture {facts['general.architecture']!r}, expected 'llama'")
    heads = int(facts["llama.attention.head_count"])
    width = int(facts["llama.embedding_length"])
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": width,
        "intermediate_size": int(facts["llama.feed_forward_length"]),
        "num_hidden_layers": int(facts["llama.block_count"]),
        "num_attention_heads": heads,
        "num_key_value_heads": int(facts.get("llama.attention.head_count_kv", heads)),
        "head_dim": int(facts.get("llama.rope.dimension_count", width // heads)),
        "max_position_embeddings": int(facts["llama.context_length"]),
        "rms_norm_eps": round(float(facts["llama.attention.layer_norm_rms_epsilon"]), 9),
        "rope_theta": float(facts.get("llama.rope.freq_base", 10000.0)),
        "vocab_size": len(facts["tokenizer.ggml.tokens"]),
        "bos_token_id": int(facts["tokenizer.ggml.bos_token_id"]),
        "eos_token_id": int(facts["tokenizer.ggml.eos_token_id"]),
        "pad_token_id": int(
            facts.get("tokenizer.ggml.padding_token_id", facts["tokenizer.ggml.eos_token_id"])
        ),
        "torch_dtype": "float16",
    }


def _tensors(reader: Any, config: dict[str, Any]) -> Any:
    from gguf.quants import dequantize

    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for tensor in reader.tensors:
        name = str(tensor.name)
        values: NDArray[np.float32] = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if name in _TOP:
            target = _TOP[name]
        elif name.startswith("blk."):
            _, block, part, _ = name.split(".")
            target = f"model.layers.{block}.{_BLOCK[part]}.weight"
            if part in heads:
                values = _unpermute(values, heads[part])
        elif name.startswith("rope_freqs"):
            continue  # derived values
        else:
            raise ValueError(f"unknown tensor {name!r}")
        yield target, torch.from_numpy(np.ascontiguousarray(values)).to(torch.float16)


def _unpermute(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Return rows (heads · d, in) from llama.cpp's order (x0 y0 x1 y1 …) to (x0 x1 … y0 y1 …)."""
    half = rows.shape[0] // heads // 2
    in_order: NDArray[np.float32] = rows.reshape(heads, half, 2, -1).swapaxes(1, 2)
    return in_order.reshape(rows.shape)


def _expected(config: dict[str, Any]) -> set[str]:
    blocks = range(config["num_hidden_layers"])
    parts = {f"model.layers.{b}.{part}.weight" for b in blocks for part in _BLOCK.values()}
    return parts | {"model.embed_tokens.weight", "model.norm.weight"}


def _save_tokenizer(facts: dict[str, Any], folder: Path) -> None:
    """Save a fast tokenizer, built from the vocabulary and merges in the file.

    Raises:
        FormatError: the tokenizer is not a byte-level BPE.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    if facts["tokenizer.ggml.model"] != "gpt2":
        raise FormatError(f"the GGUF's tokenizer is {facts['tokenizer.ggml.model']!r}, not a BPE")
    words = facts["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in facts["tokenizer.ggml.merges"]]
    fast = Tokenizer(BPE({word: i for i, word in enumerate(words)}, merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if facts.get("tokenizer.ggml.pre") == "smollm":  # every digit is a token of its own
        digits = pre_tokenizers.Digits(individual_digits=True)
        fast.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    else:
        fast.pre_tokenizer = byte_level
    fast.decoder = decoders.ByteLevel()
    control = [
        w
        for w, kind in zip(words, facts["tokenizer.ggml.token_type"], strict=True)
        if kind == _CONTROL
    ]
    fast.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in control])

    def word(kind: str) -> str | None:
        i = facts.get(f"tokenizer.ggml.{kind}_token_id")
        return None if i is None else str(words[int(i)])

    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=fast,
        bos_token=word("bos"),
        eos_token=word("eos"),
        unk_token=word("unknown"),
        pad_token=word("padding") or word("eos"),
        model_max_length=int(facts["llama.context_length"]),
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = facts.get("tokenizer.chat_template")
    tokenizer.save_pretrained(folder)
