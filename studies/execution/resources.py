"""Nodes of a Ray cluster, and the number of processes that train on them at once."""

from dataclasses import dataclass
from math import floor, inf

import torch

from studies.errors import InputError
from studies.execution.machine_limits import usable_bytes, usable_cores
from studies.file.run_settings import ResourceSettings

_ROUNDING = 1e-9
"""Added to a number of processes before it is rounded down: 0.3 / 0.1 is 2.9999999999999996 in floating point."""


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """Share of a node for one process: processor cores, and GPUs or a fraction of one."""

    cpu: float
    gpu: float


@dataclass(frozen=True, kw_only=True)
class Node:
    """Processor cores and GPUs of one machine or container, as Ray counts them, and bytes of its memory if known.

    gpu_memory  bytes of its smallest GPU
    """

    cpu: float
    gpu: float
    memory: float = inf
    gpu_memory: float = inf

    def processes(self, allocation: Allocation) -> int:
        """Number of processes that run on this node at once."""
        fits = [self.cpu / allocation.cpu]
        if allocation.gpu:
            fits.append(self.gpu / allocation.gpu)
        return floor(min(fits) + _ROUNDING)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """A Ray cluster that runs trials.

    nodes   nodes of the cluster when the study starts
    joined  True if this process is a driver of a running cluster (a submitted job); False if the study starts Ray on
            this machine and shuts it down at the end
    """

    nodes: tuple[Node, ...]
    joined: bool = False

    def processes_at_once(self, allocation: Allocation) -> int:
        """Number of processes that run at once."""
        return sum(node.processes(allocation) for node in self.nodes)

    def allocation(self, settings: ResourceSettings) -> Allocation:
        """The allocation of one process under these settings.

        With `gpu = "auto"` a process gets no GPU if no node has one. Otherwise it gets a node's GPUs divided by the
        number of processes that fit on the node's cores, at most 1; the smallest of these shares over the nodes with
        GPUs.
        """
        if settings.gpu != "auto":
            return Allocation(cpu=settings.cpu, gpu=settings.gpu)
        nodes = [(node.gpu, floor(node.cpu / settings.cpu + _ROUNDING)) for node in self.nodes if node.gpu]
        return Allocation(cpu=settings.cpu, gpu=min((gpus / max(gpus, trials) for gpus, trials in nodes), default=0.0))

    def refuse_too_large(self, allocation: Allocation) -> None:
        """Raise an error if no node can run a process: Ray would wait for such a node forever.

        Errors: `InputError` with the resources of the largest node.
        """
        owner = "the largest node has" if self.joined else "this machine has"
        for name in ("cpu", "gpu"):
            needed, most = getattr(allocation, name), max((getattr(node, name) for node in self.nodes), default=0)
            if needed > most + _ROUNDING:
                raise InputError(f"resources.{name}: must be <= {most:g}, which is what {owner}, but is {needed:g}")
        if not self.processes_at_once(allocation):
            needed = f"{allocation.cpu:g} cores and {allocation.gpu:g} GPUs"
            raise InputError(f"resources: must fit on one node, but no node has {needed} together")


def this_machine() -> Resources:
    """Resources of this machine that this process may use, for a study that starts Ray itself.

    Cores that the process is not pinned to, or that a container's limit excludes, do not count.
    """
    gpus = [torch.cuda.get_device_properties(index).total_memory for index in range(torch.cuda.device_count())]
    node = Node(cpu=usable_cores(), gpu=len(gpus), memory=usable_bytes(), gpu_memory=min(gpus, default=inf))
    return Resources(nodes=(node,))
