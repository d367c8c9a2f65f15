"""The authors' checkpoints: converted, and equal to a plain Hugging Face model of their weights."""

from __future__ import annotations

import collections
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from motionllm_toys import backbone, text_tokenizer
from official_toys import CODES, Official, official
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.engine import GenerationRequest, Take
from motion_agent.motion_core.errors import (
    ConfigurationError,
    FormatError,
    InputError,
    UnavailableError,
)
from motion_agent.motion_core.motionllm.engine import MotionLLMEngine
from motion_agent.motion_core.motionllm.loading import restore_model
from motion_agent.motion_core.motionllm.official import OfficialFiles, convert_official
from motion_agent.motion_core.torch_files import read_torch_file

KINDS = [("gemma2", True), ("gemma2", False), ("llama", True), ("llama", False)]
LONGEST = 14
TEXT = "A person walks forward, then waves."


def converted(authors: Official, folder: Path, **settings: Any) -> MotionLLMEngine:
    files = OfficialFiles(**authors.files)
    engine = MotionLLMEngine(
        convert_official(files, folder / "out", backbone=authors.backbone, **settings)
    )
    engine.sampling = replace(engine.sampling, max_tokens=LONGEST)
    return engine


def their_prompt(authors: Official, *, motion: list[int] | None = None) -> list[int]:
    """Ids as the authors' code makes them, with all motion tokens in the text tokenizer."""
    tokenizer = text_tokenizer()
    tokenizer.add_tokens(["<Motion>", "</Motion>", *(f"<Motion_{i}>" for i in range(CODES))])
    head = (
        "Below is an instruction that describes a task, paired with an input that provides further "
        "context. Write a response that appropriately completes the request.\n\n"
    )
    if motion is None:
        task = (
            "### Instruction:\nGenerate a motion matching the following input human motion "
            "description\n\n"
        )
        text = "### Input:\n" + TEXT + "\n\nResponse: <Motion>"
    else:
        task = (
            "### Instruction:\nGenerate a caption matching the following input human motion token "
            "sequence.\n\n"
        )
        body = "".join(f"<Motion_{i}>" for i in motion)
        text = "### Input:\n<Motion>" + body + "</Motion>\n\nResponse: "
    assert len(tokenizer) == authors.words + CODES + 2
    return list(tokenizer.encode(head + task + text))


@pytest.mark.parametrize(("family", "tied"), KINDS)
def test_logits_of_the_motion_rows_are_those_of_the_resized_model(
    tmp_path: Path, family: str, tied: bool
) -> None:
    authors = official(tmp_path, family, tied=tied)
    engine = converted(authors, tmp_path)
    model, prompt = engine._use("t2m")
    ids = [*prompt.description(TEXT), model.motion_start]
    assert ids == their_prompt(authors)
    ids += model.token_ids([3, 0, 15, 7])
    with torch.no_grad():
        hidden = model.hidden(torch.tensor([ids]), "t2m").last_hidden_state
        theirs = authors.model("t2m")(torch.tensor([ids])).logits
        torch.testing.assert_close(
            model.motion_logits(hidden), theirs[..., authors.words + 1 :], atol=1e-5, rtol=0
        )
        torch.testing.assert_close(
            model.all_logits(hidden, authors.words), theirs, atol=1e-5, rtol=0
        )
        model.use("m2t")
        before, after = prompt.around_motion()
        read = [*before, *model.motion_ids([5, 2, 2]), *after]
        assert read == their_prompt(authors, motion=[5, 2, 2])
        hidden = model.hidden(torch.tensor([read]), "m2t").last_hidden_state
        theirs = authors.model("m2t")(torch.tensor([read])).logits
        torch.testing.assert_close(
            model.text_logits(hidden), theirs[..., : authors.words], atol=1e-5, rtol=0
        )


def theirs(authors: Official, ids: list[int], **how: Any) -> list[int]:
    """Motion tokens of Hugging Face's own decoding: motion, </Motion>, the end of the text."""
    end, first = authors.words + 1, authors.words + 2

    def allowed(_: int, past: torch.Tensor) -> list[int]:
        count = len(past) - len(ids)
        if int(past[-1]) == end:
            return [0]
        tokens = list(range(first, first + CODES)) if count < LONGEST else []
        return [end, *tokens] if count else tokens

    sequence = authors.model("t2m").generate(
        torch.tensor([ids]),
        max_new_tokens=LONGEST + 2,
        do_sample=False,
        pad_token_id=0,
        prefix_allowed_tokens_fn=allowed,
        **how,
    )
    return [i - first for i in sequence[0].tolist()[len(ids) :] if i >= first]


