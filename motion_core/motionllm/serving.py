"""A checkpoint's direction as one ordinary language model, for llama.cpp, Ollama and vLLM.

    id          0 … V-1            V          V+1          V+2 … V+1+codes
    token       the backbone's     <Motion>   </Motion>    <Motion_0> … <Motion_511>

The adapter is merged, and the motion rows are part of embedding and head, which are no longer one.
t2m was trained on a choice among </Motion> and the motion tokens: in its head all other tokens have
a row that keeps them from being chosen, see `silence`. m2t was trained on a choice among words, and
motion tokens have rows of zeros in its head.

    hf      config.json, model.safetensors (float16), tokenizer files
    gguf    t2m.gguf (float16, or 8 bits as Q8_0), and a Modelfile for Ollama
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import replacing
from ..errors import ConfigurationError, UnavailableError
from ..json_text import parse_json
from .backbone import BackboneSource, backbone_folders
from .checkpoint import Checkpoint
from .llama import LlamaConfig
from .merged import WEIGHTS, merged_projections
from .model import Direction
from .silence import silencing_row
from .text_tokenizer import FILES as TOKENIZER_FILES
from .weights import read_tensors

ServedFormat = Literal["hf", "gguf", "gguf-q8"]
_MODELFILE = """\
FROM ./{name}
TEMPLATE "{{{{ .Prompt }}}}"
PARAMETER stop "</Motion>"
PARAMETER temperature {temperature:g}
PARAMETER top_p {top_p:g}
PARAMETER top_k {top_k}
PARAMETER repeat_penalty 1
"""
_OLLAMA = "Modelfile"
_NORMS = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
_PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_NORMAL, _CONTROL = 1, 3  # gguf's types of tokens
_BLOCK = 32  # weights that share a scale in Q8_0


def export_checkpoint(
    checkpoint: Checkpoint, direction: Direction, form: ServedFormat, out: Path
) -> list[Path]:
    """Write the model of `direction` into the folder `out`; return the files.

    Raises:
        ConfigurationError: the backbone is not of Llama's layout, or `out` holds a model already.
        UnavailableError: the backbone cannot be had, or `out` cannot be written to.
    """
    if there := [name for name in (WEIGHTS, _OLLAMA) if (out / name).exists()]:
        raise ConfigurationError(
            f"{out} already holds a model ({there[0]}); give each direction and format a folder of"
            " its own"
        )
    _, folder, config = exported_backbone(checkpoint)
    tokenizer = _tokenizer(folder, config, checkpoint.config.codes)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if form == "hf":
            return _write_hf(checkpoint, direction, folder, config, tokenizer, out)
        eight_bits = form == "gguf-q8"
        return _write_gguf(checkpoint, direction, folder, config, tokenizer, out, eight_bits)
    except OSError as err:
        raise UnavailableError(f"cannot write to {out}: {err.strerror or err}") from err


def exported_backbone(checkpoint: Checkpoint) -> tuple[BackboneSource, Path, LlamaConfig]:
    """Return the backbone that an export is made from, with its folder and sizes.

    It is downloaded if it is missing.

    Raises:
        ConfigurationError, UnavailableError: as of `export_checkpoint`.
    """
    name, tried = checkpoint.config.backbone, ["it is in no folder"]
    for source in backbone_folders(name):
        try:
            folder = source.locate()
        except (OSError, ValueError, UnavailableError) as err:
            tried.append(f"{source.label}: {str(err).strip().splitlines()[0]}")
            continue
        config = LlamaConfig.read(folder)
        if config is None or not (folder / WEIGHTS).is_file():
            raise ConfigurationError(
                f"the backbone {name} is not of Llama's layout in one {WEIGHTS}; only such can be"
                " exported"
            )
        checkpoint.check_size(config.vocabulary, config.width, name)
        return source, folder, config
    raise UnavailableError(f"the backbone {name} cannot be had; {'; '.join(tried)}")


def _tokenizer(folder: Path, config: LlamaConfig, codes: int) -> Any:
    """Return the text tokenizer with the motion tokens after its words."""
    from tokenizers import AddedToken, Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILES[0]))
    words = tokenizer.get_vocab_size()
    if words > config.vocabulary:
        raise ConfigurationError(f"the backbone has {config.vocabulary} rows for {words} words")
    names = [f"<unused_{row}>" for row in range(words, config.vocabulary)]
    names += ["<Motion>", "</Motion>", *(f"<Motion_{code}>" for code in range(codes))]
    tokens = [AddedToken(name, special=True, normalized=False) for name in names]
    tokenizer.add_special_tokens(tokens)
    return tokenizer


def _tensors(
    checkpoint: Checkpoint, direction: Direction, folder: Path, config: LlamaConfig
) -> Iterator[tuple[str, Tensor]]:
    """Return the tensors under Hugging Face's names, float32."""
    base, rows = read_tensors(folder / WEIGHTS), checkpoint.rows()
    embedding = base["model.embed_tokens.weight"].float()
    motion = rows[f"{direction}.embed"].float()
    yield "model.embed_tokens.weight", torch.cat([embedding, motion])
    if direction == "t2m":
        silent = silencing_row(checkpoint).expand(config.vocabulary + 1, -1)  # words, <Motion>
        yield "lm_head.weight", torch.cat([silent, rows["t2m.head"].float()])
    else:
        head = embedding if config.tied else base["lm_head.weight"].float()
        yield "lm_head.weight", torch.cat([head, torch.zeros_like(motion)])
    yield "model.norm.weight", base["model.norm.weight"].float()
    yield from merged_projections(base, config, checkpoint, direction)
    for block in range(config.layers):
        for name in _NORMS:
            yield (key := f"model.layers.{block}.{name}.weight"), base[key].float()


