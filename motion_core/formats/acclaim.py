"""ASF/AMC (Acclaim skeleton and motion, as CMU and HDM05 publish them): reading.

A bone's rotation is ``C M C⁻¹``: `M` turns about the bone's own axes, which its ASF entry
gives as the rotation `C`; `M` and `C` turn first about the first axis of the entry's order.
Directions are told in the rest pose's world frame, and a bone's joint is where the bone ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..motion import MAX_FRAMES
from .kinematics import turn
from .recording import Recording

Array = NDArray[np.float64]

ROOT = "root"
_MAX_BONES = 2000
_DOF = {"rx", "ry", "rz"}


@dataclass(frozen=True)
class Bone:
    """One bone; the root is one of no length.

    Attributes:
        offset: from its start to its end in the rest pose, ``(3,)``.
        angles: of its own axes against the world's, ``(3,)``, degrees or radians as the file.
        order: the axes in the order in which they turn: ``"xyz"``.
        dof: what a frame tells of it: ``("rx", "rz")``.
    """

    offset: Array
    angles: Array
    order: str
    dof: tuple[str, ...]


@dataclass(frozen=True)
class Skeleton:
    """An ASF file.

    Attributes:
        bones: by name, parents first.
        parents: index of each bone's parent, -1 for the root.
        start: of the root, ``(3,)``.
        degrees: whether its angles are degrees.
    """

    bones: Mapping[str, Bone]
    parents: tuple[int, ...]
    start: Array
    degrees: bool

    def recording(
        self, frames: Mapping[str, Array], fps: float, *, degrees: bool, notes: tuple[str, ...] = ()
    ) -> Recording:
        """Return each bone's motion; a bone is named after the joint at its end.

        Args:
            frames: per bone ``(T, len(dof))``.
            fps: frames per second.
            degrees: whether the angles in `frames` are degrees.
            notes: what was odd about the files.
        """
        names = list(self.bones)
        count = max((len(values) for values in frames.values()), default=0)

        def local(joint: int, part: slice) -> tuple[Array, Array]:
            name, bone = names[joint], self.bones[names[joint]]
            values = dict(zip(bone.dof, _values(name, bone, frames)[part].T, strict=True))
            radians = {
                axis: np.radians(values[f"r{axis}"]) if degrees else values[f"r{axis}"]
                for axis in bone.order
                if f"r{axis}" in values
            }
            own = np.radians(bone.angles) if self.degrees else bone.angles
            axes = _rotation(dict(zip(bone.order, own, strict=True)), bone.order)
            turns = axes @ _rotation(radians, bone.order) @ axes.T
            if turns.ndim == 2:
                turns = np.broadcast_to(turns, (len(range(count)[part]), 3, 3))
            if self.parents[joint] < 0:
                step = np.stack([values["tx"], values["ty"], values["tz"]], axis=-1)
                return self.start + step, turns
            return turns @ bone.offset, turns

        rest = np.stack([bone.offset for bone in self.bones.values()])
        for joint, parent in enumerate(self.parents):
            rest[joint] += rest[parent] if parent >= 0 else self.start
        return Recording(
            names=tuple(names),
            parents=self.parents,
            local=local,
            frames=count,
            fps=fps,
            rest=rest,
            notes=notes,
        )


def parse_asf(text: str) -> Skeleton:
    """Return the skeleton in an ASF file's text.

    Raises:
        FormatError: not ASF, or truncated, or its parts do not agree.
    """
    sections = _sections(text)
    for title in ("root", "bonedata", "hierarchy"):
        if title not in sections:
            raise FormatError(f"is not ASF, or truncated: it has no :{title} section")
    units = {words[0]: words[1:] for words in sections.get("units", [])}
    root = {words[0].lower(): words[1:] for words in sections["root"]}
    bones = {
        ROOT: Bone(
            offset=np.zeros(3),
            angles=_vector(root.get("orientation", ["0", "0", "0"]), "the root's orientation"),
            order=_order(root.get("axis", ["XYZ"])[-1], ROOT),
            dof=tuple(word.lower() for word in root.get("order", ())),
        )
    }
    if not {"tx", "ty", "tz"}.issubset(bones[ROOT].dof):
        raise FormatError("is damaged: the root's order does not name TX TY TZ")
    for entry in _entries(sections["bonedata"]):
        name, bone = _bone(entry)
        bones[name] = bone
        if len(bones) > _MAX_BONES:
            raise FormatError(f"has more than {_MAX_BONES} bones; not a person")
    ordered, parents = _parents_first(bones, sections["hierarchy"])
    return Skeleton(
        bones={name: bones[name] for name in ordered},
        parents=parents,
        start=_vector(root.get("position", ["0", "0", "0"]), "the root's position"),
        degrees=not "".join(units.get("angle", ["deg"])).startswith("rad"),
    )


def parse_amc(text: str) -> tuple[dict[str, Array], bool]:
    """Return the values ``(T, n)`` of each bone, and whether they are degrees.

    Raises:
        FormatError: it is not AMC, is truncated, or has values that are not numbers.
    """
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    start = next((at for at, line in enumerate(lines) if line.isdecimal()), None)
    if start is None:
        raise FormatError("is not AMC: it has no numbered frames")
    degrees = ":RADIANS" not in " ".join(lines[:start]).upper().split()
    body = [line for line in lines[start:] if line]
    number = int(body[0])
    numbers = (at for at, line in enumerate(body[1:], start=1) if line == str(number + 1))
    height = next(numbers, len(body))  # lines per frame
    count, rest = divmod(len(body), height)
    if rest or height < 2:
        raise FormatError(f"is truncated: its last frame, {number + count}, is incomplete")
    if count > MAX_FRAMES:
        raise FormatError(f"has {count} frames; the limit is {MAX_FRAMES}")
    if body[::height] != [str(number + at) for at in range(count)]:
        raise FormatError("is damaged: its frames are not numbered one after the other")
    return dict(_bone_values(body[at::height]) for at in range(1, height)), degrees


def find_asf(amc: Path) -> Path:
    """Return the ASF file that an AMC file belongs to, beside it.

    That is the one whose name the AMC's begins with (``02.asf`` for ``02_01.amc``, ``HDM_bd.asf``
    for ``HDM_bd_squat_001_120.amc``), or the only one there.

    Raises:
        FormatError: there is none, or several and no name fits.
    """
    beside = sorted(path for path in amc.parent.iterdir() if path.suffix.lower() == ".asf")
    fitting = [
        path
        for path in beside
        if re.match(rf"{re.escape(path.stem)}(?![a-z0-9])", amc.stem, re.IGNORECASE)
    ]
    if fitting:
        return max(fitting, key=lambda path: len(path.stem))
    if len(beside) == 1:
        return beside[0]
    found = ", ".join(path.name for path in beside[:10]) or "none"
    raise FormatError(
        f"needs its skeleton, an .asf file beside it whose name begins like {amc.name} "
        f"({amc.stem}.asf); there: {found}"
    )


def _values(name: str, bone: Bone, frames: Mapping[str, Array]) -> Array:
    if not bone.dof:
        return np.zeros((1, 0))
    if name not in frames:
        raise FormatError(f"has no values for the bone {name}; is the .asf file another person's?")
    if frames[name].shape[1] != len(bone.dof):
        raise FormatError(
            f"has {frames[name].shape[1]} values for the bone {name}, its .asf file "
            f"{len(bone.dof)} ({' '.join(bone.dof)})"
        )
    return frames[name]


def _rotation(radians: Mapping[str, Array], order: str) -> Array:
    """Return rotations that apply the first axis of `order` first: the last one's matrix is
    leftmost.
    """
    rotation: Array = np.eye(3)
    for axis in reversed(order):
        if axis in radians:
            rotation = turn(rotation, "xyz".index(axis), np.asarray(radians[axis]))
    return rotation


def _bone_values(lines: Sequence[str]) -> tuple[str, Array]:
    """Return one bone's name and values ``(T, n)`` from its line in every frame."""
    name = lines[0].split()[0]
    count = len(lines[0].split()) - 1
    words = " ".join(lines).split()
    if len(words) != len(lines) * (count + 1) or set(words[:: count + 1]) != {name}:
        raise FormatError(f"is damaged or truncated: not every frame has the bone {name} alike")
    del words[:: count + 1]
    try:
        values = np.array(words, dtype=np.float64).reshape(len(lines), count)
    except ValueError as error:
        raise FormatError(f"holds values of {name} that are not numbers: {error}") from error
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if bad.size:
        raise FormatError(f"holds NaN or infinity for {name} in frame {bad[0] + 1}")
    return name, values


