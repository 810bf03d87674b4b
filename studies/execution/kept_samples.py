"""Samples and generators in a trial's entry: fakes for pictures, critics' outputs on 2-D data, generator snapshots."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch

from gan_core.data import Dataset, as_coordinates
from gan_core.metrics import Box
from studies.execution.trained_pack import TrainedPack
from studies.ledger.entries import GeneratorSnapshots

IMAGES, POINTS = 16, 500
"""Number of fakes of each last generator: for data other than 2-D points, and for 2-D points."""
SNAPSHOT_IMAGES, SNAPSHOT_POINTS = 8, 240
"""Number of fakes of each seed at an earlier evaluation, and of a trial that is not confirmed, likewise."""
SURFACE_RESOLUTION = 50
"""Number of critic outputs along each side of the grid."""
SURFACE_MARGIN = 0.2
"""Margin of the grid of critic outputs around the data, as a fraction of the longer side of their bounding box."""
INTERVALS = 5
"""Number of intervals between consecutive pictures, one less than their number."""
LATE_SHARE, LATE_LEAST = 5, 3
"""The late window, in which generators are kept: the last fifth of the evaluations after step 0, at least three."""
Kept = Literal["late", "all", "last"]


Last = dict[str, torch.Tensor]
"""Tensors that are kept of members at their end, by name; each but `generators` has a leading member axis.

generators  flat parameters of the generators, (versions, members, parameters)
fakes       fakes of the generators, (members, samples, dim)
surface     outputs of the critics on a grid, (members, cells), for confirm trials on 2-D data
states      bytes of the states of users' loops, (members, longest), filled up with 0; for confirm trials
state_sizes number of bytes of each state, (members,)
"""


class KeptSamples:
    """Collects the samples and generators that the entries of a pack's trials keep.

    measurements  number of evaluations after step 0
    kept          evaluations whose generators are kept, see `CheckpointSettings`
    confirming    True for a confirm trial, whose figures show fakes of several steps and the critics
    """

    def __init__(self, data: Dataset, measurements: int, kept: Kept, *, confirming: bool):
        self._data, self._confirming = data, confirming
        self._pictures = picture_evaluations(measurements) if confirming else []
        self._generators = generator_evaluations(measurements, kept)
        self._fakes: list[torch.Tensor] = []
        self._parameters: dict[int, torch.Tensor] = {}

    def add(self, evaluation: int, trained: TrainedPack) -> None:
        """Keep fakes and generators of the members if they are due at this evaluation, counted from 0."""
        if evaluation in self._pictures:
            self._fakes.append(self._generated(trained, SNAPSHOT_POINTS, SNAPSHOT_IMAGES))
        if evaluation in self._generators:
            self._parameters[evaluation] = trained.parameters()

    def state(self) -> dict[str, Any]:
        """Everything collected so far, for a checkpoint."""
        return {"fakes": self._fakes, "parameters": self._parameters}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self._fakes, self._parameters = list(state["fakes"]), dict(state["parameters"])

    def last(self, trained: TrainedPack) -> Last:
        """The tensors that are kept of all members, if this moment is their end."""
        generators = {"generators": trained.parameters()}
        if not self._confirming:
            return {**generators, "fakes": self._generated(trained, SNAPSHOT_POINTS, SNAPSHOT_IMAGES)}
        fakes = {"fakes": self._generated(trained, POINTS, IMAGES)}
        return {**generators, **fakes, **self._surface(trained), **_states(trained)}

    def arrays(self, last: Last, rows: slice, steps: Sequence[int]) -> dict[str, np.ndarray]:
        """The arrays of `Entry.samples` of some members, by name.

        last   what is kept of these members at their end
        rows   the members
        steps  step of every evaluation of theirs, in the budget's unit
        """
        arrays = {"last": last["fakes"].numpy()}
        if not self._confirming:
            return arrays
        due = [evaluation for evaluation in self._pictures if evaluation < len(steps)]
        if "surface" in last:
            box = self._box()
            arrays["critic_surface"] = last["surface"].reshape(-1, SURFACE_RESOLUTION, SURFACE_RESOLUTION).numpy()
            arrays["critic_corners"] = np.stack([box.low, box.high])
        arrays |= {name: last[name].numpy() for name in ("states", "state_sizes") if name in last}
        return arrays | {
            "snapshots": torch.stack([fakes[rows] for fakes in self._fakes[: len(due)]]).numpy(),
            "snapshot_steps": np.array([steps[evaluation] for evaluation in due]),
        }

    def generators(
        self, last: Last, rows: slice, steps: Sequence[int], shapes: Mapping[str, tuple[int, ...]]
    ) -> GeneratorSnapshots:
        """The kept generators of some members; of members that ended early also the last ones, which were due later.

        last, rows, steps  as in `arrays`
        shapes             shape of each parameter of one generator, by name
        """
        kept = {index: flat[:, rows] for index, flat in sorted(self._parameters.items()) if index < len(steps)}
        kept.setdefault(len(steps) - 1, last["generators"])
        values = torch.stack(list(kept.values())).numpy()
        return GeneratorSnapshots(tuple(steps[evaluation] for evaluation in kept), shapes, values)

    def _generated(self, trained: TrainedPack, points: int, images: int) -> torch.Tensor:
        """Fakes in half precision, which pictures do not need more of."""
        return trained.generate(points if self._data.planar else images).half().cpu()

    def _surface(self, trained: TrainedPack) -> Last:
        """The critics' outputs on a grid around the data, if these are 2-D and the critics are known."""
        values = trained.critic_values(self._box().centers) if self._data.planar else None
        return {} if values is None else {"surface": torch.from_numpy(values.astype(np.float32))}

    def _box(self) -> Box:
        points = as_coordinates(self._data.every, np.float32)
        return Box.around(points, resolution=SURFACE_RESOLUTION, margin=SURFACE_MARGIN)


def of_members(last: Last, rows: slice) -> Last:
    """The tensors of some of the members."""
    return {name: tensor[:, rows] if name == "generators" else tensor[rows] for name, tensor in last.items()}


def picture_evaluations(measurements: int) -> list[int]:
    """Indices of the evaluations whose fakes are kept: those at 0, 4, 16, 36, 64, 100 % of the budget, or next.

    Most changes happen early, but members also fail late. Interpolated linearly between these evaluations, distances of
    300 members of confirm trials (digits, ring, grid) are off by 3 % of their range, between equally spaced ones by
    6 %. Fractions that are powers of 1/2 would leave the second half of the budget without a snapshot.
    """
    return sorted({-(-measurements * i**2 // INTERVALS**2) for i in range(INTERVALS + 1)})


def generator_evaluations(measurements: int, kept: Kept) -> list[int]:
    """Indices of the evaluations whose generators are kept."""
    if kept == "last":
        return [measurements]
    late = max(LATE_LEAST, -(-measurements // LATE_SHARE))
    return list(range(measurements + 1)) if kept == "all" else [0, *range(measurements + 1 - late, measurements + 1)]


def _states(trained: TrainedPack) -> Last:
    """The members' states, if their generators are made again from those."""
    states = trained.kept_states()
    if not states:
        return {}
    longest = max(map(len, states))
    padded = [torch.frombuffer(bytearray(state.ljust(longest, b"\0")), dtype=torch.uint8) for state in states]
    return {"states": torch.stack(padded), "state_sizes": torch.tensor([len(state) for state in states])}
