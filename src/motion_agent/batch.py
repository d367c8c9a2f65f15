"""Many prompts: rows in, motions and failures out, as sharded Parquet.

    prompts.jsonl              {"prompt": "a person waves", "seed": 3, "seconds": 2.5}
    results/batch.json         the prompts' digest, and the settings
    results/part-00000.parquet rows 0 to 255, and so on

Notable:
- a shard holds the same rows in every run and appears whole or not at all. So a killed batch
continues with the first missing shard, and nothing is done twice;
- a row's motion is a function of the row, the engine and the planner: not of its shard, nor of
other rows generated at the same time;
- a row that cannot be read or made is a row with an error. Other failures, such as a server that is
down or a full disk, end the batch; the same call continues it;
- a shard's motions are dropped once written, so memory does not grow with the prompts;
- shards are made in this process, or by `ray_workers.RayWorkers` on many.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .motion_core.atomic import replacing
from .motion_core.engine import (
    CancelToken,
    CoverageEngine,
    MotionEngine,
    Progress,
    Take,
    caption_takes,
)
from .motion_core.errors import (
    Cancelled,
    ConfigurationError,
    GenerationError,
    InputError,
    MotionAgentError,
    UnavailableError,
)
from .motion_core.formats import save_npz
from .motion_core.json_text import parse_json
from .motion_core.studio import Studio
from .motion_core.timeline import Timeline
from .motion_core.words import whole

if TYPE_CHECKING:
    from .agent_graph import MotionAgent
    from .motion_core.motion import Motion

MANIFEST = "batch.json"
SHARD = 256  # rows
_AT_ONCE = 16  # rows in the engine's batches at a time
_KEYS = frozenset({"prompt", "seed", "seconds", "id"})
_LARGEST_SEED = 2**63 - 1


Record = dict[str, Any]
Shards = Iterator[tuple[int, list[str]]]
"""Number of a shard and its lines."""
MakeShards = Callable[[Shards], Iterator[tuple[int, list[Record]]]]
"""Makes the records of each shard, in any order."""


@dataclass(frozen=True)
class BatchSettings:
    """How rows become motions.

    Attributes:
        planner: name of the planner for each prompt; empty if a prompt is one description.
        seed: for rows without one.
        captions: have the engine caption each motion.
        shard: rows in each file.
    """

    planner: str = ""
    seed: int = 0
    captions: bool = False
    shard: int = SHARD


@dataclass(frozen=True)
class BatchSummary:
    """Outcome of a batch.

    Attributes:
        rows: of the prompts.
        made: motions of this run.
        failed: failures of this run.
        kept: rows done earlier.
    """

    rows: int
    made: int
    failed: int
    kept: int


def run_batch(
    prompts: Path,
    out: Path,
    engine: MotionEngine,
    settings: BatchSettings | None = None,
    *,
    make: MakeShards | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> BatchSummary:
    """Generate the results of `prompts` that `out` does not have yet.

    Args:
        prompts: JSON lines; ``prompt``, and optionally ``seed``, ``seconds``, ``id``.
        out: folder of the shards; a new one, or that of the same batch.
        engine: makes the motions.
        settings: None for the defaults.
        make: how shards are made; None for one after another in this process.
        progress: called with (rows done, all rows).
        cancel: ends the batch before the next rows; written shards stay.

    Raises:
        InputError: `out` has the results of other prompts or settings, or a setting is invalid.
        ConfigurationError: pyarrow is not installed, or the planner is unknown.
        UnavailableError: a server is out of reach, or the folder cannot be written to.
        Cancelled: `cancel` was set.
    """
    settings = settings or BatchSettings()
    if settings.shard < 1:
        raise InputError(f"a shard of {settings.shard} rows; it must have at least 1")
    _arrow()  # before any work
    rows = _begin(prompts, out, engine, settings)
    generated = failed = kept = 0

    def path(number: int) -> Path:
        return out / f"part-{number:05d}.parquet"

    def tell() -> None:
        if progress is not None:
            progress(generated + failed + kept, rows)

    def missing() -> Shards:
        nonlocal kept
        with prompts.open(encoding="utf-8", errors="replace") as file:
            lines = (line for line in file if line.strip())
            for number in range(-(-rows // settings.shard)):
                shard = list(islice(lines, settings.shard))
                if not path(number).is_file():
                    yield number, shard
                    continue
                kept += len(shard)
                tell()

    def here(shards: Shards) -> Iterator[tuple[int, list[Record]]]:
        for number, lines in shards:
            yield number, shard_records(number, lines, engine, settings, cancel)

    for number, records in (make or here)(missing()):
        _write(records, path(number))
        bad = sum(record["error"] is not None for record in records)
        generated, failed = generated + len(records) - bad, failed + bad
        tell()
    return BatchSummary(rows, generated, failed, kept)


def _begin(prompts: Path, out: Path, engine: MotionEngine, settings: BatchSettings) -> int:
    """Return the number of rows after checking that `out` belongs to them."""
    digest, rows = hashlib.sha256(), 0
    try:
        with prompts.open("rb") as file:
            for line in file:
                digest.update(line)
                rows += bool(line.strip())
    except OSError as err:
        raise InputError(f"cannot read {prompts}: {err.strerror or err}") from err
    if not rows:
        raise InputError(f'{prompts} has no rows; write lines such as {{"prompt": "a man waves"}}')
    facts = {"prompts": digest.hexdigest(), "rows": rows, "engine": engine.name, **asdict(settings)}
    manifest = out / MANIFEST
    if manifest.is_file():
        try:
            before: dict[str, Any] = parse_json(manifest.read_text(encoding="utf-8"))
            changed = sorted(name for name in facts if facts[name] != before.get(name))
        except (ValueError, AttributeError) as err:
            raise InputError(f"{manifest} is damaged; give another folder") from err
        if changed:
            raise InputError(
                f"{out} has the results of another batch: {', '.join(changed)} changed; give"
                " another folder, or remove that one"
            )
        return rows
    with replacing(manifest) as path:
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return rows


def shard_records(
    number: int,
    lines: list[str],
    engine: MotionEngine,
    settings: BatchSettings,
    cancel: CancelToken | None = None,
) -> list[Record]:
    """Return a record for each line of a shard, in order; rows wait for each other only in the
    engine's batches.

    Raises:
        UnavailableError, ConfigurationError, Cancelled: not a row's fault.
    """
    maker, first = _Maker(engine, settings, cancel), number * settings.shard
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(maker.record, row, line) for row, line in enumerate(lines, first)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Maker:
    """Return the records of one shard."""

    def __init__(
        self, engine: MotionEngine, settings: BatchSettings, cancel: CancelToken | None
    ) -> None:
        self._studio, self._engine = Studio(engine), engine
        self._settings, self._cancel = settings, cancel
        self._agents: dict[int, MotionAgent] = {}
        if settings.planner:
            self._agents[settings.seed] = self._agent(settings.seed)

    def record(self, number: int, line: str) -> Record:
        """Return the record of a row.

        Raises:
            UnavailableError, ConfigurationError, Cancelled: not the row's fault.
        """
        record: Record = {name: None for name in _columns()}
        record |= {"row": number, "engine": self._engine.name, "motions": [], "unknown": []}
        try:
            row = _checked_row(line)
            record |= {"id": row.get("id"), "prompt": row["prompt"]}
            seed = row.get("seed", self._settings.seed)
            record["seed"] = seed
            people = self._people(number, row["prompt"], row.get("seconds", 0.0), seed)
            record["motions"] = [_packed(motion) for motion in people]
            record["seconds"] = people[0].duration
            record["tokens"] = list(people[0].tokens)
            if self._settings.captions:
                takes = [Take(motion.tokens, motion.features) for motion in people[:1]]
                record["caption"] = caption_takes(self._engine, takes, cancel=self._cancel)[0]
            if isinstance(self._engine, CoverageEngine):
                coverage = self._engine.coverage(row["prompt"])
                record |= {"score": coverage.score, "unknown": list(coverage.unknown)}
        except (UnavailableError, ConfigurationError, Cancelled):
            raise
        except MotionAgentError as err:
            record |= {"motions": [], "tokens": None, "seconds": None}
            record |= {"error_kind": type(err).__name__, "error": whole(str(err))}
        return record

    def _people(self, number: int, prompt: str, seconds: float, seed: int) -> list[Motion]:
        if not self._settings.planner:
            timeline = Timeline(seed=seed).insert(prompt, seconds=seconds)
            return [self._studio.render(timeline, cancel=self._cancel).motions[1]]
        if seconds:
            raise InputError("a planner decides the seconds; state them in the prompt instead")
        agent = self._agents.get(seed) or self._agent(seed)
        turn = agent.run(prompt, f"row {number}", cancel=self._cancel)
        if turn.error is not None or not turn.motions:
            raise GenerationError(turn.error or turn.reply.partition("\n\n")[0])
        return [motion for _, motion in sorted(turn.motions.items())]

    def _agent(self, seed: int) -> MotionAgent:
        from .agent_graph import MotionAgent

        return MotionAgent(self._settings.planner, engine=self._engine, seed=seed)


def _checked_row(line: str) -> dict[str, Any]:
    """Return the row of a line, checked.

    Raises:
        InputError: the line is not a row.
    """
    try:
        row = parse_json(line)
    except ValueError as err:
        raise InputError(f"not JSON: {err}") from err
    if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
        raise InputError('a row is an object with a string "prompt"')
    odd = sorted(row.keys() - _KEYS)
    if odd:
        raise InputError(f"unknown field {odd[0]!r}; a row has {', '.join(sorted(_KEYS))}")
    if row.get("id") is not None and not isinstance(row["id"], str):
        raise InputError("an id is a string")
    for name in ("prompt", "id"):
        if row.get(name) is not None and whole(row[name]) != row[name]:
            raise InputError(f"the {name} contains half a character: {ascii(row[name])[:80]}")
    seed, seconds = row.get("seed", 0), row.get("seconds", 0.0)
    if type(seed) is not int or not 0 <= seed <= _LARGEST_SEED:
        raise InputError(f"seed is {seed!r}; give a whole number from 0 on")
    if type(seconds) not in (int, float) or not 0 <= seconds < _LARGEST_SEED:
        raise InputError(f"seconds is {str(seconds)[:40]}; give a number")
    return row


def _packed(motion: Motion) -> bytes:
    """Return the motion as the bytes of an .npz file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "motion.npz"
        save_npz(motion, path)
        return path.read_bytes()


