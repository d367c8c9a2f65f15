"""Commands for whole motions: start over, new, open, name, export."""

from __future__ import annotations

import re

from ...motion_core.choices import EXPORTS
from ...motion_core.timeline import Timeline
from ..conversation import MAX_NAME
from ..task import Task
from .draft import Draft, Row
from .lexicon import ORDINALS, base_of
from .predicates import main_verb
from .references import FILE, in_order, motion_named, referred
from .wording import CannotDo, quoted

_OVER = re.compile(
    r"(?:start (?:all )?(?:over|again|anew|from scratch)|begin (?:again|anew)|"
    r"(?:start|begin) (?:(?:it|this|that)(?: motion)?|the motion) (?:over|anew)|"
    r"(?:do it )?from scratch|reset|"
    r"clear(?: (?:it|all|everything))?|(?:forget|scrap|discard) (?:it|that|all|"
    r"everything)(?: all)?|"
    r"(?:remove|delete|erase) (?:everything|it all|all(?: of it)?|the (?:whole )?motion))"
    r"(?: (?:again|please|completely))?(?:(?:[:,.]+ ?| (?=and |with |then |now ))(?:(?:and|with|"
    r"then|now) )*(?P<rest>.+))?",
    re.IGNORECASE | re.DOTALL,
)
_NEW = re.compile(
    r"(?:(?:(?:make|create|start|begin|generate|give me|do|i want)(?: me)? )?(?:(?:a|another|"
    r"one more) )?"
    r"(?:(?:brand )?new(?:,? separate)?|second|third|another|separate) (?:motion|animation|one)\b"
    r"|new(?=:))"
    r"[ :,.]*(?:(?:of|with|where|in which|that shows|for) )?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_OPEN = re.compile(
    r"(?P<verb>(?:re-?)?open|load|import|read|go (?:back )?to|switch (?:back )?to|return to|"
    r"back to|show(?: me)?|"
    r"play|view|watch|use|take|work on|edit|continue with|pick|select)(?: up)?"
    r" (?P<what>(?:(?:the )?file )?.+?)(?: again| once more)?",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?:(?:call|name|rename|title)(?: (?P<what>(?:the|this|that) (?:\w+ )?(?:motion|one|"
    r"animation)|it|this|that|"
    r"motion \w+))(?: (?:to|as))?|rename (?P<what2>[\w ]{1,60}?) to|"
    r"(?:its|the) name (?:is|should be)|name:) [\"']?(?P<name>.+?)[\"']?",
    re.IGNORECASE,
)
_ALIASES = {
    "video": "mp4", "movie": "mp4", "film": "mp4", "clip": "mp4", "animation": "mp4",
    "picture": "png", "image": "png", "film strip": "png", "filmstrip": "png", "strip": "png",
    "page": "html", "web page": "html", "webpage": "html", "website": "html", "viewer": "html",
    "blender": "bvh", "numpy": "npy", "amass": "amass.npz", "smpl": "amass.npz",
    "spreadsheet": "csv", "table": "csv", "gltf": "glb",
}  # fmt: skip
_KNOWN_FORMATS = (
    "fbx|usd|obj|dae|abc|c3d|avi|mov|webm|mkv|blend|gltf|usdz|smpl|json|txt|jpg|jpeg|pdf|zip|pkl"
)
_FORMATS = sorted(map(re.escape, {*EXPORTS, *_ALIASES}), key=lambda name: (-len(name), name))
_FORMAT = rf"(?:{'|'.join(_FORMATS)}|{_KNOWN_FORMATS})"
_TARGET = re.compile(
    rf"(?P<file>[\w./\\~:-]*[\w-]\.(?:amass\.)?[a-z][a-z0-9]{{1,4}})\b|"
    rf"\.?\b(?P<format>{_FORMAT})\b",
    re.IGNORECASE,
)
_OF_IT = r"(?: of (?:it|this|that|the (?:\w+ )?(?:motion|animation|whole)|them|motion \w+))?"
_EXPORT = re.compile(
    rf"(?:export|save|write|download|store|convert|render|dump|output)\b(?: me)?(?P<what>.*)|"
    rf"(?:(?:give|send|show|get|make|create) (?:me |us )?|i (?:want|need|would like) )"
    rf"(?:(?:it|this|that|the motion) (?:as|in) )?(?:(?:a|an|the) )?(?P<format>(?:{_FORMAT}|file)"
    rf"(?:(?: file)?(?: and |, )(?:an? )?{_FORMAT})*)(?: file| version)?{_OF_IT}",
    re.IGNORECASE,
)
_ALL = re.compile(r" (?:both|all|every)(?: of)?(?: the| my| \w+)? (?:motions?|animations?)\b", re.I)
_IN_MOTION = re.compile(
    rf",? ?\b(?:in|of|from|to|for|on) (?P<name>the (?:{'|'.join(ORDINALS)}|other|"
    r"previous) (?:motion|animation)|"
    r"motion (?:\d+|one|two|three|four|five))\b,? ?",
    re.IGNORECASE,
)


def start_over(bare: str, draft: Draft) -> str | None:
    """Return the text after "start over"; None if the words are something else.

    Raises:
        CannotDo: there is nothing to start over.
    """
    match = _OVER.fullmatch(bare)
    if match is None:
        return None
    if draft.rows:
        draft.empty()
    elif not match["rest"] and not draft.known:
        raise CannotDo("There is nothing to start over yet. Tell me what the person does.")
    return match["rest"] or ""


def new_motion(bare: str, draft: Draft) -> str | None:
    """Return the description in "new motion: …"; None if the words are something else.

    Raises:
        CannotDo: there is no description.
    """
    match = _NEW.fullmatch(bare)
    if match is None:
        return None
    if not re.search(r"\w", match["rest"]):
        raise CannotDo("What does the person do in the new motion?")
    draft.as_new()
    return match["rest"]


def in_motion(bare: str, draft: Draft, task: Task) -> str:
    """Return the command without "in the first motion", having opened that motion."""
    match = _IN_MOTION.search(bare)
    if match is None:
        for timeline in in_order(task):
            name = timeline.name
            if name and not re.fullmatch(r"motion \d+", name):
                match = re.search(
                    rf",? ?\b(?:in|of|from|to|for) (?:the )?(?:motion )?[\"']?"
                    rf"(?P<name>{re.escape(name)})[\"']?(?: motion)?(?!\w),? ?",
                    bare,
                    re.IGNORECASE,
                )
            if match is not None:
                break
    if match is None:
        return bare
    timeline_meant = motion_named(match["name"], task)
    if timeline_meant is None:
        raise _no_such(match["name"], task)
    _open(timeline_meant, draft, task)
    return f"{bare[: match.start()]} {bare[match.end() :]}".strip()


def open_motion(bare: str, draft: Draft, task: Task) -> bool:
    """Execute commands such as "go back to the first motion", "open walk.bvh"."""
    match = _OPEN.fullmatch(bare)
    if match is None:
        return False
    what = match["what"].strip()
    if re.fullmatch(r"it|that|the file|that file", what, re.IGNORECASE):
        if not (task.about_file and task.looked_at) or not re.match(
            r"open|load|import", bare, re.I
        ):
            return False
        what = task.looked_at[-1]["name"]
    timeline = motion_named(what, task)
    if timeline is not None:
        _open(timeline, draft, task)
        return True
    file = FILE.search(what)
    surely = re.match(r"open|reopen|load|import|read", match["verb"], re.IGNORECASE)
    if file is not None and (surely or file[0] == what):
        _open_file(file[0], draft, task)
        return True
    if re.search(r"\bmotions?\b|\banimation\b", what, re.IGNORECASE) and len(what) < MAX_NAME:
        if re.match(
            r"show|play|view|watch|use|take|pick|select|edit", match["verb"], re.IGNORECASE
        ):
            return False
        raise _no_such(what, task)
    suffix = re.search(r"[\w-]+\.([a-z0-9]{2,5})$", what, re.IGNORECASE)
    if surely and (suffix or "/" in what or "\\" in what):
        raise CannotDo(
            f"I cannot read {quoted(what, 60)}. I read .bvh, .npz and .npy files in the workspace,"
            " and .amc files with their .asf beside them."
        )
    return False


def name_motion(bare: str, draft: Draft, task: Task) -> bool:
    """Execute commands such as "call it greeting", "rename motion 1 to greeting"."""
    match = _NAME.fullmatch(bare)
    if match is None:
        return False
    what = (match["what"] or match["what2"] or "it").lower()
    if what not in (
        "it",
        "this",
        "that",
        "this motion",
        "the motion",
        "that motion",
        "the current motion",
    ):
        timeline = motion_named(what, task)
        if timeline is None:
            if match["what2"]:
                return False
            raise _no_such(what, task)
        _open(timeline, draft, task)
    if not (draft.rows or draft.known or draft.opened):
        raise CannotDo("There is no motion yet to name. Tell me what a person does first.")
    name = match["name"].strip(" \"'.,!")
    if not re.search(r"\w", name) or len(name) > MAX_NAME:
        raise CannotDo(f"A name has 1 to {MAX_NAME} characters. What shall I call it?")
    draft.name = name
    return True


def export_motion(bare: str, draft: Draft, task: Task) -> bool:
    """Execute commands such as "export it as bvh", "save this as bow.glb", "give me a video"."""
    match = _EXPORT.fullmatch(bare)
    if match is None:
        return False
    rest = match["format"] or match["what"] or ""
    if len(in_order(task)) > 1 and _ALL.match(rest):
        raise CannotDo("I export one motion at a time: name one, such as “export motion 1 as bvh”.")
    if match["what"]:
        rest = re.sub(
            r"^ (?:it|this|that|them|everything|both|the (?:\w+ )?(?:motion|animation|result))\b",
            "",
            rest,
        )
        of = re.match(
            r" (?P<name>motion \w+|[\"']?[\w -]{1,60}?[\"']?)(?= (?:as|to|in|into)\b|$)", rest
        )
        other = motion_named(of["name"], task) if of else None
        if of and other is not None:
            _open(other, draft, task)
            rest = rest[of.end() :]
    part = re.match(r" (?P<ref>the (?:\w+ )?\w+|s\d+)(?= (?:as|to|in|into)\b|$)", rest)
    if part and draft.rows and 0 < len(referred(part["ref"], draft)) < len(draft.rows):
        raise CannotDo(
            "I can only export a whole motion. Remove the rest first, or say “export it as bvh”."
        )
    targets = [(t["file"], t["format"]) for t in _TARGET.finditer(rest)]
    verb = bare.split()[0].lower()
    if not targets:
        if verb == "render":
            targets = [("", "mp4")]
        elif re.search(r"\w", re.sub(r"\b(?:as|to|a|an|the|file|please|disk|now)\b", "", rest)):
            if verb == "export" or re.match(r" (?:as|to|in) ", rest):
                raise CannotDo(f"In which format? {known_formats()}")
            return False
        else:
            raise CannotDo(f"In which format? {known_formats()}")
    unsure = verb in ("write", "store", "dump", "output", "convert", "download", "save")
    if (
        unsure
        and match["what"]
        and not re.search(r"\b(?:as|to|in|into|under)\b|^ \S*\.?\w+$", match["what"])
    ):
        return False
    if not (draft.rows or draft.sealed):
        raise CannotDo("There is no motion yet to export. Tell me what a person does first.")
    for file, word in targets:
        draft.exports.append(file or f"{_stem(draft)}.{_suffix(word)}")
        if file:
            _suffix(file.rpartition(".")[2], file)
    return True


def known_formats() -> str:
    """Return the known formats as a sentence."""
    return f"I can write {', '.join(EXPORTS)}; say for example “export it as bvh”."


def _suffix(word: str, file: str = "") -> str:
    suffix = _ALIASES.get(word.lower(), word.lower())
    if suffix not in EXPORTS:
        raise CannotDo(f"I cannot write {file or word}. {known_formats()}")
    return suffix


def _stem(draft: Draft) -> str:
    name = draft.name or draft.known
    if not name and draft.rows:
        word, _ = main_verb(draft.rows[0].description)
        name = base_of(word or "") or "motion"
    return re.sub(r"[^\w]+", "-", (name or "motion").lower()).strip("-")[:40] or "motion"


def _open(timeline: Timeline, draft: Draft, task: Task) -> None:
    if timeline.name == (draft.opened or draft.known) and not draft.fresh:
        return  # already the current one
    _only_first(draft)
    draft.become(Draft.of(timeline))
    draft.opened = timeline.name if timeline is not task.timeline else ""


def _open_file(file: str, draft: Draft, task: Task) -> None:
    _only_first(draft)
    draft.become(Draft(opened=file, known=file.rpartition(".")[0] or file))
    if file.lower().endswith((".bvh", ".npy", ".amc")):
        draft.rows = [Row(file, source="s1", foreign=True)]
        draft.remember()
    else:
        draft.sealed = True


def _only_first(draft: Draft) -> None:
    if draft.steps() or draft.new_placement:
        raise CannotDo("One thing after the other, please: a plan of mine changes one motion.")


def _no_such(what: str, task: Task) -> CannotDo:
    motions = in_order(task)
    if not motions:
        return CannotDo("There is no motion yet. Tell me what a person does first.")
    there = ", ".join(motion.name for motion in motions)
    return CannotDo(f"I do not know the motion {quoted(what, 60)}. There are: {there}.")