@pytest.mark.parametrize(("family", "tied"), KINDS)
def test_greedy_tokens_are_those_of_hugging_face(tmp_path: Path, family: str, tied: bool) -> None:
    authors = official(tmp_path, family, tied=tied)
    [take] = converted(authors, tmp_path).generate([GenerationRequest(TEXT, greedy=True)])
    assert list(take.tokens) == theirs(authors, their_prompt(authors)) and take.tokens


@pytest.mark.parametrize(("family", "tied", "beams"), [*((*k, 2) for k in KINDS), (*KINDS[0], 4)])
def test_beam_search_is_that_of_hugging_face(
    tmp_path: Path, family: str, tied: bool, beams: int
) -> None:
    authors = official(tmp_path, family, tied=tied)
    engine = converted(authors, tmp_path, beams=beams)
    texts = [TEXT, "He kicks."]
    takes = engine.generate([GenerationRequest(text) for text in texts])
    _, prompt = engine._use("t2m")
    for text, take in zip(texts, takes, strict=True):
        ids = [*prompt.description(text), authors.words]
        assert list(take.tokens) == theirs(authors, ids, num_beams=beams, early_stopping=True)


def test_without_a_rule_the_authors_decoding_gives_the_same_motion(tmp_path: Path) -> None:
    """Where the model has learnt its task, forbidding changes nothing."""
    authors = official(tmp_path, "llama", tied=False, sure=True)
    [take] = converted(authors, tmp_path).generate([GenerationRequest(TEXT)])
    ids = their_prompt(authors)
    sequence = authors.model("t2m").generate(
        torch.tensor([ids]),
        max_new_tokens=LONGEST + 2,
        num_beams=2,
        do_sample=False,
        early_stopping=True,
        pad_token_id=0,
    )
    found = sequence[0].tolist()[len(ids) :]
    assert found[-1] == 0 and found[-2] == authors.words + 1
    assert list(take.tokens) == [i - authors.words - 2 for i in found[:-2]]


def test_beam_search_finds_likelier_motions_than_the_most_probable_tokens(tmp_path: Path) -> None:
    authors = official(tmp_path, "llama", tied=False)
    engine = converted(authors, tmp_path)
    length = 6 * 0.2
    [best] = engine.generate([GenerationRequest(TEXT, seconds=length)])
    [greedy] = engine.generate([GenerationRequest(TEXT, seconds=length, greedy=True)])
    ids = their_prompt(authors)

    def likelihood(tokens: tuple[int, ...]) -> float:
        whole = [*ids, *(authors.words + 2 + t for t in tokens), authors.words + 1, 0]
        with torch.no_grad():
            scores = authors.model("t2m")(torch.tensor([whole])).logits[0].log_softmax(-1)
        return sum(float(scores[at - 1, whole[at]]) for at in range(len(ids), len(whole)))

    assert len(best.tokens) == len(greedy.tokens) == 6
    assert likelihood(best.tokens) >= likelihood(greedy.tokens)


def test_captions_by_beam_search_are_those_of_hugging_face(tmp_path: Path) -> None:
    authors = official(tmp_path, "gemma2", tied=True)
    engine = converted(authors, tmp_path)
    tokens = [5, 2, 2, 9]
    ids = their_prompt(authors, motion=tokens)
    newline = text_tokenizer()("\n", add_special_tokens=False)["input_ids"][-1]
    sequence = (
        authors.model("m2t")
        .generate(
            torch.tensor([ids]),
            max_new_tokens=40,
            num_beams=2,
            do_sample=False,
            early_stopping=True,
            pad_token_id=0,
            eos_token_id=[0, newline],
            prefix_allowed_tokens_fn=lambda i, past: [
                token
                for token in range(authors.words)
                if len(past) > len(ids) or token not in (0, newline)
            ],
        )[0]
        .tolist()
    )
    words = text_tokenizer().decode(sequence[len(ids) :], skip_special_tokens=True)
    assert engine.caption([Take(tuple(tokens))]) == [" ".join(words.split())]