def read_results(out: Path) -> Iterator[dict[str, Any]]:
    """Return the finished rows, in order, as dictionaries; a motion is the bytes of an .npz file.

    Raises:
        ConfigurationError: pyarrow is not installed.
    """
    _arrow()
    import pyarrow.parquet as parquet

    for path in sorted(out.glob("part-*.parquet")):
        with parquet.ParquetFile(path) as file:
            for group in file.iter_batches(batch_size=16):
                yield from group.to_pylist()


def _columns() -> dict[str, Any]:
    """Return name and type of each column; a function, since pyarrow is an extra."""
    arrow = _arrow()
    return {
        "row": arrow.int64(),
        "id": arrow.string(),
        "prompt": arrow.string(),
        "seed": arrow.int64(),
        "engine": arrow.string(),
        "seconds": arrow.float64(),
        "tokens": arrow.list_(arrow.int32()),
        "motions": arrow.list_(arrow.binary()),
        "caption": arrow.string(),
        "score": arrow.float64(),
        "unknown": arrow.list_(arrow.string()),
        "error_kind": arrow.string(),
        "error": arrow.string(),
    }


def _write(records: list[Record], path: Path) -> None:
    arrow = _arrow()
    import pyarrow.parquet as parquet

    table = arrow.Table.from_pylist(records, schema=arrow.schema(list(_columns().items())))
    with replacing(path) as temporary:
        try:
            parquet.write_table(table, temporary, compression="zstd")
        except OSError as err:
            raise UnavailableError(f"cannot write {path}: {err}") from err


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError as err:
        raise ConfigurationError(
            "batches are written with pyarrow: pip install 'motion-agent[batch]'"
        ) from err
    return pyarrow
