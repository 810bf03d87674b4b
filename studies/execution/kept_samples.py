"""The samples in a trial's entry: snapshots, fakes of the best and last generators, critics' outputs on 2-D data."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from gan_core.data import Dataset
from gan_core.evaluation import EvaluationSettings
from gan_core.metrics import Box
from gan_core.training import Trainer
from studies.ledger.entries import SAMPLES_KEPT, SNAPSHOT_IMAGES, SNAPSHOT_POINTS

SURFACE_MARGIN = 0.2
"""Margin of the grid of critic outputs around the data, as a fraction of the longer side of their bounding box."""
INTERVALS = 5
"""Number of intervals between consecutive snapshots, one less than the number of snapshots."""


class KeptSamples:
    """Collects the samples that the entry of one trial keeps.

    snapshots  fakes of the same z at a few evaluations, each (seeds, samples, dim)
    """

    def __init__(self, data: Dataset, settings: EvaluationSettings, measurements: int):
        self._data, self._settings = data, settings
        self._due = snapshot_evaluations(measurements)
        self.snapshots: list[torch.Tensor] = []

    def add_snapshot(self, evaluation: int, trainer: Trainer) -> None:
        """Keep fakes if a snapshot is due at this evaluation, counted from 0."""
        if evaluation in self._due:
            count = SNAPSHOT_POINTS if self._data.planar else SNAPSHOT_IMAGES
            self.snapshots.append(trainer.generate(count).float().cpu())

    def arrays(
        self, trainer: Trainer, generators: Mapping[str, torch.Tensor | None], steps: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """The arrays of `samples.npz`, by name.

        generators  parameters of the generators that make the final fakes, by name; None: the trainer's present ones
        steps       step of every evaluation, in the budget's unit
        """
        count = self._settings.samples if self._data.planar else SAMPLES_KEPT
        arrays = self._critic_surface(trainer) if self._data.planar else {}
        arrays |= {name: trainer.generate(count, flat).cpu().numpy() for name, flat in generators.items()}
        snapshots = torch.stack(self.snapshots).numpy()
        snapshot_steps = np.array([steps[evaluation] for evaluation in self._due[: len(snapshots)]])
        return arrays | {"snapshots": snapshots, "snapshot_steps": snapshot_steps}

    def _critic_surface(self, trainer: Trainer) -> dict[str, np.ndarray]:
        """The critics' outputs on a grid around the data, and the corners of the grid."""
        resolution = self._settings.resolution
        box = Box.around(self._data.every, resolution=resolution, margin=SURFACE_MARGIN)
        values = trainer.critic_values(box.centers)
        return {
            "critic_surface": values.reshape(-1, resolution, resolution),
            "critic_corners": np.stack([box.low, box.high]),
        }


def snapshot_evaluations(measurements: int) -> list[int]:
    """Indices of the evaluations whose fakes are kept: those at 0, 4, 16, 36, 64, 100 % of the budget, or next.

    Most changes happen early, but members also fail late. Interpolated linearly between these evaluations, distances of
    300 members of confirm trials (digits, ring, grid) are off by 3 % of their range, between equally spaced ones by
    6 %. Fractions that are powers of 1/2 would leave the second half of the budget without a snapshot.
    """
    return sorted({-(-measurements * i**2 // INTERVALS**2) for i in range(INTERVALS + 1)})
