"""``motion-agent batch prompts.jsonl``: many prompts to a folder of Parquet."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .console import Json, answer, counting, say
from .engines import CheckpointFolder, DeviceName, EngineName, engine_name, load_chosen_engine
from .planning import check_spelling, complete_planner
from .run import Seed
from .stopping import stoppable


def batch(
    prompts: Annotated[
        Path, typer.Argument(metavar="PROMPTS", help='Lines such as {"prompt": "a man waves"}.')
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the results.")],
    planner: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Planner for each prompt; without one, a prompt is one description.",
            autocompletion=complete_planner,
            rich_help_panel="Models",
        ),
    ] = "",
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    device: DeviceName = None,
    seed: Seed = 0,
    captions: Annotated[bool, typer.Option("--captions", help="Caption each motion, too.")] = False,
    shard: Annotated[int, typer.Option(min=1, help="Rows in each file.")] = 256,
    workers: Annotated[
        int, typer.Option(min=0, help="Ray workers; 0 to use this process alone.")
    ] = 0,
    worker_cpus: Annotated[float, typer.Option(min=0, help="Processors of each worker.")] = 1,
    worker_gpus: Annotated[float, typer.Option(min=0, help="GPUs of each, such as 0.5.")] = 0,
    as_json: Json = False,
) -> None:
    """Generate the motions of many prompts, in shards of Parquet.

    The same command continues a stopped batch. A row that fails is in the results with its error
    and does not stop the others. Needs the extra `batch`; --workers also `ray`, and uses the
    cluster that RAY_ADDRESS names, otherwise this computer.
    """
    from ..batch import BatchSettings, run_batch
    from ..ray_workers import RayWorkers
    from .motions import check_there

    check_there(prompts)
    if planner:
        check_spelling(planner)
    loaded = load_chosen_engine(engine, checkpoint, warm=not workers)
    settings = BatchSettings(planner=planner, seed=seed, captions=captions, shard=shard)
    with stoppable() as cancel, counting("making motions") as progress:
        name = engine_name(engine, checkpoint)
        make = (
            RayWorkers(name, settings, workers, worker_cpus, worker_gpus, cancel)
            if workers
            else None
        )
        done = run_batch(
            prompts, out, loaded, settings, make=make, progress=progress, cancel=cancel
        )
    say(f"{out}: {done.rows} rows, {done.made} made, {done.failed} failed, {done.kept} from before")
    answer({"out": str(out), **asdict(done)})
