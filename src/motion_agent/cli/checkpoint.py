"""``motion-agent checkpoint``: show, verify, convert and export MotionLLM checkpoints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .console import Json, answer, note, say, say_markdown, width, working, wrapped
from .exports import size_in_words
from .help import HelpfulCommand, HelpfulGroup
from .motions import check_there

if TYPE_CHECKING:
    from ..motion_core.motionllm.checkpoint import Checkpoint

app = typer.Typer(
    cls=HelpfulGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show, verify or convert a MotionLLM checkpoint.",
)

Folder = Annotated[
    Path | None, typer.Argument(metavar="FOLDER", help="By default, the shipped one.")
]


@app.command(cls=HelpfulCommand)
def show(
    folder: Folder = None,
    card: Annotated[bool, typer.Option("--card", help="Show its model card, too.")] = False,
    as_json: Json = False,
) -> None:
    """Show a checkpoint: backbone, sizes, training, files.

    Its files are checked against their digests, as on every load.
    """
    checkpoint = _load(folder)
    facts = describe_checkpoint(checkpoint)
    readme = checkpoint.folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    config = checkpoint.config
    tell_table(
        {
            "checkpoint": f"{config.name}, version {checkpoint.version}",
            "folder": str(checkpoint.folder),
            "backbone": f"{config.backbone}, hidden size {config.width}, {config.vocabulary} words",
            "motion codes": f"{config.codes}, one for 4 frames",
            "adapters": ", ".join(
                f"{name} rank {adapter.rank}" for name, adapter in config.adapters.items()
            ),
            "prompt": config.prompt,
            "sampling": ", ".join(f"{k} {v}" for k, v in facts["config"]["sampling"].items()),
            "trained on": config.data,
            "words known": str(len(config.words)),
            **{f"training {name}": _recipe(how) for name, how in config.training.items()},
        }
    )
    for name, size in facts["files"].items():
        say(f"  {name:24} {size_in_words(size):>8}")
    if card:
        say()
        say_markdown(text.strip() or "it has no model card (README.md)")
    elif text:
        say("--card shows its model card", style="dim")
    answer({**facts, "card": text or None})


@app.command(cls=HelpfulCommand)
def verify(
    folder: Folder = None,
    backbone: Annotated[
        bool, typer.Option("--backbone", help="Also load its backbone and check that it fits.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check that a checkpoint is complete and its parts fit together.

    Reads every tensor: digests, the tokenizer's codebook, the motion rows, both adapters. Exits
    with 3 if a file is damaged.
    """
    checkpoint = _load(folder)
    checked = [f"{len(checkpoint.config.digests)} files match their digests"]
    with working("reading the tensors"):
        checkpoint.tokenizer()
        checkpoint.rows()
        checked.append(f"tokenizer and motion rows have {checkpoint.config.codes} codes")
        for direction, adapter in checkpoint.config.adapters.items():
            _check_rank(checkpoint, direction, adapter.rank)
        checked.append("both adapters have their ranks")
    if backbone:
        with working(f"loading {checkpoint.config.backbone}"):
            from ..motion_core.motionllm.backbone import load_backbone

            model, _ = load_backbone(checkpoint.config.backbone)
            checkpoint.check_backbone(model, checkpoint.config.backbone)
        checked.append(f"the backbone {checkpoint.config.backbone} fits")
    for line in checked:
        say(f"ok  {line}")
    answer({"folder": str(checkpoint.folder), "version": checkpoint.version, "checked": checked})


@app.command(cls=HelpfulCommand)
def convert(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the new checkpoint.")],
    mean: Annotated[Path, typer.Option(metavar="FILE", help="Mean of the features (.npy).")],
    std: Annotated[Path, typer.Option(metavar="FILE", help="Their standard deviation (.npy).")],
    source: Annotated[
        Literal["official", "motiongpt"],
        typer.Option("--from", help="Origin: the paper's authors, or MotionGPT."),
    ] = "official",
    motionllm: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Adapters and rows (motionllm.pth).")
    ] = None,
    vqvae: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Motion tokenizer (vqvae.pth).")
    ] = None,
    motiongpt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="MotionGPT's checkpoint (.tar or .ckpt).")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Folder or Hugging Face name of the language model; by default the authors' own.",
        ),
    ] = None,
    beams: Annotated[
        int, typer.Option(min=1, max=64, help="Beams of MotionLLM's search; 1 samples instead.")
    ] = 2,
    as_json: Json = False,
) -> None:
    """Convert files published by the authors of a paper to a checkpoint.

    Only tensors are read from them; no code in them is run.
    """
    if source == "motiongpt":
        _convert_motiongpt(out, _needed("--motiongpt", motiongpt), mean, std, backbone)
        return
    files = _needed("--motionllm", motionllm), _needed("--vqvae", vqvae)
    for path in (*files, mean, std):
        check_there(path)
    with working("reading the authors' files"):
        from ..motion_core.motionllm.official import BACKBONE, OfficialFiles, convert_official

        name = backbone or BACKBONE
        checkpoint = convert_official(
            OfficialFiles(*files, mean, std), out, backbone=name, beams=beams
        )
    say(f"{out}: version {checkpoint.version}, for {name}")
    note(f'try: motion-agent run "a person walks" --checkpoint {out}')
    answer(describe_checkpoint(checkpoint))


