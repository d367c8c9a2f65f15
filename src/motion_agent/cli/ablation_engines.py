"""``motion-agent ablate`` without planners: motion engines compared in one table."""

from __future__ import annotations

from pathlib import Path

from .console import say, stages
from .prepared import load_dataset


def compare_engines(
    names: list[str],
    source: Path,
    matching: Path | None,
    out: Path,
    limit: int | None,
    seed: int,
    threads: int,
) -> None:
    """Measure engines on a prepared data set, or on a text file's captions, and write the table.

    Args:
        names: of engines, or folders of checkpoints.
        source: folder of a data set, or a text file with a description a line.
        matching: folder of the matching network; the default checkpoint's if None.
        out: folder of the report.
        limit: number of clips or captions.
        seed: for choosing clips and sampling motion.
        threads: of the processor.
    """
    is_text = source.is_file()
    dataset = None if is_text else load_dataset(source, threads)
    from ..ablation.motionllm import (
        engine_table,
        measure_engines,
        measure_on_captions,
        write_engine_report,
    )
    from ..ablation.report import table_to_markdown
    from ..motion_core.evaluation import EvaluationOptions, MatchingNetwork
    from ..motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT
    from ..motion_core.retrieval import load_retrieval

    # Of the measured data set, not the default one.
    engines = [
        load_retrieval(source) if name == "retrieval" and dataset is not None else name
        for name in names
    ]
    network = MatchingNetwork.load(matching or DEFAULT_CHECKPOINT)
    options = EvaluationOptions(limit=limit, seed=seed, captions=False)
    with stages() as progress:
        if dataset is None:
            texts = [line.strip() for line in source.read_text("utf-8").splitlines()]
            captions = [text for text in texts if text]
            rows = measure_on_captions(
                engines, captions, network, options=options, progress=progress
            )
        else:
            rows = measure_engines(engines, dataset, network, options=options, progress=progress)
    what = "captions" if dataset is None else "clips"
    count = f"{limit} {what}" if limit else f"all {what}"
    of = f"{source}" if dataset is None else f"the test split of {source}"
    facts = (f"{count} of {of}, seed {seed}",)
    paths = write_engine_report(rows, out, facts)
    say(table_to_markdown(engine_table(rows)))
    for path in paths:
        say(str(path))
