"""CMU motion capture as joints, with human captions for parts of it.

    joints_delta_i16.npy   (N, 22, 3) int16, millimetres, first differences of each trial, 20 fps
    trials.json            a row a trial: id, start, frames, description, subject, floor_mm, …
    captions.json          a row a caption: source, trial, start, end, mirrored, text

Frames count from the trial's first; ``start:end`` is the part that a caption describes. Rows marked
as mirrored repeat others for the mirrored motion and are skipped: every motion is mirrored here,
with left and right swapped in its captions.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, InputError
from ..formats.npy import map_npy
from ..json_text import parse_json
from ..skeleton import FPS
from .prepared import Caption
from .takes import Span, Take

JOINTS = "joints_delta_i16.npy"
# Flat on the floor, CMU's toe joint is 2.3 cm above the given floor and HumanML3D's 1.0 cm.
_FLOOR_MM = 13
_TOE = 0.01  # metres: height of HumanML3D's toe
_STILL = 0.2  # metres per second: a slower toe is standing
_UPRIGHT = 1.2  # metres: median height of the head of somebody on their feet
_ABOVE = 0.045  # metres above the stated floor that mean a wrong floor
_ONE_LEVEL = 0.08  # metres: largest spread of toes standing on one level
_WHOLE = 240  # frames: a longer trial is not described by its one line in CMU's index

# Labels of trials, by words of their description or captions; the first match wins. The label
# groups trials for the split, weights and tables; captions are what is learnt.
_ACTIONS = tuple(
    (action, re.compile(rf"\b(?:{pattern})", re.IGNORECASE))
    for action, pattern in (
        ("cartwheel", "cart ?wheel"),
        ("flip", "flip|somersault|hand ?spring|hand ?stand|acrobat|tumbl"),
        ("jumping jacks", "jumping ?jack|jump jack|star jump"),
        ("push-ups", "push[- ]?up|sit[- ]?up"),
        ("squat", "squat"),
        ("golf", "golf|putt"),
        ("basketball", "basket ?ball|dribbl|free throw|layup|defensive|crossover"),
        ("soccer", "soccer|football"),
        ("box", "box(?:es|ing)|punch|jab|uppercut"),
        ("fight", "karate|martial|sword|fight|kung|tai chi|bassai|chop"),
        ("kick", "kick"),
        ("salsa", "salsa"),
        (
            "dance",
            "danc|ballet|pirouette|charleston|cha ?cha|break ?dance|hip ?hop|jete|moonwalk",
        ),
        ("swim", "swim|breast ?stroke|back ?stroke|freestyle|butterfly"),
        ("climb", "climb|ladder|playground"),
        ("stairs", "stair|step up|steps up|up a step"),
        ("crawl", "crawl|all fours|hands and knees"),
        (
            "act like an animal",
            "chicken|monkey|bear|dog|cat\b|bird|elephant|dinosaur|t-?rex|penguin|animal|snake"
            "|mouse|prairie|fish|flamingo|gorilla|ape|horse|hummingbird",
        ),
        ("act like a zombie", "zombie|mummy|robot|vampire|ghost"),
        ("drink", "drink|soda|sip"),
        ("eat", "eat(?:s|ing)?\\b|bite|sandwich"),
        ("sweep", "sweep|broom|mop|vacuum|rake"),
        ("wash", "wash|clean|wip(?:e|ing)|wax|scrub"),
        ("cook", "cook|mix|dough|stir|flour"),
        ("throw", "throw|toss|pitch|hurl"),
        ("catch", "catch"),
        ("carry", "pick|lift|carry|carri|suitcase|put down|puts? (?:it|something)"),
        ("push", "push|shove"),
        ("pull", "pull|tug"),
        ("sit", "sit(?:s|ting)?\\b|chair|stool|seat|couch"),
        ("get up", "(?:get|stand|rise|rising)s?(?:ting|ing)? (?:back )?up"),
        ("lie", "lie(?:s)?\\b|lying|lay(?:s|ing)?\\b"),
        ("stretch", "stretch|yoga|warm ?up|exercise|flex"),
        ("phone", "phone|call"),
        ("wave", "wav(?:e|es|ing)\\b|hello|goodbye"),
        ("clap", "clap|applaud|high ?five"),
        ("play an instrument", "guitar|piano|violin|drum|trumpet|instrument|flute"),
        ("drunk", "drunk|stagger|stumbl|trip"),
        ("limp", "limp|injur|hurt|wounded|gimp|crutch"),
        ("march", "march"),
        ("sneak", "sneak|creep|tiptoe|tip toe|stealth"),
        ("avoid", "dodg|avoid|duck|bug|swat|obstacle"),
        ("balance", "balanc|beam|tight ?rope"),
        ("skip", "skip"),
        ("hop", "hop"),
        ("jump", "jump|leap"),
        ("run", "run|jog|sprint|dash"),
        ("bow", "bow(?:s|ing)?\\b"),
        ("bend", "bend|crouch|kneel"),
        ("reach", "reach|grab"),
        ("swing", "swing"),
        ("point", "point|direct|signal|conduct"),
        ("laugh", "laugh|cry|cries|angry|quarrel|argu|yawn|cough|sneeze|convers|talk|tell"),
        ("circle", "circle|figure (?:8|eight)|zig ?zag"),
        ("walk", "walk|pace|stride|stroll|navigate|wander"),
        ("turn", "turn|spin|twirl|twist|rotat"),
        ("stand", "stand|wait|idle|still"),
        ("gesture", "arm|hand"),
        ("step", "step"),
    )
)

_SPAM = re.compile(r"https?:|<a ")  # one annotator inserted advertising


def find_cmu_mocap(folder: Path) -> Iterator[Take]:
    """Return all trials in a folder with the three files, with captions of all sources.

    Raises:
        InputError: a file is missing.
        FormatError: a table is damaged or does not match the joints.
    """
    paths = [next(iter(folder.rglob(name)), None) for name in (JOINTS, "trials.json")]
    if paths[0] is None or paths[1] is None:
        raise InputError(f"no {JOINTS} or trials.json in {folder}")
    joints = paths[0]
    try:
        rows = len(map_npy(joints))
        trials = parse_json(paths[1].read_text(encoding="utf-8"))
        table = joints.with_name("captions.json")
        captions = parse_json(table.read_text(encoding="utf-8")) if table.is_file() else []
        spans = _spans(captions)
        for trial in trials:
            if not 0 <= trial["start"] < trial["start"] + trial["frames"] <= rows:
                raise FormatError(f"trial {trial['id']} lies outside of {joints.name}")
            yield _take(joints, trial, spans.get(trial["id"], {}))
    except (KeyError, TypeError, ValueError) as err:
        raise FormatError(f"the tables in {joints.parent} are damaged: {err!r}") from err


def read_cmu_mocap(path: Path, rows: tuple[int, int], floor_mm: float) -> NDArray[np.float64]:
    """Read joints ``(T, 22, 3)`` of a trial in metres, y up, its floor at 0, 20 fps."""
    deltas = map_npy(path)[rows[0] : rows[1]]
    joints: NDArray[np.float64] = np.cumsum(deltas, axis=0, dtype=np.int16) / 1000.0
    joints[..., 1] -= (floor_mm + _FLOOR_MM) / 1000.0
    joints[..., 1] -= _standing_level(joints)
    return joints


def _standing_level(joints: NDArray[np.float64]) -> float:
    """Return how far the floor lies above the stated one, where all standing is on one level.

    A landing or a hand that is captured too low has put the floor of such a trial, about one in a
    hundred, under the feet by 5 to 20 cm. Stairs and chairs have several levels, and stay.
    """
    feet = joints[:, [10, 11]]
    speed = np.linalg.norm(np.diff(feet, axis=0), axis=-1) * FPS  # (T - 1, 2), m/s
    standing = feet[1:, :, 1][speed < _STILL]
    if len(standing) < FPS or np.median(joints[:, 15, 1]) < _UPRIGHT:
        return 0.0
    low, level, high = np.quantile(standing, (0.05, 0.5, 0.9))
    if low < _ABOVE or high - low > _ONE_LEVEL:
        return 0.0
    return float(level) - _TOE


def _take(path: Path, trial: dict[str, Any], spans: dict[tuple[int, int], list[Caption]]) -> Take:
    frames = int(trial["frames"])
    description = _described(str(trial["description"] or ""))
    texts = [caption.text for captions in spans.values() for caption in captions]
    action = action_of(description) or action_of(" ".join(texts))
    if description and action_of(description) and frames <= _WHOLE:
        spans = {**spans}
        spans[0, frames] = [*spans.get((0, frames), []), Caption(description, "description")]
    subject = str(trial["id"]).split("_")[0]
    return Take(
        id=f"cmu-mocap/{trial['id']}",
        path=path,
        source="cmu-mocap",
        action=action or "other",
        actor=subject,
        labelled=False,
        rows=(int(trial["start"]), int(trial["start"]) + frames),
        floor_mm=float(trial["floor_mm"]),
        twin=f"{subject} {description.lower()}" if description else "",
        spans=tuple(
            Span(start, end, tuple(captions)) for (start, end), captions in sorted(spans.items())
        ),
    )


def action_of(text: str) -> str | None:
    """Return the label of the table's first match in a description or caption; None without one."""
    return next((action for action, pattern in _ACTIONS if pattern.search(text)), None)


def _spans(rows: list[dict[str, Any]]) -> dict[str, dict[tuple[int, int], list[Caption]]]:
    """Return captions by trial and by the part that they describe."""
    found: dict[str, dict[tuple[int, int], list[Caption]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        text = " ".join(str(row["text"]).split())
        if not row["mirrored"] and text and not _SPAM.search(text):
            part = int(row["start"]), int(row["end"])
            found[row["trial"]][part].append(Caption(text, str(row["source"])))
    return found


def _described(text: str) -> str:
    """Return CMU's line as words: ``RunTurnLeft CleanedGRS`` -> ``run turn left``."""
    text = re.sub(r"\(2 subjects.*?\)|CleanedGRS|\bsubject [AB]\b", " ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text)
    return " ".join(text.split()).strip(" -,.").lower()
