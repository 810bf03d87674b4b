"""Contract tests of metrics."""

import re
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.contracts.material import SEEDS, Description, cloud, global_random_states, normal
from gan_core.data import PARTS, Dataset
from gan_core.evaluation import EvaluationSettings, check_metrics, reference_values
from gan_core.metrics import SAMPLE_METRICS, AnyMetric, Fakes, RealSamples

METRIC_SETTINGS = EvaluationSettings(samples=64, directions=16, cells=4, exact_points=32, resolution=8, neighbours=3)


class MetricContract(Description[AnyMetric]):
    """Tests of a metric; a subclass sets `subject`, and `data` if the metric does not apply to points of 3 coordinates.

    data      data set that the metric applies to, with more than 64 samples in training and validation split together
    settings  evaluation settings that the metric reads
    """

    subject: AnyMetric
    data: Dataset = cloud(3)
    settings: EvaluationSettings = METRIC_SETTINGS

    def test_its_words_are_complete(self) -> None:
        described = self.subject.described()
        assert re.fullmatch("[a-z][a-z0-9_]*", described.name), "name must be lower-case letters, digits and _"
        assert described.direction in ("lower", "higher", "neither")
        assert described.unit, "unit must not be empty"
        assert described.description, "description must not be empty"

    def test_it_is_hashable(self) -> None:
        assert hash(self.subject) == hash(replace(self.subject)), "equal metrics must have equal hashes"  # type: ignore[type-var]

    def test_it_applies_to_the_data(self) -> None:
        assert self.subject.applies(self.data), "must apply to `data`: set `data` in the subclass"

    def test_there_is_one_value_per_member(self) -> None:
        for members in (1, SEEDS):
            values = self._values(self._fakes()[:members])
            assert values.shape == (members,), f"{members} members have values of shape {tuple(values.shape)}"

    def test_values_of_a_member_do_not_depend_on_the_other_members_or_their_order(self) -> None:
        fakes = self._fakes()
        together = self._values(fakes)
        assert_close(self._values(fakes.flip(0)), together.flip(0), rtol=1e-12, atol=1e-14)
        for member in range(SEEDS):
            alone = self._values(fakes[member : member + 1])
            assert_close(alone, together[member : member + 1], rtol=1e-12, atol=1e-14)

    def test_values_are_finite_for_ordinary_fakes(self) -> None:
        assert self._values(self._fakes()).isfinite().all()

    def test_a_nonfinite_fake_gives_a_nonfinite_value_to_its_member_alone(self) -> None:
        clean = self._fakes()
        before = self._values(clean)
        for bad in (torch.nan, torch.inf, -torch.inf):
            poisoned = clean.clone()
            poisoned[1, 5] = bad
            after = self._values(poisoned)
            assert torch.equal(after[[0, 2]], before[[0, 2]]), "values of the other members have changed"
            if after.is_floating_point():
                assert not after[1].isfinite(), f"a fake of {bad} must give a NaN or infinite value"

    def test_huge_fakes_raise_no_exception(self) -> None:
        for size in (1e30, 1e200, -1e307):
            assert self._values(size * (1 + self._fakes().abs() / 100)).shape == (SEEDS,)

    def test_measuring_changes_neither_its_arguments_nor_global_random_states(self) -> None:
        real, fakes = self._real(), self._fakes()
        samples, states = (real.samples.clone(), fakes.clone()), global_random_states()
        first, second = (self.subject.measure(real, Fakes(fakes, self._labels(real))) for _ in range(2))
        assert torch.equal(first, second), "two calls must give the same values"
        assert torch.equal(real.samples, samples[0]), "the real samples have changed"
        assert torch.equal(fakes, samples[1]), "the fakes have changed"
        assert global_random_states() == states, "random numbers must come from a generator with a fixed seed"

    def test_a_metric_that_can_decide_has_a_better_value_for_real_samples_than_for_a_constant(self) -> None:
        metric = self.subject
        if metric.direction == "neither" or (metric.direction == "higher" and metric.best is None):
            return
        own = () if metric in SAMPLE_METRICS else (metric,)
        check_metrics(replace(self.settings, metrics=own, distance=metric.name))
        values = reference_values([metric], self._real())[metric.name]
        best = values.real if metric.best is None else metric.best
        trivial = values.constant if metric.trivial is None else metric.trivial
        assert np.isfinite([best, trivial]).all(), "reference values must be finite"
        better = best > trivial if metric.direction == "higher" else best < trivial
        assert better, f"the reference {best:g} of real samples must be better than {trivial:g} of a constant"

    def _real(self) -> RealSamples:
        return RealSamples(self.data, "validation", self.settings, device=torch.device("cpu"), dtype=torch.float64)

    def _fakes(self) -> Tensor:
        """Fakes of three members: real samples with more and more noise."""
        real = self._real()
        paired = real.targets if self.subject.paired else None
        count = self.settings.samples if paired is None else len(paired)
        samples = real.tensor(self.data.every[:count]) if paired is None else paired
        noise = normal(SEEDS, *samples.shape, seed=11) * samples.std()
        return samples + noise * torch.tensor([0.01, 0.3, 1.0], dtype=torch.float64)[:, None, None]

    def _values(self, fakes: Tensor) -> Tensor:
        real = self._real()
        return self.subject.measure(real, Fakes(fakes, self._labels(real)))

    def _labels(self, real: RealSamples) -> Tensor | None:
        """Labels of `_fakes`, those of the real samples with noise; None for a metric that reads none."""
        if not self.subject.conditional:
            return None
        every = np.concatenate([self.data.labels_of(part) for part in PARTS])
        return torch.from_numpy(every[: self.settings.samples]).to(real.device)
