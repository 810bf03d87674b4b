"""Contract tests of generators and critics."""

from typing import Any, get_args

import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.contracts.material import (
    BATCH,
    OBJECTIVES,
    SEEDS,
    Description,
    Kind,
    drawn,
    initial,
    normal,
    train,
)
from gan_core.networks import AnyCritic, AnyGenerator, gradient_by_autograd
from gan_core.shapes import CriticForm, Parameters, SampleShape


class _Network(Description[Kind]):
    sample_shape = SampleShape(shape=(5,), bounded=False)

    def test_initial_parameters_are_finite_and_drawn_from_the_given_generator_alone(self) -> None:
        network: Any = self.subject
        with torch.random.fork_rng(devices=[]):
            first, again = (initial(network, self.sample_shape, global_seed=seed) for seed in (1, 2))
        assert list(first) == list(again), "parameters must have the same names at every call"
        assert all(torch.equal(first[name], again[name]) for name in first), (
            "parameters must be drawn from the given generator"
        )
        assert all(value.isfinite().all() for value in first.values()), "parameters must be finite"

    def _parameters(self) -> Parameters:
        network: Any = self.subject
        return drawn(network, self.sample_shape)


class GeneratorContract(_Network[AnyGenerator]):
    """Tests of a generator; a subclass sets `subject`, and `sample_shape` if the generator cannot make shape (5,)."""

    subject: AnyGenerator

    def test_it_generates_a_distinct_sample_for_each_z_and_seed(self) -> None:
        fakes = self._fakes(self._parameters(), self._z())
        assert fakes.shape == (SEEDS, BATCH, self.sample_shape.dim), (
            f"fakes must have one sample per z, but have shape {tuple(fakes.shape)}"
        )
        assert fakes.isfinite().all()
        assert len(fakes.flatten(0, 1).unique(dim=0)) == SEEDS * BATCH, (
            "different z or seeds must give different samples"
        )

    def test_fakes_of_a_seed_do_not_depend_on_the_other_seeds(self) -> None:
        parameters, z = self._parameters(), self._z()
        together = self._fakes(parameters, z)
        for seed in range(SEEDS):
            only = slice(seed, seed + 1)
            alone = self._fakes({name: value[only] for name, value in parameters.items()}, z[only])
            assert_close(alone, together[only], rtol=1e-12, atol=1e-14)

    def test_a_fake_depends_on_its_own_z_alone(self) -> None:
        parameters, z = self._parameters(), self._z()
        assert_close(self._fakes(parameters, z[:, 2:4]), self._fakes(parameters, z)[:, 2:4], rtol=1e-12, atol=1e-14)

    def test_gans_can_be_trained_with_it(self) -> None:
        train(generator=self.subject, dim=self.sample_shape.dim)

    def _fakes(self, parameters: Parameters, z: Tensor) -> Tensor:
        return self.subject.generate(parameters, z, self.sample_shape)

    def _z(self) -> Tensor:
        return normal(SEEDS, BATCH, self.subject.latent, seed=9)


class CriticContract(_Network[AnyCritic]):
    """Tests of a critic; a subclass sets `subject`, and `sample_shape` if the critic rejects samples of shape (5,)."""

    subject: AnyCritic

    def test_form_is_score_or_energy(self) -> None:
        assert self.subject.form in get_args(CriticForm), 'form must be "score" or "energy"'

    def test_output_holds_one_value_per_sample_and_the_samples(self) -> None:
        samples = self._samples()
        output = self.subject.call(self._parameters(), samples, self.sample_shape)
        assert output.value.shape == (SEEDS, BATCH), f"values have shape {tuple(output.value.shape)}"
        assert output.value.isfinite().all()
        assert len(output.value.unique()) > SEEDS, "values must differ between samples and between seeds"
        assert torch.equal(output.samples, samples), "the output must hold the samples"

    def test_values_of_a_seed_do_not_depend_on_the_other_seeds(self) -> None:
        parameters, samples = self._parameters(), self._samples()
        together = self._values(parameters, samples)
        for seed in range(SEEDS):
            only = slice(seed, seed + 1)
            alone = self._values({name: value[only] for name, value in parameters.items()}, samples[only])
            assert_close(alone, together[only], rtol=1e-12, atol=1e-14)

    def test_a_value_depends_on_its_own_sample_alone(self) -> None:
        parameters, samples = self._parameters(), self._samples()
        together = self._values(parameters, samples)
        assert_close(self._values(parameters, samples[:, 2:4]), together[:, 2:4], rtol=1e-12, atol=1e-14)

    def test_gradient_is_the_derivative_of_the_values(self) -> None:
        parameters, samples = self._parameters(), self._samples()
        gradient = self.subject.gradient(parameters, samples, self.sample_shape)
        expected = gradient_by_autograd(lambda samples: self._values(parameters, samples), samples)
        assert_close(gradient, expected, rtol=1e-10, atol=1e-12)

    def test_gans_can_be_trained_with_it(self) -> None:
        train(objective=OBJECTIVES[self.subject.form], critic=self.subject, dim=self.sample_shape.dim)

    def _values(self, parameters: Parameters, samples: Tensor) -> Tensor:
        return self.subject.call(parameters, samples, self.sample_shape).value

    def _samples(self) -> Tensor:
        return normal(SEEDS, BATCH, self.sample_shape.dim, seed=9)