def _write_hf(
    checkpoint: Checkpoint,
    direction: Direction,
    folder: Path,
    config: LlamaConfig,
    tokenizer: Any,
    out: Path,
) -> list[Path]:
    tensors = _tensors(checkpoint, direction, folder, config)
    half = {name: tensor.to(torch.float16).contiguous() for name, tensor in tensors}
    with replacing(out / WEIGHTS) as path:
        save_file(half, path, metadata={"format": "pt"})
    settings = parse_json((folder / "config.json").read_text(encoding="utf-8"))
    settings |= {"vocab_size": config.vocabulary + 2 + checkpoint.config.codes}
    settings |= {"tie_word_embeddings": False, "architectures": ["LlamaForCausalLM"]}
    facts = parse_json((folder / TOKENIZER_FILES[1]).read_text(encoding="utf-8"))
    if direction == "t2m":
        settings["eos_token_id"] = config.vocabulary + 1
        facts["eos_token"] = "</Motion>"
    facts.pop("chat_template", None)
    for name, values in (("config.json", settings), (TOKENIZER_FILES[1], facts)):
        with replacing(out / name) as path:
            path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    with replacing(out / TOKENIZER_FILES[0]) as path:
        path.write_text(tokenizer.to_str(), encoding="utf-8")
    return [out / name for name in (WEIGHTS, "config.json", *TOKENIZER_FILES)]


def _write_gguf(
    checkpoint: Checkpoint,
    direction: Direction,
    folder: Path,
    config: LlamaConfig,
    tokenizer: Any,
    out: Path,
    eight_bits: bool,
) -> list[Path]:
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType
    from gguf.quants import quantize

    settings = parse_json((folder / "config.json").read_text(encoding="utf-8"))
    name = f"{direction}.gguf"
    with replacing(out / name) as path:
        writer = GGUFWriter(path, "llama")
        writer.add_name(f"{checkpoint.config.name} {direction}")
        writer.add_block_count(config.layers)
        writer.add_context_length(int(settings["max_position_embeddings"]))
        writer.add_embedding_length(config.width)
        writer.add_feed_forward_length(config.inner)
        writer.add_head_count(config.heads)
        writer.add_head_count_kv(config.kv_heads)
        writer.add_rope_dimension_count(config.head_dim)
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
        writer.add_layer_norm_rms_eps(config.epsilon)
        writer.add_rope_freq_base(config.theta)
        writer.add_vocab_size(config.vocabulary + 2 + checkpoint.config.codes)
        kind = LlamaFileType.MOSTLY_Q8_0 if eight_bits else LlamaFileType.MOSTLY_F16
        writer.add_file_type(kind)
        _add_tokenizer(writer, tokenizer, config, direction, settings)
        for key, tensor in _tensors(checkpoint, direction, folder, config):
            short, values = _in_gguf(key, tensor, config)
            if values.dim() == 1:
                writer.add_tensor(short, values.numpy())
            elif eight_bits and values.shape[1] % _BLOCK == 0:
                q8 = GGMLQuantizationType.Q8_0
                writer.add_tensor(short, quantize(values.numpy(), q8), raw_dtype=q8)
            else:
                writer.add_tensor(short, values.to(torch.float16).numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    sampling = checkpoint.config.sampling
    with replacing(out / _OLLAMA) as path:
        path.write_text(
            _MODELFILE.format(
                name=name,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                top_k=sampling.top_k,
            ),
            encoding="utf-8",
        )
    return [out / name, out / _OLLAMA]


def _add_tokenizer(
    writer: Any, tokenizer: Any, config: LlamaConfig, direction: Direction, settings: dict[str, Any]
) -> None:
    state = parse_json(tokenizer.to_str())
    control = {token["id"] for token in state["added_tokens"] if token["special"]}
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: int(item[1]))
    merges = [m if isinstance(m, str) else " ".join(m) for m in state["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    digits = "Digits" in json.dumps(state["pre_tokenizer"])  # each one a token of its own
    writer.add_tokenizer_pre("smollm" if digits else "gpt-2")
    writer.add_token_list([word for word, _ in words])
    writer.add_token_types([_CONTROL if i in control else _NORMAL for _, i in words])
    writer.add_token_merges(merges)
    own_begin = int(settings.get("bos_token_id") or 0)
    writer.add_bos_token_id(own_begin)
    own = int(settings["eos_token_id"])
    writer.add_eos_token_id(config.vocabulary + 1 if direction == "t2m" else own)
    writer.add_add_bos_token(own_begin in tokenizer.encode("a").ids[:1])


def _in_gguf(key: str, tensor: Tensor, config: LlamaConfig) -> tuple[str, Tensor]:
    """Return a tensor under llama.cpp's name, with the halves of each query and key head
    interleaved.
    """
    top = {
        "model.embed_tokens.weight": "token_embd.weight",
        "lm_head.weight": "output.weight",
        "model.norm.weight": "output_norm.weight",
    }
    if key in top:
        return top[key], tensor
    _, _, block, part = key.removesuffix(".weight").split(".", 3)
    short = (_PARTS | _NORMS)[part]
    heads = {"attn_q": config.heads, "attn_k": config.kv_heads}.get(short)
    if heads:
        tensor = tensor.view(heads, 2, -1, tensor.shape[1]).transpose(1, 2).reshape(tensor.shape)
    return f"blk.{block}.{short}.weight", tensor
