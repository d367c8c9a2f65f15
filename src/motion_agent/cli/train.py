"""``motion-agent train``: tokenizer, MotionLLM's two adapters, the matching network.

Each writes its state, log and curves into its folder under ``runs/``; Ctrl-C saves, and the same
command continues.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..motion_core.choices import PREPARED
from .assemble import assemble
from .console import Json, answer, note, say, say_markdown
from .help import HelpfulCommand, HelpfulGroup
from .prepared import Data, Threads, load_dataset, settings_of

if TYPE_CHECKING:
    from ..motion_core.choices import Split
    from ..motion_core.motionllm import Direction

app = typer.Typer(
    cls=HelpfulGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Train on a prepared data set.\n\nThe same command continues a stopped training.",
)

Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for state and result.")]
Trained = Annotated[Path, typer.Option(metavar="FOLDER", help="Trained tokenizer.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")]
Batch = Annotated[int | None, typer.Option(min=1, help="Samples a step.")]
LearningRate = Annotated[float | None, typer.Option("--lr", min=0, help="Peak learning rate.")]
Seed = Annotated[int, typer.Option(help="Seed for weights and samples.")]
_NO_LIMIT = 1_000_000  # steps, if the clock decides


@app.command(cls=HelpfulCommand)
def tokenizer(
    data: Data = PREPARED,
    out: Out = Path("runs/tokenizer"),
    steps: Steps = None,
    batch: Batch = None,
    lr: LearningRate = None,
    window: Annotated[int | None, typer.Option(min=8, help="Frames a sample.")] = None,
    width: Annotated[int | None, typer.Option(min=8, help="Channels of the network.")] = None,
    code_dim: Annotated[int | None, typer.Option(min=1, help="Dimensions of a code.")] = None,
    codes: Annotated[int | None, typer.Option(min=2, help="Size of the codebook.")] = None,
    refine: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Trained tokenizer; only its decoder keeps training."),
    ] = None,
    seed: Seed = 0,
    threads: Threads = 0,
) -> None:
    """Train the VQ-VAE that turns motion into tokens and back.

    With --refine every motion keeps its tokens, so that adapters trained on them still fit.
    """
    dataset = load_dataset(data, threads)
    from ..motion_core.tokenizer.model import TokenizerConfig
    from ..motion_core.tokenizer.report import evaluate_tokenizer
    from ..motion_core.tokenizer.train import TokenizerTraining, train_tokenizer, write_report

    trained = train_tokenizer(
        dataset,
        out,
        config=TokenizerConfig(**settings_of(width=width, code_dim=code_dim, codes=codes)),
        training=TokenizerTraining(
            **settings_of(steps=steps, batch=batch, lr=lr, window=window, seed=seed)
        ),
        refine=refine,
    )
    splits: tuple[Split, ...] = ("validation", "test", "train")
    split = next(name for name in splits if dataset.motions(name))
    note(f"measuring on the {split} split")
    report = evaluate_tokenizer(trained, dataset, split)
    write_report(report, out)
    say_markdown(report.to_markdown())


BackboneName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Hugging Face causal LM, or a folder; by default SmolLM2-135M-Instruct.",
    ),
]
Minutes = Annotated[float | None, typer.Option(min=0, help="Wall-clock minutes instead of steps.")]
Rank = Annotated[int | None, typer.Option(min=1, help="Rank of the LoRA adapter.")]


Crop = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share of samples that are shortened.")
]
Noise = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share of input motion tokens that are replaced.")
]
Corrupt = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Share of samples with most of them replaced (t2m)."),
]
Unsaid = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Share of a caption's words that are left out (t2m)."),
]
Balance = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share drawn by class, not clip by clip.")
]
Power = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Exponent of class sizes; 0 draws classes equally."),
]
Dropout = Annotated[
    float | None, typer.Option(min=0, max=0.9, help="Dropout on the input of the LoRA adapter.")
]
Free = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Share of samples with only motion, or only words."),
]
Gap = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share of samples that are gaps to fill.")
]
MotionFirst = Annotated[
    float | None, typer.Option(min=0, max=1, help="Share of the steps without captions.")
]
Wordings = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="JSON of captions without motion, to learn phrasing from."),
]
Start = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Training, or checkpoint, with the initial weights."),
]
Guidance = Annotated[
    float | None,
    typer.Option(min=1, max=20, help="Of the teacher, by the empty description; 4."),
]
Teacher = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Training, or checkpoint, whose guided t2m is learnt from, not the recordings.",
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Prompt format: compact or paper."),
]


@app.command(cls=HelpfulCommand)
def recipe(
    name: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A built-in recipe, or a YAML file.")
    ],
    data: Data = PREPARED,
    tokenizer: Trained = Path("runs/tokenizer"),
    out: Out = Path("runs/recipe"),
    backbone: BackboneName = None,
    rows: Annotated[
        bool | None, typer.Option("--rows/--no-rows", help="Whether the motion rows train.")
    ] = None,
    steps: Steps = None,
    batch: Batch = None,
    checkpointing: Annotated[
        bool | None,
        typer.Option("--checkpointing", help="Compute each layer twice, to save memory."),
    ] = None,
    four_bit: Annotated[
        bool | None,
        typer.Option("--four-bit", help="Frozen weights in 4 bits (QLoRA); needs bitsandbytes."),
    ] = None,
    shard: Annotated[
        bool | None,
        typer.Option("--shard", help="Spread the frozen layers over the processes (FSDP)."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print trainable parameters and memory without loading anything."
        ),
    ] = False,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Train one direction from a recipe.

    The paper's recipes are paper-t2m and paper-m2t, ours smollm2-t2m and smollm2-m2t. The same
    command continues a stopped training. For several GPUs or computers start it with
    `torchrun -m motion_agent train recipe`, or with `accelerate launch -m`.
    """
    from ..motion_core.motionllm.recipe import cost, load_recipe

    memory = {"checkpointing": checkpointing, "four_bit": four_bit, "shard": shard}
    chosen = load_recipe(name, rows=rows, steps=steps, batch=batch, **memory)
    if dry_run:
        costs = cost(chosen)
        say(f"{chosen.name}: {chosen.direction} on {chosen.backbone}, rank {chosen.rank}")
        say(
            f"trainable: {costs.trainable / 1e6:.1f} M (adapter {costs.adapter / 1e6:.1f} M,"
            f" motion rows {costs.rows / 1e6:.1f} M)"
        )
        for part, size in costs.gigabytes.items():
            say(f"memory: {size:6.2f} GB  {part}")
        answer({"recipe": chosen.name, "trainable": costs.trainable, "gigabytes": costs.gigabytes})
        return
    dataset = load_dataset(data, threads)
    from ..motion_core.motionllm.train import train_motionllm
    from ..motion_core.tokenizer import load_tokenizer

    train_motionllm(
        chosen.direction,
        dataset,
        load_tokenizer(tokenizer),
        out,
        backbone=backbone or chosen.backbone,
        training=chosen.training,
    )


