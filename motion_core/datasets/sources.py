"""The files of each source, and the meaning of their names and descriptions.

- bandai-namco: ``dataset-{1,2}_{action}_{style}_{take}.bvh`` (Motiondataset 1 and 2)
- hdm05: ``HDM_{actor}_{action}_{take}_120.amc`` (cut clips of the HDM05 database)
- cmu: ``{subject}_{trial}.bvh`` and a CSV of descriptions (CMU motion capture database)
- cmu-mocap: joints of 2,399 trials of the same database with human captions: `cmu_mocap`
- deepmimic, mesh2motion, kaykit: packs of single clips: `packs`
- custom: motion files and a CSV with the columns file, action, style, caption, actor, start, end
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ..choices import Source
from ..errors import InputError
from .cmu_mocap import find_cmu_mocap
from .custom import find_custom, read_table
from .packs import Pack, find_clips
from .prepared import Caption
from .takes import CONTINUING, Take

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
_CMU_ACTIONS = (  # word in the description, action; the first match wins
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
# Long trials of one continuous action: any window shows what the description says.
_CMU_HOMOGENEOUS = (
    "walk",
    "walk on uneven terrain",
    "run/jog",
    "punch/strike",
    "swordplay",
    "wash self",
    "basketball - low, fast free style dribble, dribble through legs",
)


def find_takes(source: str, folder: Path) -> list[Take]:
    """Return all takes of a source in a folder or the folders within, by name.

    Raises:
        InputError: unknown source, no such folder, or none of the source's files in it.
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
    """Return motion files in the folder whose names the source does not understand."""
    known = {take.path for take in takes}
    suffix = {"hdm05": ".amc", "bandai-namco": ".bvh", "cmu": ".bvh"}.get(source)
    if suffix is None:
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
            long="cut" if action in CONTINUING else "crop",
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
            long="cut" if action in CONTINUING else "crop",
        )


def _cmu(folder: Path) -> Iterator[Take]:
    tables = sorted(folder.rglob("cmu_descriptions.csv")) or sorted(folder.rglob("*.csv"))
    if not tables:
        raise InputError(f"no cmu_descriptions.csv in {folder}; it has the trials' descriptions")
    described: dict[tuple[int, int], str] = {}
    for row in read_table(tables[0]):
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
            captions=(Caption(description, "description"),),
            long="cut" if description.lower() in _CMU_HOMOGENEOUS else "leave out",
        )


def _pack(name: Pack) -> Callable[[Path], Iterator[Take]]:
    """Return a reader of one pack; its files are in one folder."""

    def find(folder: Path) -> Iterator[Take]:
        pattern = "humanoid3d*.txt" if name == "deepmimic" else "*.glb"
        home = next((path.parent for path in sorted(folder.rglob(pattern))), folder)
        for clip in find_clips(name, home):
            yield Take(
                id=clip.name,
                path=home,
                source=name,
                action=clip.action,
                captions=tuple(Caption(text, "labels") for text in clip.captions),
                labelled=False,
                clip=clip,
            )

    return find


_READERS: dict[Source, Callable[[Path], Iterator[Take]]] = {
    "bandai-namco": _bandai_namco,
    "hdm05": _hdm05,
    "cmu": _cmu,
    "cmu-mocap": find_cmu_mocap,
    "deepmimic": _pack("deepmimic"),
    "mesh2motion": _pack("mesh2motion"),
    "kaykit": _pack("kaykit"),
    "custom": find_custom,
}
SOURCES: tuple[str, ...] = tuple(_READERS)
_EXPECTED = {
    "bandai-namco": "dataset-1_walk_happy_001.bvh",
    "hdm05": "HDM_bd_squat1Reps_001_120.amc",
    "cmu": "002_01.bvh beside cmu_descriptions.csv",
    "cmu-mocap": "joints_delta_i16.npy beside trials.json and captions.json",
    "deepmimic": "humanoid3d_walk.txt",
    "mesh2motion": "m2m-base-20250810.glb",
    "kaykit": "Med_General.glb",
    "custom": "motion files and one CSV that names them",
}
