"""Evaluation of a trainer: the metrics of all its members at one step."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.data import Dataset, Split
from gan_core.evaluation.evaluation_settings import EvaluationSettings
from gan_core.evaluation.references import ReferenceDistances, References, compute_references
from gan_core.evaluation.sample_metrics import SampleMetrics
from gan_core.metrics.registry import AVERAGE
from gan_core.networks import DiracPair, Networks
from gan_core.training import Trainer


class Evaluator:
    """Evaluator of trainers against the real samples of one split; does not change the training.

        evaluator = Evaluator(data, trainer.networks)
        evaluator.evaluate(trainer)["sliced_wasserstein"]         # one distance per seed

    For the Dirac pair, whose data have no spread, the distance is the norm of the parameters, 0 at the equilibrium.

    `networks` are those of the trainers; sample metrics are computed on `device` in floating-point type `dtype`. Random
    numbers (latents, directions, health batch) are fixed: the same for every member, trial and step.
    """

    def __init__(
        self,
        data: Dataset,
        networks: Networks,
        *,
        settings: EvaluationSettings | None = None,
        split: Split = "validation",
        device: str = "cpu",
        dtype: str = "float32",
    ):
        self.settings = settings or EvaluationSettings()
        self._data, self._networks, self._split = data, networks, split
        self._device, self._dtype = torch.device(device), getattr(torch, dtype)
        self._samples = (
            SampleMetrics(data, split, self.settings, device=self._device, dtype=self._dtype) if data.varies else None
        )

    def evaluate(self, trainer: Trainer) -> dict[str, Float[np.ndarray, "seeds"]]:
        """Every metric of every member, by name, in float64; `METRICS` describes each.

        A NaN or an overflow in a network or a sample gives a NaN or an infinite value, never an exception.
        """
        values = trainer.health()
        if self._samples is None:
            parameters = torch.cat([trainer.generator.flat, trainer.critic.flat], dim=1)
            values["distance_to_equilibrium"] = torch.linalg.vector_norm(parameters, dim=1)
        else:
            values |= self._samples.measure(trainer.generate(self.settings.samples))
            if trainer.average is not None:
                averaged = self._samples.measure(trainer.generate(self.settings.samples, trainer.average))
                values |= {f"{name}{AVERAGE}": value for name, value in averaged.items()}
        return {name: _as_float64(value) for name, value in values.items()}

    @property
    def reference_distances(self) -> ReferenceDistances:
        """Reference distances; for the Dirac pair `real` is 0 and `constant` the norm of the initial parameters."""
        if (computed := self._references) is not None:
            return computed.distances
        assert isinstance(self._networks, DiracPair)
        initial = math.hypot(self._networks.theta, self._networks.psi)
        return ReferenceDistances(real=0.0, constant=initial, gaussian=None)

    @property
    def real_cells(self) -> int | None:
        """Number of cells that the split's real samples occupy; None for data without spread."""
        return None if self._samples is None else self._samples.real_cells

    @property
    def real_values(self) -> dict[str, float]:
        """Every sample metric, by name, of real samples in place of fakes; empty for data without spread."""
        return {} if self._references is None else dict(self._references.real_values)

    @property
    def gaussian_values(self) -> dict[str, float]:
        """Sample metrics of Gaussian samples with the data's mean and covariance; empty for data without spread."""
        return {} if self._references is None else dict(self._references.gaussian_values)

    @property
    def _references(self) -> References | None:
        if self._samples is None:
            return None
        return compute_references(self._data, self._split, self.settings, self._device, self._dtype)


def _as_float64(value: Tensor) -> Float[np.ndarray, "seeds"]:
    return value.detach().cpu().numpy().astype(np.float64)
