"""`evaluate --captions FILE`: any model's captions, measured against human ones.

The file has a line of JSON for each motion, ``{"id": …, "caption": …, "references": [...],
"tokenised": [...]}``, or a caption a line as plain text. References may be in a second file, or
come from a HumanML3D or KIT-ML folder by id.

Two protocols are in use, and published tables differ by a factor of two for that reason alone:
``raw`` references are the captions as written, ``tokenised`` ones the lemmas that HumanML3D has
beside each caption ("a man walk forward"). Both are measured and labelled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import FormatError, InputError
from ..json_text import parse_json
from ..published_data import PublishedDataset, PublishedSplit
from .bert_score import BertScore
from .captions import bleu, cider, rouge_l
from .metrics import Estimate
from .report_files import save_report

Protocol = Literal["raw", "tokenised"]
PROTOCOLS: tuple[Protocol, ...] = ("raw", "tokenised")
NEEDS_MODEL = "not run: needs --bert-score MODEL, such as roberta-large"
NEEDS_TOKENS = "not run: needs tokenised references (texts/*.txt, or 'tokenised' in the file)"


@dataclass(frozen=True)
class CaptionOutput:
    """A model's caption of a motion, and the human ones.

    Attributes:
        id: of the motion.
        caption: the model's; empty if it failed.
        raw: references as written.
        tokenised: the same as lemmas; empty if there are none.
    """

    id: str
    caption: str
    raw: tuple[str, ...]
    tokenised: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProtocolScores:
    """Scores under one protocol.

    Attributes:
        protocol: "raw" or "tokenised".
        bleu_1, bleu_4: of all captions together.
        rouge_l: mean over the motions of the best reference.
        cider: CIDEr-D, mean over the motions.
        bert_score: F1, mean over the motions.
        missing: unmeasured metrics, with what each needs.
    """

    protocol: Protocol
    bleu_1: float | None = None
    bleu_4: float | None = None
    rouge_l: Estimate | None = None
    cider: Estimate | None = None
    bert_score: Estimate | None = None
    missing: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CaptionReport:
    """All measurements of a file of captions.

    Attributes:
        source: the file.
        motions: number of expected captions.
        failed: motions without a caption; they count as empty captions.
        scores: for each protocol.
        model: BERTScore's; empty without one.
    """

    source: str
    motions: int
    failed: int
    scores: tuple[ProtocolScores, ...]
    model: str = ""

    def to_json(self) -> str:
        """Return everything as a JSON object."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """Return a table with a row for each metric and a column for each protocol."""
        lines = [
            f"# Captions of {self.source}",
            f"{self.motions} motions, {self.failed} without a caption (counted as empty).",
            "| metric | " + " | ".join(f"{s.protocol} references" for s in self.scores) + " |\n"
            + "| --- " * (1 + len(self.scores)) + "|\n"
            + "\n".join(self._row(name, title) for name, title in _METRICS),
            "Words are compared in lower case without punctuation. ± is half of a 95 % interval"
            " over the motions.",
        ]  # fmt: skip
        return "\n\n".join(lines) + "\n"

    def save(self, folder: Path | str) -> tuple[Path, Path]:
        """Write ``captions.md`` and ``captions.json``."""
        return save_report(self, folder, "captions")

    def _row(self, name: str, title: str) -> str:
        if name == "bert_score" and self.model:
            title += f" ({self.model})"
        cells = []
        for scores in self.scores:
            value = getattr(scores, name)
            if value is None:
                cells.append(dict(scores.missing).get(name, "–"))
            elif isinstance(value, Estimate):
                interval = "" if value.interval is None else f" ± {value.interval:.3f}"
                cells.append(f"{value.value:.3f}{interval}")
            else:
                cells.append(f"{value:.3f}")
        return f"| {title} | " + " | ".join(cells) + " |"


_METRICS = (
    ("bleu_1", "BLEU-1"),
    ("bleu_4", "BLEU-4"),
    ("rouge_l", "ROUGE-L"),
    ("cider", "CIDEr-D"),
    ("bert_score", "BERTScore F1"),
)


def score_captions(
    outputs: Sequence[CaptionOutput], *, source: str, model: BertScore | None = None
) -> CaptionReport:
    """Score captions under both protocols; a missing caption counts as an empty one.

    Raises:
        InputError: there are no captions.
    """
    if not outputs:
        raise InputError("there are no captions to measure")
    scores = tuple(_under(protocol, outputs, model) for protocol in PROTOCOLS)
    failed = sum(not output.caption for output in outputs)
    name = "" if model is None else model.name
    return CaptionReport(source, len(outputs), failed, scores, name)


def read_captions(
    path: Path | str,
    references: Path | str | None = None,
    *,
    data: PublishedDataset | None = None,
    split: PublishedSplit = "test",
) -> list[CaptionOutput]:
    """Read the captions of a file with their references.

    Args:
        path: of the captions.
        references: a second file with as many lines; None if they are in the first.
        data: source of references by id, instead of a second file.
        split: of `data`; its samples without a caption count as failed.

    Raises:
        InputError: a file is missing, or the numbers of captions and references differ.
        FormatError: a line is damaged, or a motion has no reference.
    """
    rows = _lines(path)
    if data is not None:
        return _with_dataset(rows, data, split, path)
    others = rows if references is None else _lines(references)
    if len(others) != len(rows):
        raise InputError(
            f"{path} has {len(rows)} captions, {references} has references of {len(others)} "
            "motions; give one line for each motion in both"
        )
    outputs = []
    for number, (row, other) in enumerate(zip(rows, others, strict=True), 1):
        if "id" in row and "id" in other and row["id"] != other["id"]:
            raise FormatError(
                f"line {number} is of {row['id']} in {path} and of {other['id']} in {references}"
            )
        raw = _texts(other, "references", path if references is None else references, number)
        if references is not None and not raw and isinstance(other.get("caption"), str):
            raw = (other["caption"],)
        if not raw:
            raise FormatError(
                f"{path}, line {number}: there are no references; give --references FILE, or --data"
                " with a HumanML3D folder"
            )
        tokenised = _texts(other, "tokenised", path, number)
        name = str(row.get("id", number))
        outputs.append(CaptionOutput(name, _caption(row, path, number), raw, tokenised))
    return outputs


def _under(
    protocol: Protocol, outputs: Sequence[CaptionOutput], model: BertScore | None
) -> ProtocolScores:
    references = [o.raw if protocol == "raw" else o.tokenised for o in outputs]
    if not all(references):
        return ProtocolScores(protocol, missing=tuple((n, NEEDS_TOKENS) for n, _ in _METRICS))
    captions = [output.caption for output in outputs]
    rouge = [
        max(rouge_l(c, reference) for reference in own)
        for c, own in zip(captions, references, strict=True)
    ]
    bert = None
    if model is not None:
        rows = [at for at, caption in enumerate(captions) if caption]
        scores = dict.fromkeys(range(len(captions)), 0.0)
        values = model.scores([captions[at] for at in rows], [references[at] for at in rows])
        bert = Estimate.of_mean(list((scores | dict(zip(rows, values, strict=True))).values()))
    return ProtocolScores(
        protocol,
        bleu_1=bleu(captions, references, 1),
        bleu_4=bleu(captions, references, 4),
        rouge_l=Estimate.of_mean(rouge),
        cider=Estimate.of_mean(cider(captions, references)),
        bert_score=bert,
        missing=() if bert else (("bert_score", NEEDS_MODEL),),
    )


def _with_dataset(
    rows: Sequence[dict[str, Any]], data: PublishedDataset, split: PublishedSplit, path: Path | str
) -> list[CaptionOutput]:
    captions = {}
    for number, row in enumerate(rows, 1):
        if "id" not in row:
            raise FormatError(f"{path}, line {number}: no id, so its references cannot be found")
        captions[str(row["id"])] = _caption(row, path, number)
    samples = data.split(split).samples
    unknown = captions.keys() - {sample.id for sample in samples}
    if unknown:
        raise InputError(
            f"{path} has captions of {len(unknown)} motions that are not in the {split} split of "
            f"{data.folder}, such as {min(unknown)}"
        )
    return [
        CaptionOutput(
            sample.id,
            captions.get(sample.id, ""),
            tuple(caption.text for caption in sample.captions),
            tuple(caption.words for caption in sample.captions if caption.tokens),
        )
        for sample in samples
    ]


def _lines(path: Path | str) -> list[dict[str, Any]]:
    """Return a dictionary for each line: JSON, or the caption alone."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror or err}") from err
    except UnicodeDecodeError as err:
        raise FormatError(f"{path} is not UTF-8 text") from err
    if path.suffix not in (".jsonl", ".json"):
        return [{"caption": line} for line in lines]
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as err:
            raise FormatError(f"{path}, line {number}: not JSON ({str(err)[:60]})") from err
        if not isinstance(row, dict):
            raise FormatError(f"{path}, line {number}: a {type(row).__name__}, not an object")
        rows.append(row)
    return rows


def _caption(row: dict[str, Any], path: Path | str, number: int) -> str:
    caption = row.get("caption", "")
    if not isinstance(caption, str):
        raise FormatError(f"{path}, line {number}: the caption is not a string")
    return caption.strip()


def _texts(row: dict[str, Any], name: str, path: Path | str, number: int) -> tuple[str, ...]:
    texts = row.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise FormatError(f"{path}, line {number}: {name!r} is not a list of strings")
    return tuple(text for text in texts if text.strip())
