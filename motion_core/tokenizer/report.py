"""How well a tokenizer preserves unseen motions, overall and for each action."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..features import Columns
from ..motion import FRAMES_PER_TOKEN, FloatArray
from ..representation import features_to_root
from ..skeleton import FPS
from .model import MotionTokenizer
from .windows import FeatureClip, FeatureDataset

DRIFT_SECONDS = 5


@dataclass(frozen=True)
class Measured:
    """The scores of a set of clips.

    Attributes:
        clips, frames: number measured.
        mpjpe_mm: mean distance of all joints but the root (relative to it, aligned by heading)
            over all frames, millimetres.
        drift_cm: median distance of the root from its real position after 5 s, starting together,
            for clips of at least 5 s. None without any.
        drift_clips: number of these clips.
        short_drift_cm: the same for shorter clips, at their end. None without any.
        heading_deg: median error of the heading at the same moments, all clips, degrees.
        contact_accuracy: share of the four foot contacts that are right.
        contact_share: share of real foot contacts that are "on the ground", for comparison.
    """

    clips: int
    frames: int
    mpjpe_mm: float
    drift_cm: float | None
    drift_clips: int
    short_drift_cm: float | None
    heading_deg: float
    contact_accuracy: float
    contact_share: float


@dataclass(frozen=True)
class TokenizerReport:
    """The result of `evaluate_tokenizer`.

    Attributes:
        split: the split of the data set.
        overall: all clips of the split.
        actions: the clips of each action, by name.
        codes: size of the codebook.
        codes_used: number of codes that occur in the split.
        perplexity: of the codes in the split; `codes` if all are used equally.
        parameters: number of learned values.
        joints: number measured, all but the root.
        fps: frames per second.
    """

    split: str
    overall: Measured
    actions: dict[str, Measured]
    codes: int
    codes_used: int
    perplexity: float
    parameters: int
    joints: int = 21
    fps: float = FPS

    @property
    def codes_used_share(self) -> float:
        return self.codes_used / self.codes

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "codes_used_share": self.codes_used_share}, indent=2)

    def to_markdown(self) -> str:
        """Return two tables: overall, and by action."""
        all_clips = self.overall
        minutes = all_clips.frames / self.fps / 60
        lines = [
            f"Motion tokenizer ({self.parameters / 1e6:.1f} M parameters), {self.split} split: "
            f"{all_clips.clips} clips, {minutes:.1f} minutes, none mirrored.",
            "",
            "| measure | value |",
            "|---|---|",
            f"| local MPJPE, {self.joints} joints | {all_clips.mpjpe_mm:.1f} mm |",
            f"| root drift after {DRIFT_SECONDS} s, median of {all_clips.drift_clips} clips "
            f"| {_number(all_clips.drift_cm)} cm |",
            f"| root drift at the end of {all_clips.clips - all_clips.drift_clips} shorter clips, "
            f"median | {_number(all_clips.short_drift_cm)} cm |",
            f"| heading error at the same moments, median | {all_clips.heading_deg:.1f}° |",
            f"| foot contacts told rightly ({100 * all_clips.contact_share:.0f} % are contacts) "
            f"| {100 * all_clips.contact_accuracy:.1f} % |",
            f"| codes in use | {self.codes_used} of {self.codes} "
            f"({100 * self.codes_used_share:.0f} %), perplexity {self.perplexity:.0f} |",
            "",
            "| action | clips | MPJPE mm | drift after 5 s cm (clips) | drift, shorter clips cm "
            "| contacts % |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for action, row in sorted(self.actions.items()):
            lines.append(
                f"| {action} | {row.clips} | {row.mpjpe_mm:.1f} | {_number(row.drift_cm)} "
                f"({row.drift_clips}) | {_number(row.short_drift_cm)} "
                f"| {100 * row.contact_accuracy:.1f} |"
            )
        return "\n".join(lines) + "\n"


def evaluate_tokenizer(
    tokenizer: MotionTokenizer, dataset: FeatureDataset, split: str = "test"
) -> TokenizerReport:
    """Encode and decode every recording of the split that is not mirrored, each as a whole.

    Raises:
        InputError: there are none.
    """
    was_training = tokenizer.training
    tokenizer.eval()
    uses = np.zeros(tokenizer.config.codes)
    fps = float(getattr(dataset, "fps", FPS))
    found: dict[str, list[_ClipErrors]] = defaultdict(list)
    clip: FeatureClip
    for clip in dataset.motions(split):
        if clip.mirrored:
            continue
        real = np.asarray(dataset.features(clip), dtype=np.float32)
        real = real[: max(len(real) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN, 1)]
        tokens = tokenizer.encode(real)
        np.add.at(uses, tokens, 1)
        found[clip.action].append(_errors(real, tokenizer.decode(tokens)[: len(real)], fps))
    tokenizer.train(was_training)
    if not found:
        raise InputError(f"the data set has no clips to measure in its {split} split")
    share = uses[uses > 0] / uses.sum()
    return TokenizerReport(
        split=split,
        overall=_measure([errors for clips in found.values() for errors in clips]),
        actions={action: _measure(clips) for action, clips in sorted(found.items())},
        codes=tokenizer.config.codes,
        codes_used=int((uses > 0).sum()),
        perplexity=float(np.exp(-(share * np.log(share)).sum())),
        parameters=tokenizer.parameters_count,
        joints=Columns(tokenizer.config.features).joints - 1,
        fps=fps,
    )


@dataclass(frozen=True)
class _ClipErrors:
    joints: NDArray[np.float32]  # (T,) mean over the joints, metres
    drift: float  # metres
    heading: float  # radians
    long: bool  # measured after 5 s, not at the end
    contacts_right: float
    contacts: float


def _errors(real: FloatArray, decoded: FloatArray, fps: float) -> _ClipErrors:
    columns = Columns(real.shape[1])
    apart = (decoded - real)[:, columns.positions].reshape(len(real), -1, 3)
    after = round(DRIFT_SECONDS * fps)  # frames
    long = len(real) > after
    moment = after if long else len(real) - 1
    real_half_turn, real_root = features_to_root(real)
    half_turn, root = features_to_root(decoded)
    turned = 2 * (half_turn - real_half_turn)[moment]
    contacts = real[:, columns.contacts] > 0.5
    return _ClipErrors(
        joints=np.linalg.norm(apart, axis=-1).mean(axis=-1),
        drift=float(np.linalg.norm(root[moment] - real_root[moment])),
        heading=float(abs((turned + np.pi) % (2 * np.pi) - np.pi)),
        long=long,
        contacts_right=float(((decoded[:, columns.contacts] > 0.5) == contacts).mean()),
        contacts=float(contacts.mean()),
    )


def _measure(clips: list[_ClipErrors]) -> Measured:
    lengths = [len(clip.joints) for clip in clips]
    late = [100 * clip.drift for clip in clips if clip.long]
    early = [100 * clip.drift for clip in clips if not clip.long]
    return Measured(
        clips=len(clips),
        frames=sum(lengths),
        mpjpe_mm=1000 * float(np.concatenate([clip.joints for clip in clips]).mean()),
        drift_cm=float(np.median(late)) if late else None,
        drift_clips=len(late),
        short_drift_cm=float(np.median(early)) if early else None,
        heading_deg=float(np.degrees(np.median([clip.heading for clip in clips]))),
        contact_accuracy=float(np.average([c.contacts_right for c in clips], weights=lengths)),
        contact_share=float(np.average([c.contacts for c in clips], weights=lengths)),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
