"""`Processes`: several processes that train one model, on one computer or many.

    torchrun --nproc-per-node 4 -m motion_agent train recipe paper-t2m …
    accelerate launch --multi_gpu --num_processes 4 -m motion_agent train recipe paper-t2m …

Either launcher tells each process its place by environment variables. Every process takes a share
of each batch, and their gradients are added up, so that a training is the same whatever the number
of processes, but for rounding and dropout. The first one alone writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch import distributed as dist

from ..errors import ConfigurationError


@dataclass(frozen=True)
class Processes:
    """The place of this process among those of a training.

    Attributes:
        rank: from 0.
        count: of all processes.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls) -> Processes:
        """Join the other processes of a launcher; without one, this process is alone.

        Raises:
            ConfigurationError: they cannot be reached.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        gpu = torch.cuda.is_available()
        if gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        try:
            if not dist.is_initialized():
                dist.init_process_group("nccl" if gpu else "gloo")
        except (RuntimeError, ValueError) as err:
            reason = str(err).splitlines()[0]
            raise ConfigurationError(
                f"the other processes of the training cannot be reached: {reason}"
            ) from err
        return cls(dist.get_rank(), dist.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """Return this process's rows of a batch, one in `count`."""
        return batch[self.rank :: self.count]

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
        dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        if self.count == 1:
            return flag
        told = torch.tensor(float(flag), device="cuda" if dist.get_backend() == "nccl" else "cpu")
        self.add([told])
        return bool(told > 0)

    @contextmanager
    def first(self) -> Iterator[None]:
        """Let the first process run the block before the others, which find what it wrote."""
        if self.count > 1 and not self.leads:
            dist.barrier()
        yield
        if self.count > 1 and self.leads:
            dist.barrier()

    def leave(self) -> None:
        """Wait for the others and leave the group."""
        if self.count > 1:
            dist.barrier()
            dist.destroy_process_group()
