"""What a generator and a critic must fulfil."""

from typing import Any, get_args

import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.constraints import Parameters, gradient_by_autograd
from gan_core.contracts.material import (
    BATCH,
    OBJECTIVES,
    SEEDS,
    Description,
    Kind,
    drawn,
    initial,
    normal,
    play,
)
from gan_core.networks import (
    AnyCritic,
    AnyGenerator,
    SampleSpace,
)
from gan_core.objectives import CriticForm


class _Network(Description[Kind]):
    space = SampleSpace(dim=5, bounded=False)

    def test_a_seeds_parameters_are_finite_and_drawn_from_its_generator_alone(self) -> None:
        network: Any = self.subject
        with torch.random.fork_rng(devices=[]):
            first, again = (initial(network, self.space, global_seed=seed) for seed in (1, 2))
        assert list(first) == list(again), "parameters must have the same names every time"
        assert all(torch.equal(first[name], again[name]) for name in first), "must be drawn from the given generator"
        assert all(value.isfinite().all() for value in first.values()), "must be finite"

    def _parameters(self) -> Parameters:
        network: Any = self.subject
        return drawn(network, self.space)


class GeneratorContract(_Network[AnyGenerator]):
    """Subclass it with `subject`, a generator; with `space` too, if it makes samples of one dimension only."""

    subject: AnyGenerator

    def test_it_makes_a_sample_per_z_and_seed(self) -> None:
        fakes = self._fakes(self._parameters(), self._z())
        assert fakes.shape == (SEEDS, BATCH, self.space.dim), f"the fakes have shape {tuple(fakes.shape)}"
        assert fakes.isfinite().all()
        assert len(fakes.flatten(0, 1).unique(dim=0)) == SEEDS * BATCH, "each z of each seed must give another sample"

    def test_a_seed_alone_makes_what_it_makes_among_others(self) -> None:
        parameters, z = self._parameters(), self._z()
        together = self._fakes(parameters, z)
        for seed in range(SEEDS):
            one = slice(seed, seed + 1)
            alone = self._fakes({name: value[one] for name, value in parameters.items()}, z[one])
            assert_close(alone, together[one], rtol=1e-12, atol=1e-14)

    def test_it_treats_its_z_one_by_one(self) -> None:
        parameters, z = self._parameters(), self._z()
        assert_close(self._fakes(parameters, z[:, 2:4]), self._fakes(parameters, z)[:, 2:4], rtol=1e-12, atol=1e-14)

    def test_a_game_is_played_with_it(self) -> None:
        play(generator=self.subject, dim=self.space.dim)

    def _fakes(self, parameters: Parameters, z: Tensor) -> Tensor:
        return self.subject.generate(parameters, z, self.space)

    def _z(self) -> Tensor:
        return normal(SEEDS, BATCH, self.subject.latent, seed=9)


class CriticContract(_Network[AnyCritic]):
    """Subclass it with `subject`, a critic; with `space` too, if it takes samples of one dimension only."""

    subject: AnyCritic

    def test_it_says_what_it_gives(self) -> None:
        assert self.subject.form in get_args(CriticForm), 'form must be "score" or "energy"'

    def test_it_says_one_value_per_sample_and_hands_the_points_on(self) -> None:
        points = self._points()
        critique = self.subject.criticise(self._parameters(), points, self.space)
        assert critique.value.shape == (SEEDS, BATCH), f"the values have shape {tuple(critique.value.shape)}"
        assert critique.value.isfinite().all()
        assert len(critique.value.unique()) > SEEDS, "values must differ between samples and between seeds"
        assert torch.equal(critique.points, points), "the critique must hold the points that it is about"

    def test_a_seed_alone_says_what_it_says_among_others(self) -> None:
        parameters, points = self._parameters(), self._points()
        together = self._values(parameters, points)
        for seed in range(SEEDS):
            one = slice(seed, seed + 1)
            alone = self._values({name: value[one] for name, value in parameters.items()}, points[one])
            assert_close(alone, together[one], rtol=1e-12, atol=1e-14)

    def test_it_treats_its_samples_one_by_one(self) -> None:
        parameters, points = self._parameters(), self._points()
        together = self._values(parameters, points)
        assert_close(self._values(parameters, points[:, 2:4]), together[:, 2:4], rtol=1e-12, atol=1e-14)

    def test_its_gradient_is_that_of_its_values(self) -> None:
        parameters, points = self._parameters(), self._points()
        gradient = self.subject.gradient(parameters, points, self.space)
        expected = gradient_by_autograd(lambda at: self._values(parameters, at), points)
        assert_close(gradient, expected, rtol=1e-10, atol=1e-12)

    def test_a_game_is_played_with_it(self) -> None:
        play(objective=OBJECTIVES[self.subject.form], critic=self.subject, dim=self.space.dim)

    def _values(self, parameters: Parameters, points: Tensor) -> Tensor:
        return self.subject.criticise(parameters, points, self.space).value

    def _points(self) -> Tensor:
        return normal(SEEDS, BATCH, self.space.dim, seed=9)
