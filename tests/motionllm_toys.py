"""Tiny random parts for the MotionLLM tests: backbones, a text tokenizer, a motion tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from motion_agent.motion_core.motionllm.assembly import assemble_checkpoint
from motion_agent.motion_core.motionllm.checkpoint import Checkpoint
from motion_agent.motion_core.motionllm.model import DIRECTIONS, MotionLLM
from motion_agent.motion_core.motionllm.sampling import Sampling
from motion_agent.motion_core.motionllm.weights import save_direction
from motion_agent.motion_core.tokenizer import MotionTokenizer, TokenizerConfig, save_tokenizer

CODES = 16
SENTENCES = (
    "a person walks forward",
    "a man waves",
    "someone bows and kicks",
    "Text: Motion: 0123",
)
FAMILIES = ("llama", "gemma2", "gemma3", "qwen2", "qwen3", "mixtral")


def text_tokenizer(*, pad: str | None = "<end>") -> Any:
    """A byte-level BPE whose words are bytes and a few merges."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    fast = Tokenizer(BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=300,
        special_tokens=["<end>", "<begin>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(SENTENCES * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=fast, eos_token="<end>", pad_token=pad)


def backbone(
    family: str = "llama",
    *,
    vocabulary: int = 300,
    seed: int = 0,
    tied: bool = False,
    pad: int | None = 0,
) -> Any:
    """A random causal LM of that family: 2 layers, width 16."""
    import transformers as hf

    sizes: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 4,
        "max_position_embeddings": 512,
        "tie_word_embeddings": tied,
        "pad_token_id": pad,
        "bos_token_id": 1,
        "eos_token_id": 0,
        "attn_implementation": "eager",
    }
    configs = {
        "llama": lambda: hf.LlamaConfig(**sizes),
        "gemma2": lambda: hf.Gemma2Config(**sizes, query_pre_attn_scalar=4, sliding_window=64),
        "gemma3": lambda: hf.Gemma3TextConfig(**sizes, query_pre_attn_scalar=4, sliding_window=64),
        "qwen2": lambda: hf.Qwen2Config(**sizes),
        "qwen3": lambda: hf.Qwen3Config(**sizes),
        "mixtral": lambda: hf.MixtralConfig(**sizes, num_local_experts=4, num_experts_per_tok=2),
    }
    torch.manual_seed(seed)
    model = hf.AutoModelForCausalLM.from_config(configs[family]()).eval()
    with torch.no_grad():  # bigger than the usual initialisation, so that differences show
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return model


def motion_llm(family: str = "llama", *, trained: bool = True, seed: int = 0) -> MotionLLM:
    """MotionLLM on a tiny backbone; `trained` means that rows and adapters are random."""
    model = MotionLLM(backbone(family, seed=seed), codes=CODES)
    generator = torch.Generator().manual_seed(seed)
    model.add_direction("t2m", rank=4)
    model.add_direction("m2t", rank=2)
    if trained:
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def motion_tokenizer(folder: Path | None = None) -> MotionTokenizer:
    """An untrained VQ-VAE with a random codebook."""
    torch.manual_seed(0)
    config = TokenizerConfig(codes=CODES, code_dim=8, width=16)
    tokenizer = MotionTokenizer(config, mean=np.zeros(263), std=np.ones(263)).eval()
    tokenizer.quantizer.codebook.normal_()
    return tokenizer


def backbone_folder(folder: Path, **changes: Any) -> str:
    """A tiny backbone with its text tokenizer on disk; returns the folder's name."""
    backbone(**changes).save_pretrained(folder)
    text_tokenizer().save_pretrained(folder)
    return str(folder)


def trained_folders(
    folder: Path, backbone_name: str = "toy", *, gap: float = 0.0
) -> dict[str, Path]:
    """What the trainings leave behind, as keywords of `assemble_checkpoint`."""
    model = motion_llm()
    training = {"prompt": "compact", "augmentation": {"gap": gap}}
    folders = {name: folder / name for name in ("tokenizer", "t2m", "m2t")}
    for path in folders.values():
        path.mkdir(parents=True)
    save_tokenizer(motion_tokenizer(), folders["tokenizer"])
    for direction in DIRECTIONS:
        facts = {"backbone": backbone_name, "training": training}
        save_direction(model, direction, folders[direction], facts)
    return folders


def checkpoint(folder: Path, *, gap: float = 0.0, **settings: Any) -> Checkpoint:
    """A checkpoint and, in `folder`/backbone, the tiny backbone that it names."""
    name = backbone_folder(folder / "backbone")
    folders = trained_folders(folder / "runs", name, gap=gap)
    sampling = Sampling(min_tokens=2, max_tokens=10, longest=30)
    return assemble_checkpoint(
        **folders,
        out=folder / "checkpoint",
        **{"captions": SENTENCES, "data": "toys", "sampling": sampling, **settings},
    )