def test_a_backbone_with_padded_rows_gives_the_same_tokens(tmp_path: Path) -> None:
    authors = official(tmp_path, "llama", tied=False, padding=7)
    engine = converted(authors, tmp_path)
    [take] = engine.generate([GenerationRequest(TEXT)])
    ids = their_prompt(authors)
    assert list(take.tokens) == theirs(authors, ids, num_beams=2, early_stopping=True)


def test_the_tokenizer_encodes_and_decodes_as_theirs(tmp_path: Path) -> None:
    authors = official(tmp_path, "llama", tied=False)
    tokenizer = converted(authors, tmp_path).tokenizer
    mean, std = (np.load(authors.files[name]).astype(np.float32) for name in ("mean", "std"))
    motion = np.random.default_rng(3).normal(size=(48, 263)).astype(np.float32)
    vectors, tokens = authors.net.encode(torch.from_numpy((motion - mean) / std))
    with torch.no_grad():
        ours = tokenizer.encode_vectors(torch.from_numpy(motion)[None])[0]
    torch.testing.assert_close(ours, vectors, atol=1e-5, rtol=0)
    assert tokenizer.encode(motion) == tokens.tolist()
    theirs = authors.net.decode(tokens).numpy() * std + mean
    np.testing.assert_allclose(tokenizer.decode(tokens.tolist()), theirs, atol=1e-5)


def test_the_command_converts_and_the_checkpoint_is_whole(tmp_path: Path) -> None:
    authors = official(tmp_path, "gemma2", tied=True)
    files = [w for name, path in authors.files.items() for w in (f"--{name}", str(path))]
    out = tmp_path / "new" / "paper"
    arguments = [
        "checkpoint",
        "convert",
        "--from",
        "official",
        *files,
        "--backbone",
        authors.backbone,
    ]
    result = CliRunner().invoke(app, [*arguments, str(out)])
    assert result.exit_code == 0, result.stderr
    checked = CliRunner().invoke(app, ["checkpoint", "verify", "--backbone", str(out)])
    assert checked.exit_code == 0, checked.stderr
    assert sum(line.startswith("ok") for line in checked.stdout.splitlines()) == 4
    shown = CliRunner().invoke(app, ["checkpoint", "show", str(out)]).stdout
    assert "t2m rank 4, m2t rank 2" in shown and "beams 2" in shown and "paper" in shown
    # The files hold whole embeddings behind their views; the checkpoint does not.
    assert (out / "rows.safetensors").stat().st_size < authors.files["motionllm"].stat().st_size


# Bad files ------------------------------------------------------------------------------------


def refused(
    authors: Official, folder: Path, error: type[Exception], message: str, **other: Any
) -> None:
    """One clear line, and nothing written."""
    files = OfficialFiles(**{**authors.files, **other.pop("files", {})})
    with pytest.raises(error, match=message) as caught:
        convert_official(files, folder / "out", backbone=other.get("backbone", authors.backbone))
    assert "\n" not in str(caught.value)
    assert not (folder / "out").exists()


def test_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    authors = (
        official(tmp_path / "a", "llama", tied=False) if (tmp_path / "a").mkdir() is None else None
    )
    assert authors is not None
    other = tmp_path / "other"
    backbone("gemma2", vocabulary=authors.words, tied=True).save_pretrained(other)
    text_tokenizer().save_pretrained(other)
    refused(authors, tmp_path, ConfigurationError, "ties them", backbone=str(other))
    wide = backbone("llama").config
    wide.intermediate_size = 40
    wide.save_pretrained(tmp_path / "wide")
    refused(
        authors,
        tmp_path,
        ConfigurationError,
        "down_proj.*give --backbone",
        backbone=str(tmp_path / "wide"),
    )
    refused(
        authors, tmp_path, UnavailableError, "cannot be had", backbone=str(tmp_path / "nowhere")
    )


