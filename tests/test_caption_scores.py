"""Captions of any model: each metric against values worked out by hand, and their files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from motionllm_toys import text_tokenizer
from test_published_data import published
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.errors import FormatError, InputError, UnavailableError
from motion_agent.motion_core.evaluation.bert_score import BertScore
from motion_agent.motion_core.evaluation.caption_files import (
    NEEDS_MODEL,
    NEEDS_TOKENS,
    CaptionOutput,
    read_captions,
    score_captions,
)
from motion_agent.motion_core.evaluation.captions import bleu, cider


def test_bleu_of_the_paper_that_defines_it() -> None:
    """Papineni et al., section 2.1: "the" seven times has a clipped precision of 2/7."""
    references = ["The cat is on the mat.", "There is a cat on the mat."]
    assert bleu(["the the the the the the the"], [references], 1) == pytest.approx(2 / 7)
    # Example 1, candidate 1 of 18 words: 17 of its words are in a reference.
    candidate = (
        "It is a guide to action which ensures that the military always obeys the commands of the "
        "party"
    )
    own = [
        "It is a guide to action that ensures that the military will forever heed Party commands",
        "It is the guiding principle which guarantees the military forces always being under the "
        "command of the Party",
        "It is the practical guide for the army always to heed the directions of the party",
    ]
    assert bleu([candidate], [own], 1) == pytest.approx(17 / 18)


def test_bleu_1_is_shortened_where_captions_are_short() -> None:
    # Two of two words right, against three: exp(1 - 3/2).
    assert bleu(["man walks"], [["a man walks"]], 1) == pytest.approx(math.exp(-0.5))


def test_cider_by_hand() -> None:
    """Two motions: "a" and "man" are in both references and weigh nothing, the rest ln 2."""
    references = [["a man walks"], ["a man jumps"]]
    # Of 1, 2 and 3 words the vectors are the same, of 4 there are none: 10 · 3/4.
    assert cider(["a man walks", "a man walks"], references) == pytest.approx([7.5, 0.0])
    # Once where it stands twice: half of the cosine; one word pair against two: exp(-1/72).
    [first, _] = cider(["walks walks", "a man jumps"], references)
    assert first == pytest.approx(10 / 4 * 0.5 * math.exp(-1 / 72))
    # Two references are averaged.
    both = [["a man walks", "someone strolls"], ["a man jumps"]]
    assert cider(["a man walks", ""], both) == pytest.approx([7.5 / 2, 0.0])


def bert(folder: Path) -> str:
    """A tiny random BERT on disk."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "vocab_size": 300,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
    }
    BertModel(BertConfig(**sizes)).save_pretrained(folder)
    text_tokenizer().save_pretrained(folder)
    return str(folder)


def test_bert_score_is_that_of_its_equation(tmp_path: Path) -> None:
    from transformers import BertModel

    name = bert(tmp_path / "bert")
    scorer = BertScore(name, layer=1)
    caption, meant, other = "a man waves", "someone bows and kicks", "a person walks forward"
    model, tokenizer = BertModel.from_pretrained(name).eval(), text_tokenizer()

    def points(text: str) -> torch.Tensor:
        ids = tokenizer(text)["input_ids"]
        with torch.no_grad():
            states = model(torch.tensor([[*ids, 0]]), output_hidden_states=True).hidden_states[1]
        return states[0, : len(ids)] / states[0, : len(ids)].norm(dim=1, keepdim=True)

    def idf(text: str) -> torch.Tensor:
        documents = [set(tokenizer(t)["input_ids"]) for t in (meant, other, "a man waves")]
        return torch.tensor(
            [
                math.log(4 / (1 + sum(token in d for d in documents)))
                for token in tokenizer(text)["input_ids"]
            ]
        )

    near = points(caption) @ points(meant).T
    precision = float((near.max(1).values * idf(caption)).sum() / idf(caption).sum())
    recall = float((near.max(0).values * idf(meant)).sum() / idf(meant).sum())
    expected = 2 * precision * recall / (precision + recall)
    [first, same] = scorer.scores([caption, "a man waves"], [[meant, other], ["a man waves"]])
    assert same == pytest.approx(1.0, abs=1e-5)
    alone = scorer.scores([caption, "a man waves"], [[meant], [other, "a man waves"]])[0]
    assert alone == pytest.approx(expected, abs=1e-5)
    assert first >= alone  # the nearest of the references counts
    plain = near.max(1).values.mean(), near.max(0).values.mean()
    assert scorer.scores([caption], [[meant]], rare=False)[0] == pytest.approx(
        float(2 * plain[0] * plain[1] / (plain[0] + plain[1])), abs=1e-5
    )


