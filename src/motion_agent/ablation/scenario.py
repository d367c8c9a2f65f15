"""The suite: conversations, with checks that a program can make after every turn.

A file ``suite/<family>.yaml`` holds one family:

    family: edit
    about: every operation on an existing motion
    scenarios:
      - id: edit-append
        given: [[a person walks forward, a person bows]]     # initial motions, by turns
        files: {clip.npz: a person jumps}                    # motion files in the workspace
        turns:
          - say: add a jump at the end
            expect: {timeline: [keep s1, keep s2, new jump|hop], motions: 1}

`Expect` lists the possible checks; words are sets such as ``walk|stroll``, and ``$walk`` is one
from ``words.yaml``. No scenario has a single right answer: many plans pass.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..agent_graph.plan import Tool
from ..motion_core.errors import InputError
from ..motion_core.yaml_file import read_yaml

SUITE = Path(__file__).parent / "suite"
SENSE_SUITE = Path(__file__).parent / "sense_suite"
_WORDS_FILE = "words.yaml"
_ITEM = re.compile(r"(keep) (s[1-9]\d*)|(change) (s[1-9]\d*)(?: (.+))?|(new) (.+)")

PersonNumber = Literal[1, 2]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _range(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("give a number or [least, most]")
    return (value, value) if isinstance(value, int) else value


def _by_person(value: Any) -> Any:
    return {1: value} if isinstance(value, list) else value


Range = Annotated[tuple[int, int], BeforeValidator(_range)]


class Item(_Part):
    """One item of an expected timeline.

    Attributes:
        kind: ``keep`` (the segment stays, tokens bit for bit), ``change`` (a new version of it) or
            ``new``.
        segment: its id; empty for a new one.
        words: what its description must contain; empty for anything.
    """

    kind: Literal["keep", "change", "new"]
    segment: str = ""
    words: str = ""


def _item(value: Any) -> Any:
    match = _ITEM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is none of 'keep s1', 'change s1 [words]', 'new words'")
    keep, kept, change, changed, changed_words, _, new_words = match.groups()
    if keep:
        return {"kind": "keep", "segment": kept}
    if change:
        return {"kind": "change", "segment": changed, "words": changed_words or ""}
    return {"kind": "new", "words": new_words}


class Place(_Part):
    """Where the second person stands: the turn in degrees, the distance in metres."""

    theta: float | None = None
    apart: float | None = None


class Expect(_Part):
    """The checks after a turn. Only those given are made.

    Attributes:
        tools: all of which must be used.
        steps: minimum and maximum number of generated segments.
        actions: in the descriptions, in this order.
        shows: in the descriptions, anywhere.
        people: the same for each person.
        nothing_else: every generated segment shows one of the actions, or one of these words.
        without: words that no description may have.
        seconds: requested seconds of the segments with these words (``all``: of all together).
        times: repetitions: a number in the description, or as many segments.
        placement: of the second person.
        timeline: the whole current motion afterwards, by person.
        unchanged: no motion changed.
        no_motion: nothing was generated and no motion changed.
        motions: number of motions in the conversation.
        current: name of the current one.
        exports: suffixes of written files, each a set of words.
        says: words that the answer must have.
        says_not: text that the answer must not have.
    """

    tools: tuple[Tool, ...] = ()
    steps: Range | None = None
    actions: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    people: dict[PersonNumber, tuple[str, ...]] = Field(default_factory=dict)
    nothing_else: bool | tuple[str, ...] = False
    without: tuple[str, ...] = ()
    seconds: dict[str, float] = Field(default_factory=dict)
    times: dict[str, int] = Field(default_factory=dict)
    placement: Place | None = None
    timeline: Annotated[
        dict[PersonNumber, tuple[Annotated[Item, BeforeValidator(_item)], ...]] | None,
        BeforeValidator(_by_person),
    ] = None
    unchanged: bool = False
    no_motion: bool = False
    motions: int | None = None
    current: str | None = None
    exports: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    says_not: tuple[str, ...] = ()


class Turn(_Part):
    """The person's words, and the checks afterwards."""

    say: str = Field(min_length=1)
    expect: Expect
    judge: str = ""


class TwoPeople(BaseModel):
    """A motion of two people that exists before the conversation starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: tuple[str, ...] = Field(alias="1")
    second: tuple[str, ...] = Field(alias="2")
    placement: tuple[float, float, float]


def _read_earlier(value: Any) -> Any:
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else value


EarlierTurn = Annotated[TwoPeople | tuple[str, ...], BeforeValidator(_read_earlier)]


class Scenario(_Part):
    """One conversation of the suite.

    Attributes:
        id: unique in the suite.
        family: the file's.
        source: its origin, if not our own.
        given: earlier turns: descriptions make a motion, ``keep s1`` among them edits the current
            one, ``undo`` alone undoes.
        files: motion files in the workspace and what they show.
        turns: the requests and their checks.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    family: str
    source: str = ""
    given: tuple[EarlierTurn, ...] = ()
    files: dict[str, str] = Field(default_factory=dict)
    turns: tuple[Turn, ...] = Field(min_length=1)