def test_cut_off_and_foreign_files_are_refused(tmp_path: Path) -> None:
    authors = official(tmp_path, "llama", tied=False)
    for name in ("motionllm", "vqvae"):
        whole = authors.files[name].read_bytes()
        cut = tmp_path / "cut.pth"
        cut.write_bytes(whole[: len(whole) // 2])
        refused(authors, tmp_path, FormatError, "cut off", files={name: cut})
        (tmp_path / "text.pth").write_text("not found")
        refused(
            authors,
            tmp_path,
            FormatError,
            "no file of PyTorch",
            files={name: tmp_path / "text.pth"},
        )
        foreign = tmp_path / "foreign.pth"
        torch.save({"net": collections.UserDict(a=1)}, foreign)
        refused(authors, tmp_path, FormatError, "collections.UserDict", files={name: foreign})
        refused(authors, tmp_path, InputError, "there is no file", files={name: tmp_path / "none"})
    swapped = {"motionllm": authors.files["vqvae"], "vqvae": authors.files["motionllm"]}
    refused(authors, tmp_path, FormatError, "no adapter 't2m'", files=swapped)


def test_missing_and_odd_tensors_are_named(tmp_path: Path) -> None:
    authors = official(tmp_path, "llama", tied=False)

    def changed(name: str, content: Any) -> dict[str, Path]:
        torch.save(content, tmp_path / "changed.pth")
        return {name: tmp_path / "changed.pth"}

    without = {k: v for k, v in authors.state.items() if "layers.1.mlp.up_proj.lora_B.m2t" not in k}
    refused(
        authors,
        tmp_path,
        ConfigurationError,
        "'m2t'.*up_proj.lora_B",
        files=changed("motionllm", without),
    )
    odd = authors.state | {"lm_head": authors.state["lm_head"][:-1]}
    refused(
        authors, tmp_path, FormatError, "the same number of rows", files=changed("motionllm", odd)
    )
    broken = authors.state | {"embeddings": authors.state["embeddings"] * torch.nan}
    refused(
        authors, tmp_path, FormatError, "embeddings holds NaN", files=changed("motionllm", broken)
    )
    net = {f"vqvae.{k}": v for k, v in authors.net.state_dict().items()}
    more = net | {"vqvae.encoder.model.2.1.model.0.norm1.weight": torch.ones(12)}
    refused(
        authors,
        tmp_path,
        FormatError,
        "norm1.*normalisation",
        files=changed("vqvae", {"net": more}),
    )
    less = {k: v for k, v in net.items() if "decoder.model.6.bias" not in k}
    refused(
        authors, tmp_path, FormatError, "decoder.10.bias", files=changed("vqvae", {"net": less})
    )
    kit = net | {"vqvae.encoder.model.0.weight": torch.ones(12, 251, 3)}
    refused(
        authors, tmp_path, ConfigurationError, "251 features", files=changed("vqvae", {"net": kit})
    )
    few = net | {"vqvae.quantizer.codebook": torch.ones(9, 8)}
    refused(authors, tmp_path, ConfigurationError, "9 codes", files=changed("vqvae", {"net": few}))
    np.save(tmp_path / "kit.npy", np.zeros(251))
    refused(authors, tmp_path, FormatError, r"\(251,\)", files={"mean": tmp_path / "kit.npy"})


def _harm(path: str) -> None:
    Path(path).touch()


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __init__(self, function: Any) -> None:
            self.function = function

        def __reduce__(self) -> tuple[Any, ...]:
            return self.function, (str(tmp_path / "was-run"),)

    for function in (_harm, os.mkdir):
        torch.save({"net": Evil(function), "w": torch.ones(2)}, tmp_path / "evil.pth")
        with pytest.raises(FormatError, match="would run code"):
            read_torch_file(tmp_path / "evil.pth")
    with pytest.raises(FormatError, match="would run code"):  # a module that is blocked by torch
        read_torch_file(tmp_path / "evil.pth", without_classes=True)
    torch.save({"net": Evil(_harm), "w": torch.ones(2)}, tmp_path / "evil.pth")
    content = read_torch_file(tmp_path / "evil.pth", without_classes=True)
    assert content["w"].tolist() == [1.0, 1.0]
    assert not (tmp_path / "was-run").exists()


def test_a_checkpoint_of_ours_searches_with_beams_too(tmp_path: Path) -> None:
    from motionllm_toys import checkpoint

    from motion_agent.motion_core.motionllm.sampling import Sampling

    authors = checkpoint(
        tmp_path, sampling=Sampling(min_tokens=2, max_tokens=10, longest=30, beams=3)
    )
    engine = MotionLLMEngine(authors)
    assert engine.sampling.beams == 3
    one, other = (engine.generate([GenerationRequest("a man waves", seed=s)])[0] for s in (1, 2))
    assert one == other and 2 <= len(one.tokens) <= 10
    model = restore_model(authors, backbone(), "toy")
    assert "head_start" not in model.rows