@app.command(cls=HelpfulCommand)
def export(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the model.")],
    form: Annotated[
        Literal["hf", "gguf", "gguf-q8"],
        typer.Option(
            "--to",
            help="For vLLM and transformers, or for llama.cpp and Ollama, in 16 or 8 bits.",
        ),
    ],
    direction: Annotated[
        Literal["t2m", "m2t"], typer.Option(help="Text to motion, or motion to text.")
    ] = "t2m",
    folder: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FOLDER", help="By default, the shipped one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one direction as a language model for other servers.

    The adapter is merged into the backbone, and motion tokens become words of its vocabulary. For
    Ollama there is a Modelfile. `--engine openai-compatible:URL` uses what is served.
    """
    checkpoint = _load(folder)
    with working(f"merging {direction} into {checkpoint.config.backbone}"):
        from ..motion_core.motionllm.serving import export_checkpoint

        files = export_checkpoint(checkpoint, direction, form, out)
    for file in files:
        say(f"{file}  {size_in_words(file.stat().st_size)}")
    answer({"files": [str(file) for file in files], "version": checkpoint.version})


def _convert_motiongpt(
    out: Path, checkpoint: Path, mean: Path, std: Path, backbone: str | None
) -> None:
    for path in (checkpoint, mean, std):
        check_there(path)
    with working("reading the authors' files"):
        from ..motion_core.motiongpt.checkpoint import (
            BACKBONE,
            MotionGPTFiles,
            convert_motiongpt,
        )

        files = MotionGPTFiles(checkpoint, mean, std)
        convert_motiongpt(files, out, backbone=backbone or BACKBONE)
    say(str(out))
    note(f'try: motion-agent run "a person walks" --engine motiongpt:{out}')
    answer({"folder": str(out)})


def _needed(option: str, path: Path | None) -> Path:
    from ..motion_core.errors import InputError

    if path is None:
        raise InputError(f"give {option} FILE; see `motion-agent checkpoint convert --help`")
    return path


def describe_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint as JSON values; its known words are counted, not listed."""
    config = checkpoint.config.to_dict()
    files = {file.name: file.stat().st_size for file in sorted(checkpoint.folder.iterdir())}
    return {
        "folder": str(checkpoint.folder),
        "version": checkpoint.version,
        "config": config | {"words": len(checkpoint.config.words)},
        "files": files,
        "bytes": sum(files.values()),
    }


def tell_table(rows: dict[str, str]) -> None:
    """Print names and values in two columns, wrapping long values."""
    indent = max(map(len, rows)) + 2
    room = max((width() or 100) - indent, 20)
    for name, value in rows.items():
        first, *rest = wrapped(value, room) or [""]
        say(f"{name:{indent}}{first}")
        for line in rest:
            say(" " * indent + line)


def _load(folder: Path | None) -> Checkpoint:
    if folder is not None:
        check_there(folder)
    with working("reading the checkpoint"):
        from ..motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT, load_checkpoint

        return load_checkpoint(folder or DEFAULT_CHECKPOINT)


def _recipe(how: dict[str, Any]) -> str:
    """Return the recipe in one line, without its nested tables."""
    timed = how.get("minutes") is not None  # then the number of steps is not the limit
    return ", ".join(
        f"{name} {value}"
        for name, value in how.items()
        if value is not None and not isinstance(value, dict | list)
        if not (timed and name == "steps")
    )


def _check_rank(checkpoint: Checkpoint, direction: Any, rank: int) -> None:
    from ..motion_core.errors import IntegrityError

    tensors = checkpoint.adapter(direction)
    ranks = {t.shape[0] for name, t in tensors.items() if re.search(r"lora_A", name)}
    if ranks != {rank}:
        raise IntegrityError(
            f"{checkpoint.folder / f'{direction}.safetensors'} has ranks {sorted(ranks)}, expected"
            f" {rank}; get the checkpoint again"
        )
