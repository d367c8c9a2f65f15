"""Which files make up each source, and what their names and descriptions say.

- bandai-namco: ``dataset-{1,2}_{action}_{style}_{take}.bvh`` (Motiondataset 1 and 2)
- hdm05: ``HDM_{actor}_{action}_{take}_120.amc`` (cut clips of the HDM05 database)
- cmu: ``{subject}_{trial}.bvh`` and a CSV of descriptions (CMU motion capture database)
- custom: motion files and a CSV with the columns file, action, style, caption, actor
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .wordings import ACTIONS

LICENCES = {
    "bandai-namco": "Bandai-Namco Research Motiondataset 1 and 2, CC BY-NC 4.0; arXiv:2306.08861",
    "hdm05": "HDM05 Mocap Database (Müller et al., 2007), CC BY-SA 3.0",
    "cmu": "CMU Graphics Lab Motion Capture Database, free use; mocap.cs.cmu.edu, NSF EIA-0196217",
    "custom": "your own",
}

_BANDAI_NAME = re.compile(r"(dataset-[12])_([a-z-]+)_([a-z-]+)_(\d+)\.bvh", re.IGNORECASE)
_BANDAI_ACTIONS = {
    "bow": "bow",
    "bye": "wave goodbye",
    "byebye": "wave goodbye with both hands",
    "call": "call out",
    "dance-long": "dance",
    "dance-short": "dance",
    "dash": "dash",
    "guide": "show the way",
    "kick": "kick",
    "punch": "punch",
    "raise-up-both-hands": "raise both hands",
    "raise-up-left-hand": "raise the left hand",
    "raise-up-right-hand": "raise the right hand",
    "respond": "respond with a raised hand",
    "run": "run",
    "slash": "swing a sword",
    "walk": "walk",
    "walk-back": "walk backward",
    "walk-left": "walk to the left",
    "walk-right": "walk to the right",
    "walk-turn-left": "walk and turn left",
    "walk-turn-right": "walk and turn right",
    "wave-both-hands": "wave both hands",
    "wave-left-hand": "wave the left hand",
    "wave-right-hand": "wave the right hand",
}
_BANDAI_STYLES = {
    "active": "active",
    "angry": "angry",
    "childish": "childish",
    "chimpira": "thuggish",  # Japanese: a young street thug
    "elderly": "old",
    "exhausted": "tired",
    "feminine": "feminine",
    "giant": "giant",
    "happy": "happy",
    "masculine": "masculine",
    "masculinity": "masculine",
    "musical": "musical",
    "normal": None,
    "not-confident": "not confident",
    "old": "old",
    "proud": "proud",
    "sad": "sad",
    "tired": "tired",
    "youthful": "youthful",
}

_HDM_NAME = re.compile(r"HDM_([a-z]{2})_([A-Za-z0-9]+)_(\d+)_120\.amc", re.IGNORECASE)
_HDM_ACTIONS = {
    "depositFloorR": "put something on the floor",
    "elbowToKnee1RepsLelbowStart": "touch the knee with the elbow",
    "grabHighR": "grab something high up",
    "hopBothLegs1hops": "hop",
    "jogLeftCircle4StepsRstart": "jog in a circle to the left",
    "kickLFront1Reps": "kick with the left foot",
    "lieDownFloor": "lie down",
    "rotateArmsBothBackward1Reps": "rotate both arms backward",
    "sneak2StepsLStart": "sneak",
    "squat1Reps": "squat",
    "throwBasketball": "throw a basketball",
}

_CMU_NAME = re.compile(r"0*(\d+)_0*(\d+)\.bvh", re.IGNORECASE)
_CMU_ACTIONS = (  # word in the description, action; the first that fits
    ("dribble", "dribble a basketball"),
    ("dance", "dance"),
    ("swordplay", "swing a sword"),
    ("wash", "wash"),
    ("punch", "punch"),
    ("climb", "climb"),
    ("run", "run"),
    ("jump", "jump"),
    ("bend over", "bend over"),
    ("walk", "walk"),
)
# Long trials of one thing all along: any window of them shows what the description says.
_CMU_HOMOGENEOUS = (
    "walk",
    "walk on uneven terrain",
    "run/jog",
    "punch/strike",
    "swordplay",
    "wash self",
    "basketball - low, fast free style dribble, dribble through legs",
)
# Actions that go on: a long take can be cut anywhere. Others are cropped about their middle.
_CONTINUING = {action for action in ACTIONS if action.startswith(("walk", "run", "dash", "jog"))}
_CONTINUING |= {"dance", "punch", "kick", "swing a sword", "sneak", "wash", "dribble a basketball"}


@dataclass(frozen=True)
class Take:
    """One recorded motion before it is cut.

    Attributes:
        id: unique within all sources, stable: ``bandai-namco/dataset-1_bow_active_001``.
        long: what to do beyond ten seconds: cut in windows, crop the middle, or leave out.
        description: the source's own words, if it has any; they are used as they are.
    """

    id: str
    path: Path
    source: str
    action: str
    style: str | None = None
    actor: str | None = None
    take: str = ""
    description: str | None = None
    long: str = "crop"


def find_takes(source: str, folder: Path) -> list[Take]:
    """All takes of a source in a folder or the folders within, by name.

    Raises:
        InputError: an unknown source, no such folder, or nothing of this source in it.
    """
    if source not in _READERS:
        raise InputError(f"no data source named {source!r}; there are: {', '.join(_READERS)}")
    if not folder.is_dir():
        raise InputError(f"no folder {folder}; give the folder or .tar.xz of {source}")
    takes = sorted(_READERS[source](folder), key=lambda take: take.id)
    if not takes:
        raise InputError(
            f"no files of {source} in {folder}; expected names like {_EXPECTED[source]}"
        )
    seen: set[str] = set()
    for take in takes:
        if take.id in seen:
            raise InputError(f"two files of {folder} are called {take.id}; give each its own name")
        seen.add(take.id)
    return takes


def unknown_files(source: str, folder: Path, takes: list[Take]) -> list[str]:
    """Motion files in the folder whose names the source does not explain."""
    known = {take.path for take in takes}
    suffix = ".amc" if source == "hdm05" else ".bvh"
    if source == "custom":
        return []
    found = (path for path in folder.rglob("*") if path.suffix.lower() == suffix)
    return sorted(path.name for path in found if path not in known)


def _bandai_namco(folder: Path) -> Iterator[Take]:
    for path in folder.rglob("*.bvh"):
        name = _BANDAI_NAME.fullmatch(path.name)
        if name is None or name[2] not in _BANDAI_ACTIONS or name[3] not in _BANDAI_STYLES:
            continue
        action = _BANDAI_ACTIONS[name[2]]
        yield Take(
            id=f"bandai-namco/{path.stem}",
            path=path,
            source="bandai-namco",
            action=action,
            style=_BANDAI_STYLES[name[3]],
            take=f"{name[1]}_{name[4]}",
            long="cut" if action in _CONTINUING else "crop",
        )


def _hdm05(folder: Path) -> Iterator[Take]:
    for path in folder.rglob("*"):
        name = _HDM_NAME.fullmatch(path.name)
        if name is None or name[2] not in _HDM_ACTIONS:
            continue
        action = _HDM_ACTIONS[name[2]]
        yield Take(
            id=f"hdm05/{path.stem}",
            path=path,
            source="hdm05",
            action=action,
            actor=name[1],
            take=name[3],
            long="cut" if action in _CONTINUING else "crop",
        )


def _cmu(folder: Path) -> Iterator[Take]:
    tables = sorted(folder.rglob("cmu_descriptions.csv")) or sorted(folder.rglob("*.csv"))
    if not tables:
        raise InputError(f"no cmu_descriptions.csv in {folder}; it holds the words of the trials")
    described: dict[tuple[int, int], str] = {}
    for row in _rows(tables[0]):
        try:
            trial = int(row["Subject"] or ""), int(row["Trial #"] or "")
        except (KeyError, ValueError):
            continue
        described[trial] = (row.get("Motion Description") or "").strip()
    for path in folder.rglob("*.bvh"):
        name = _CMU_NAME.fullmatch(path.name)
        if name is None:
            continue
        description = described.get((int(name[1]), int(name[2])), "")
        action = next((label for word, label in _CMU_ACTIONS if word in description.lower()), None)
        if not description or action is None:
            continue
        yield Take(
            id=f"cmu/{path.stem}",
            path=path,
            source="cmu",
            action=action,
            actor=name[1],
            take=name[2],
            description=description,
            long="cut" if description.lower() in _CMU_HOMOGENEOUS else "leave out",
        )


def _custom(folder: Path) -> Iterator[Take]:
    tables = sorted(folder.glob("*.csv"))
    if len(tables) != 1:
        raise InputError(
            f"{len(tables)} CSV files in {folder}; expected one with the columns "
            "file, action and optionally style, caption, actor"
        )
    for line, row in _table(tables[0]):
        file, action = row.get("file", ""), row.get("action", "")
        if not file or not action:
            raise InputError(f"line {line} of {tables[0].name} lacks a file or an action")
        path = (folder / file).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise InputError(f"line {line} of {tables[0].name}: {file!r} is outside the folder")
        caption = row.get("caption") or None
        if caption is None and action not in ACTIONS:
            raise InputError(
                f"line {line} of {tables[0].name}: the action {action!r} has no wordings; "
                "give a caption"
            )
        yield Take(
            id=f"custom/{Path(file).with_suffix('').as_posix()}",
            path=path,
            source="custom",
            action=action,
            style=row.get("style") or None,
            actor=row.get("actor") or None,
            take=Path(file).stem,
            description=caption,
            long="cut" if action in _CONTINUING else "crop",
        )


def _table(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and values of each row that is not empty, by lower-case column.

    Columns are divided by commas, or as spreadsheets of some countries do by semicolons or tabs.

    Raises:
        InputError: unreadable, or without the columns file and action.
    """
    try:
        data = path.read_bytes()
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        try:
            text = data.decode("utf-16" if wide else "utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252")  # Excel in Western Europe
        divider = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.reader(text.splitlines(keepends=True), delimiter=divider)
        columns = [name.strip().lower() for name in next(reader, [])]
        if not {"file", "action"} <= set(columns):
            raise InputError(
                f"{path.name} has the columns {', '.join(columns) or 'none'}; "
                "expected file, action and optionally style, caption, actor"
            )
        for cells in reader:
            row = dict(zip(columns, map(str.strip, cells), strict=False))
            if any(row.values()):
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise InputError(f"cannot read the table {path}: {err}") from err


def _rows(path: Path) -> list[dict[str, str | None]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise InputError(f"cannot read the table {path}: {err}") from err


_READERS: dict[str, Callable[[Path], Iterator[Take]]] = {
    "bandai-namco": _bandai_namco,
    "hdm05": _hdm05,
    "cmu": _cmu,
    "custom": _custom,
}
SOURCES = tuple(_READERS)
_EXPECTED = {
    "bandai-namco": "dataset-1_walk_happy_001.bvh",
    "hdm05": "HDM_bd_squat1Reps_001_120.amc",
    "cmu": "002_01.bvh beside cmu_descriptions.csv",
    "custom": "motion files and one CSV that names them",
}
