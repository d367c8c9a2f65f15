"""Shards of a batch on a Ray cluster: each worker has the engine, this process writes the files.

A worker that dies is started again, and its shard with it; a shard is written once, when it is
whole. Workers need no folder in common: lines go there and records come back.
https://docs.ray.io/en/latest/ray-core/fault_tolerance/actors.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .batch import BatchSettings, Record, Shards, shard_records
from .motion_core.engine import CancelToken
from .motion_core.engines import load_engine
from .motion_core.errors import ConfigurationError, MotionAgentError

_ENVIRONMENT = ("MOTION_AGENT_CHECKPOINT", "MOTION_AGENT_DEVICE", "MOTION_AGENT_SERVER_KEY")
_POLL = 1.0  # seconds between looks at a cancel token


@dataclass(frozen=True)
class RayWorkers:
    """Makes shards on workers; see `batch.MakeShards`.

    Attributes:
        engine: name for `load_engine`.
        settings: of the batch.
        workers: processes, each with an engine of its own.
        cpus, gpus: of each worker, as Ray counts them.
        cancel: ends the batch; shards under way are dropped.
    """

    engine: str
    settings: BatchSettings
    workers: int
    cpus: float = 1
    gpus: float = 0
    cancel: CancelToken | None = None

    def __call__(self, shards: Shards) -> Iterator[tuple[int, list[Record]]]:
        """Yield the number and records of each shard, as each is ready.

        Raises:
            ConfigurationError: Ray is not installed, or a setting is wrong.
            UnavailableError: a server is out of reach.
            Cancelled: `cancel` was set.
        """
        ray = _ray()
        started = not ray.is_initialized()
        if started:  # RAY_ADDRESS names a cluster; without one it is this computer
            ray.init(log_to_driver=False, include_dashboard=False, runtime_env=self._environment())
        try:
            yield from self._made(ray, shards)
        finally:
            if started:
                ray.shutdown()

    def _made(self, ray: Any, shards: Shards) -> Iterator[tuple[int, list[Record]]]:
        remote = ray.remote(_Worker).options(
            num_cpus=self.cpus, num_gpus=self.gpus, max_restarts=-1, max_task_retries=-1
        )
        free = [remote.remote(self.engine, self.settings) for _ in range(self.workers)]
        busy: dict[Any, Any] = {}  # the worker of each shard under way
        while True:
            while free and (shard := next(shards, None)) is not None:
                worker = free.pop()
                busy[worker.make.remote(*shard)] = worker
            if not busy:
                return
            ready, _ = ray.wait(list(busy), timeout=_POLL)
            if self.cancel is not None:
                self.cancel.check()
            for answer in ready:
                free.append(busy.pop(answer))
                number, records = ray.get(answer)
                if isinstance(records, MotionAgentError):
                    raise records
                yield number, records

    def _environment(self) -> dict[str, Any]:
        return {"env_vars": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}}


class _Worker:
    def __init__(self, engine: str, settings: BatchSettings) -> None:
        self._engine, self._settings = load_engine(engine), settings

    def make(self, number: int, lines: list[str]) -> tuple[int, list[Record] | MotionAgentError]:
        try:
            return number, shard_records(number, lines, self._engine, self._settings)
        except MotionAgentError as err:  # returned, since Ray would wrap an exception
            return number, err


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # sends nothing home
    try:
        import ray
    except ImportError as err:
        raise ConfigurationError(
            "several workers need Ray: pip install 'motion-agent[ray]'"
        ) from err
    return ray