class _Family(_Part):
    family: str = Field(pattern=r"^[a-z_]+$")
    about: str
    scenarios: tuple[Scenario, ...] = Field(min_length=1)


class Suite(tuple[Scenario, ...]):
    """The scenarios, with a digest of their whole content."""

    digest: str
    about: dict[str, str]

    def __new__(cls, scenarios: Iterable[Scenario], about: Mapping[str, str]) -> Suite:
        """Create a suite of scenarios in order; `about` describes each family in a sentence."""
        suite = super().__new__(cls, scenarios)
        text = "\n".join(scenario.model_dump_json() for scenario in suite)
        suite.digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        suite.about = dict(about)
        return suite

    def choose(
        self, *, families: Sequence[str] = (), ids: Sequence[str] = (), first: int | None = None
    ) -> Suite:
        """Return a subset: these families, these ids, the first few of each family.

        Raises:
            InputError: unknown family or id.
        """
        _check_known("family", families, [s.family for s in self])
        _check_known("scenario", ids, [s.id for s in self])
        seen: dict[str, int] = {}
        chosen = []
        for scenario in self:
            if (families and scenario.family not in families) or (ids and scenario.id not in ids):
                continue
            seen[scenario.family] = seen.get(scenario.family, 0) + 1
            if first is None or seen[scenario.family] <= first:
                chosen.append(scenario)
        return Suite(chosen, self.about)


def load_suite(folder: Path | str = SUITE) -> Suite:
    """Load all scenarios of the folder's YAML files, in the order of their names.

    Raises:
        InputError: a file cannot be read or a scenario is invalid; the message names file, scenario
            and field.
    """
    return _load(Path(folder))


@cache
def _load(folder: Path) -> Suite:
    paths = sorted(path for path in folder.glob("*.yaml") if path.name != _WORDS_FILE)
    if not paths:
        raise InputError(f"there are no *.yaml scenarios in {folder}")
    words = read_yaml(folder / _WORDS_FILE) if (folder / _WORDS_FILE).is_file() else {}
    scenarios: list[Scenario] = []
    about: dict[str, str] = {}
    for path in paths:
        family = _family(path, words)
        scenarios += family.scenarios
        about[family.family] = family.about
    ids = [scenario.id for scenario in scenarios]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise InputError(f"{folder}: two scenarios have the id {twice[0]!r}; give each its own")
    return Suite(scenarios, about)


def _family(path: Path, words: Mapping[str, str]) -> _Family:
    value = _expanded(read_yaml(path), words, path)
    if isinstance(value, dict) and isinstance(value.get("scenarios"), list):
        for scenario in value["scenarios"]:
            if isinstance(scenario, dict):
                scenario["family"] = value.get("family")
    try:
        return _Family.model_validate(value)
    except ValidationError as err:
        problem = err.errors()[0]
        raise InputError(f"{path.name}: {_in_words(problem, value)}") from err


def _in_words(problem: Mapping[str, Any], value: Any) -> str:
    place = list(problem["loc"])
    where = ""
    if len(place) > 1 and place[0] == "scenarios":
        entry = value["scenarios"][int(place[1])]
        name = entry.get("id") if isinstance(entry, dict) else None
        where = f"scenario {name or int(place[1]) + 1}: "
        place = place[2:]
    field = ".".join(str(part) for part in place if not str(part).startswith("function-"))
    hint = f" (given: {str(problem.get('input'))[:60]!r})"
    return f"{where}{field}: {problem['msg']}{hint}"


def _expanded(value: Any, words: Mapping[str, str], path: Path) -> Any:
    """Return the value with every ``$name`` replaced by the set of that name."""

    def replace(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise InputError(f"{path.name}: there is no set of words ${match[1]} in {_WORDS_FILE}")
        return words[match[1]]

    if isinstance(value, str):
        return re.sub(r"\$([a-z_]+)", replace, value)
    if isinstance(value, list):
        return [_expanded(part, words, path) for part in value]
    if isinstance(value, dict):
        return {_expanded(k, words, path): _expanded(v, words, path) for k, v in value.items()}
    return value


def _check_known(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        there = ", ".join(dict.fromkeys(known))
        raise InputError(f"there is no {kind} {unknown[0]!r} in the suite; there are: {there}")