def _add_direction(direction: Direction, summary: str) -> None:
    """Add a command that trains MotionLLM in one direction."""

    def train(
        data: Data = PREPARED,
        tokenizer: Trained = Path("runs/tokenizer"),
        out: Out = Path(f"runs/{direction}"),
        backbone: BackboneName = None,
        steps: Steps = None,
        minutes: Minutes = None,
        batch: Batch = None,
        rank: Rank = None,
        lr: LearningRate = None,
        rows_lr: Annotated[
            float | None,
            typer.Option("--rows-lr", min=0, help="Peak learning rate of the motion rows."),
        ] = None,
        crop: Crop = None,
        noise: Noise = None,
        corrupt: Corrupt = None,
        unsaid: Unsaid = None,
        balance: Balance = None,
        power: Power = None,
        dropout: Dropout = None,
        free: Free = None,
        gap: Gap = None,
        motion_first: MotionFirst = None,
        wordings: Wordings = None,
        start: Start = None,
        teacher: Teacher = None,
        guidance: Guidance = None,
        prompt: Prompt = None,
        seed: Seed = 0,
        threads: Threads = 0,
    ) -> None:
        dataset = load_dataset(data, threads)
        from ..motion_core.datasets.captions_only import read_wordings
        from ..motion_core.motionllm.samples import Augmentation
        from ..motion_core.motionllm.train import MotionLLMTraining, train_motionllm
        from ..motion_core.tokenizer import load_tokenizer

        if steps is None and minutes is not None:
            steps = _NO_LIMIT
        train_motionllm(
            direction,
            dataset,
            load_tokenizer(tokenizer),
            out,
            training=MotionLLMTraining(
                augmentation=Augmentation(
                    **settings_of(crop=crop, noise=noise, balance=balance, power=power),
                    **settings_of(free=free, gap=gap, corrupt=corrupt, unsaid=unsaid),
                ),
                **settings_of(steps=steps, minutes=minutes, batch=batch, rank=rank, lr=lr),
                **settings_of(rows_lr=rows_lr, prompt=prompt, seed=seed),
                **settings_of(dropout=dropout, motion_first=motion_first, guidance=guidance),
            ),
            wordings=read_wordings(wordings, dataset) if wordings else (),
            start=start,
            teacher=teacher,
            **settings_of(backbone=backbone),
        )
        say(f"the adapter is in {out}")

    app.command(direction, cls=HelpfulCommand, help=summary)(train)


_add_direction("t2m", "Train MotionLLM's adapter from text to motion.")
_add_direction("m2t", "Train MotionLLM's adapter from motion to text.")


@app.command(cls=HelpfulCommand)
def matching(
    data: Data = PREPARED,
    out: Out = Path("runs/matching"),
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Model of the word vectors; by default SmolLM2-135M-Instruct."
        ),
    ] = None,
    steps: Steps = None,
    batch: Batch = None,
    lr: LearningRate = None,
    seed: Seed = 0,
    threads: Threads = 0,
) -> None:
    """Train the text-motion matching network that `evaluate` uses."""
    dataset = load_dataset(data, threads)
    from ..motion_core.evaluation import MatchingNetwork, MatchingTraining, train_matching
    from ..motion_core.evaluation.matching_training import held_out_pairs, validate

    train_matching(
        dataset,
        out,
        options=MatchingTraining(
            **settings_of(backbone=backbone, steps=steps, batch=batch, learning_rate=lr, seed=seed)
        ),
    )
    network = MatchingNetwork.load(out)  # as rounded on disk
    splits: tuple[Split, ...] = ("validation", "test")
    for split in splits:
        if pairs := held_out_pairs(dataset, split):
            precision = validate(network, dataset, pairs)
            say(
                f"R-precision of {len(pairs)} {split} captions and their real motions among "
                f"{precision.candidates}: top-1 {precision.top[0].value:.1%}, "
                f"top-3 {precision.top[-1].value:.1%}"
            )
    say(f"the matching network is in {out}")


app.command(cls=HelpfulCommand)(assemble)