def _sections(text: str) -> dict[str, list[list[str]]]:
    """Return lines split into words, by the ``:title`` above them."""
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            lines.append(words)
    return sections


def _entries(lines: Sequence[list[str]]) -> list[dict[str, list[str]]]:
    """Return what stands between ``begin`` and ``end``, as keyword → words."""
    entries: list[dict[str, list[str]]] = []
    inside = False
    for words in lines:
        if words == ["begin"]:
            entries.append({})
        elif words != ["end"] and inside:
            entries[-1].setdefault(words[0].lower(), words[1:])
        inside = words == ["begin"] or (inside and words != ["end"])
    if inside:
        raise FormatError("is truncated: its last bone has no 'end'")
    return entries


def _bone(entry: Mapping[str, list[str]]) -> tuple[str, Bone]:
    name = " ".join(entry.get("name", [])) or "without a name"
    for word in ("direction", "length", "axis"):
        if word not in entry:
            raise FormatError(f"is damaged: the bone {name} has no {word}")
    dof = tuple(word.lower() for word in entry.get("dof", ()))
    if not _DOF.issuperset(dof):
        raise FormatError(f"has the bone {name} with dof {' '.join(dof)}; only rx ry rz are known")
    direction = _vector(entry["direction"], f"the direction of {name}")
    norm = float(np.linalg.norm(direction))
    length = float(_vector(entry["length"], f"the length of {name}", size=1)[0])
    return name, Bone(
        offset=direction * (length / norm if norm else 0.0),
        angles=_vector(entry["axis"][:3], f"the axis of {name}"),
        order=_order(entry["axis"][-1], name),
        dof=dof,
    )


def _parents_first(
    bones: Mapping[str, Bone], lines: Sequence[list[str]]
) -> tuple[list[str], tuple[int, ...]]:
    """Return names of bones, root first, and the index of each one's parent."""
    children = {words[0]: words[1:] for words in lines if words not in (["begin"], ["end"])}
    ordered, parents = [ROOT], [-1]
    for at, name in enumerate(ordered):  # grows while it is walked
        for child in children.get(name, ()):
            if child not in bones or child in ordered:
                raise FormatError(f"is damaged: its hierarchy places {child} wrongly under {name}")
            ordered.append(child)
            parents.append(at)
    return ordered, tuple(parents)


def _order(word: str, name: str) -> str:
    if sorted(word.lower()) != ["x", "y", "z"]:
        raise FormatError(f"is damaged: {word!r} is no order of the axes of {name}")
    return word.lower()


def _vector(words: Sequence[str], what: str, *, size: int = 3) -> Array:
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError as error:
        raise FormatError(f"is damaged: {what} is {' '.join(words)[:60]!r}") from error
    if values.shape != (size,) or not np.isfinite(values).all():
        raise FormatError(f"is damaged: {what} is {' '.join(words)[:60]!r}")
    return values
