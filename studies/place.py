"""Where a study's trials run: the nodes of a Ray, and how many trials fit on them at once."""

import os
from dataclasses import dataclass
from math import floor

import torch

from studies.errors import InputError
from studies.study import Resources

_ROUNDING = 1e-9
"""0.3 / 0.1 is 2.9999999999999996, but three trials of a tenth fit into three tenths."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one trial takes of a node: processor cores, and graphics processors or a fraction of one."""

    cpu: float
    gpu: float


@dataclass(frozen=True, kw_only=True)
class Node:
    """One machine, or one container: its processor cores and graphics processors as Ray counts them."""

    cpu: float
    gpu: float

    def trials(self, share: Share) -> int:
        """How many trials run there at once."""
        room = [self.cpu / share.cpu]
        if share.gpu:
            room.append(self.gpu / share.gpu)
        return floor(min(room) + _ROUNDING)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A Ray to run trials on.

    nodes    what it consists of when the study starts
    joined   whether this process is its driver already (a submitted job); otherwise the study starts a Ray of its
             own on this machine and ends it
    """

    nodes: tuple[Node, ...]
    joined: bool = False

    def trials_at_once(self, share: Share) -> int:
        return sum(node.trials(share) for node in self.nodes)

    def share(self, resources: Resources) -> Share:
        """What a trial takes here, where a study may have said "auto"."""
        if resources.gpu != "auto":
            return Share(cpu=resources.cpu, gpu=resources.gpu)
        beside = [(node.gpu, floor(node.cpu / resources.cpu + _ROUNDING)) for node in self.nodes if node.gpu]
        return Share(cpu=resources.cpu, gpu=min((have / max(have, trials) for have, trials in beside), default=0.0))

    def refuse_too_large(self, share: Share) -> None:
        """A trial that no node can hold would wait for ever.

        Errors: `InputError` with what the largest node has.
        """
        there = "the largest node has" if self.joined else "this machine has"
        for name in ("cpu", "gpu"):
            wanted, most = getattr(share, name), max((getattr(node, name) for node in self.nodes), default=0)
            if wanted > most + _ROUNDING:
                raise InputError(f"resources.{name}: must be <= {most:g}, which is what {there}, but is {wanted:g}")
        if not self.trials_at_once(share):
            wanted = f"{share.cpu:g} cores and {share.gpu:g} graphics processors"
            raise InputError(f"resources: must fit on one node, but no node has {wanted} together")


def this_machine() -> Place:
    """A Ray of the study's own, on this machine."""
    return Place(nodes=(Node(cpu=os.cpu_count() or 1, gpu=torch.cuda.device_count()),))