def test_a_model_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="give a local folder") as caught:
        BertScore(str(tmp_path / "none"))
    assert "\n" not in str(caught.value)


def test_both_protocols_are_measured_and_what_is_missing_is_named() -> None:
    outputs = [
        CaptionOutput(
            "1", "a man walks forward", ("A man walks forward.",), ("a man walk forward",)
        ),
        CaptionOutput("2", "", ("He waves.",), ("he wave",)),
    ]
    report = score_captions(outputs, source="mine.jsonl")
    raw, tokenised = report.scores
    assert report.failed == 1
    # Four of four words are right, of six: exp(1 - 6/4); tokenised, three of four.
    assert raw.bleu_1 == pytest.approx(math.exp(-0.5))
    assert tokenised.bleu_1 == pytest.approx(0.75 * math.exp(-0.5))
    assert raw.rouge_l is not None and raw.rouge_l.value == pytest.approx(0.5)
    assert dict(raw.missing) == {"bert_score": NEEDS_MODEL}
    table = report.to_markdown()
    assert (
        "raw references | tokenised references" in table and "not run: needs --bert-score" in table
    )
    bare = score_captions([CaptionOutput("1", "he waves", ("He waves.",))], source="x")
    assert set(dict(bare.scores[1].missing).values()) == {NEEDS_TOKENS}


def test_references_come_from_a_data_set_by_id(tmp_path: Path) -> None:
    text = "A man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\n"
    data = published(tmp_path / "data", a=text, b=text)
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"id": "a", "caption": "a man walks"}) + "\n")
    arguments = [
        "evaluate",
        "--captions",
        file,
        "--data",
        data,
        "--out",
        tmp_path / "out",
        "--json",
    ]
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)["report"]
    assert (report["motions"], report["failed"]) == (2, 1)
    # Of the right one every n-gram is there; the other has no words: 3 against 6.
    assert report["scores"][0]["bleu_1"] == pytest.approx(math.exp(-1))
    assert report["scores"][1]["bleu_1"] == pytest.approx(2 / 3 * math.exp(-1))
    assert (tmp_path / "out" / "captions.md").is_file()


def test_files_that_do_not_fit_are_one_clear_line(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine.txt", tmp_path / "theirs.jsonl"
    mine.write_text("a man walks\nhe waves\n")
    theirs.write_text('{"references": ["a man walks"]}\n')
    with pytest.raises(InputError, match=r"2 captions, .* of 1 motions"):
        read_captions(mine, theirs)
    with pytest.raises(FormatError, match="line 1: there are no references"):
        read_captions(mine)
    theirs.write_text('{"references": "a man"}\n{"references": ["he"]}\n')
    with pytest.raises(FormatError, match="line 1: 'references' is not a list"):
        read_captions(mine, theirs)
    theirs.write_text('{"references": ["a"]}\n{oops\n')
    with pytest.raises(FormatError, match="line 2: not JSON"):
        read_captions(mine, theirs)
    result = CliRunner().invoke(app, ["evaluate", "--captions", str(tmp_path / "gone.txt")])
    assert result.exit_code == 2 and "gone.txt" in result.stderr
    data = published(tmp_path / "data", a="A man walks.#a/DET#0.0#0.0\n")
    mine = tmp_path / "odd.jsonl"
    mine.write_text('{"id": "zzz", "caption": "a man walks"}\n')
    result = CliRunner().invoke(app, ["evaluate", "--captions", str(mine), "--data", str(data)])
    assert result.exit_code == 2 and "such as zzz" in result.stderr
