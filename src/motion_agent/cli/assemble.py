"""``motion-agent train assemble``: trained parts become one checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..motion_core.choices import PREPARED
from .console import say
from .prepared import Data, load_dataset, settings_of

if TYPE_CHECKING:
    from ..motion_core.datasets import Clip

Part = Annotated[Path, typer.Option(metavar="FOLDER", help="Its training, or a checkpoint.")]


def assemble(
    data: Data = PREPARED,
    tokenizer: Part = Path("runs/tokenizer"),
    t2m: Part = Path("runs/t2m"),
    m2t: Part = Path("runs/m2t"),
    matching: Annotated[
        Path | None,
        typer.Option(
            "--matching", metavar="FOLDER", help="Trained matching network, for evaluation."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The checkpoint.")] = Path(
        "runs/checkpoint"
    ),
    takes: Annotated[
        int | None, typer.Option(min=1, help="Takes drawn for a description; the best is kept.")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(min=1, max=20, help="Guidance by the empty description; 1 for none."),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.01, help="Temperature of sampling.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            "--top-p", min=0.01, max=1, help="Probability mass of the tokens to sample from."
        ),
    ] = None,
    min_tokens: Annotated[
        int | None, typer.Option("--min-tokens", min=1, help="Shortest motion; 5 tokens a second.")
    ] = None,
    end_penalty: Annotated[
        float | None,
        typer.Option(
            "--end-penalty", min=0, max=20, help="Subtracted from the logit of a motion's end."
        ),
    ] = None,
    neighbours: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.99,
            help="Weight of what comes next in similar training clips; 0 for none.",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", min=1, help="Longest motion without --seconds."),
    ] = None,
) -> None:
    """Assemble trained parts into one checkpoint.

    A part may also come from another checkpoint: give its folder.
    """
    dataset = load_dataset(data)
    from ..motion_core.datasets.licences import terms_of
    from ..motion_core.evaluation.pairs import pairs_of
    from ..motion_core.motionllm import TrainingClip, assemble_checkpoint
    from ..motion_core.motionllm.sampling import Sampling

    clips = dataset.split("train")
    sources = tuple(sorted({clip.source for clip in clips}))
    caption_sources = tuple(sorted({c.source for clip in clips for c in clip.captions}))
    held_out = [
        pair.caption.text
        for pair in pairs_of(dataset, dataset.split("validation"))
        if pair.kind == "people"
    ]
    checkpoint = assemble_checkpoint(
        tokenizer,
        t2m,
        m2t,
        out,
        matching=matching,
        clips=[TrainingClip(clip.texts, _sentences(clip), dataset.features(clip)) for clip in clips]
        if neighbours
        else (),
        captions=[text for clip in clips for text in clip.texts],
        held_out=held_out,
        data=", ".join(sources),
        caption_sources=caption_sources,
        sampling=Sampling(
            **settings_of(takes=takes, guidance=guidance, temperature=temperature, top_p=top_p),
            **settings_of(min_tokens=min_tokens, max_tokens=max_tokens, end_penalty=end_penalty),
            **settings_of(neighbours=neighbours),
        ),
    )
    size = sum(path.stat().st_size for path in checkpoint.folder.iterdir())
    say(f"{checkpoint.folder}: {size / 1e6:.1f} MB, version {checkpoint.version}")
    say(f"trained on {checkpoint.config.data}: {terms_of(sources, caption_sources)}")
    if held_out:
        known = checkpoint.known()
        doubted = sum(bool(known.coverage(text).unknown) for text in held_out)
        say(f"coverage: it has doubts about {doubted} of {len(held_out)} held-out captions")


def _sentences(clip: Clip) -> list[str]:
    """Return all captions but the motion source's own terse description."""
    return [caption.text for caption in clip.captions if caption.source != "description"]
