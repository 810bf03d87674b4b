"""Contract tests of generators and critics.

Each test runs on points and on grey and colour images, as far as the network fits them; an error names the shape.
"""

from collections.abc import Iterator
from contextlib import contextmanager
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
from gan_core.networks import AnyCritic, AnyGenerator, generate_in_chunks, gradient_by_autograd, try_network
from gan_core.shapes import CriticForm, Parameters, SampleShape

CANDIDATES: dict[str, list[tuple[int, ...]]] = {
    "points": [(5,), (2,)],
    "grey images": [(1, 8, 8), (1, 28, 28), (1, 32, 32), (1, 64, 64)],
    "colour images": [(3, 12, 10), (3, 28, 28), (3, 32, 32), (3, 64, 64)],
}
"""Shapes of each kind of sample; the first that a network fits is the one that it is tested on."""


class _Network(Description[Kind]):
    sample_shape: SampleShape | None = None

    def test_it_fits_points_or_images(self) -> None:
        """Also prints the shapes that the tests run on, and why there is none of some kind (`pytest -rP`)."""
        fitting, errors = self._fitting()
        reasons = "; ".join(f"on {kind}: {error}" for kind, error in errors.items())
        assert fitting, f"must run on points or on images, or the test must set sample_shape, but fails {reasons}"
        print(f"{type(self.subject).__name__} is tested on {', '.join(str(shape.shape) for shape in fitting)}")
        if errors:
            print(f"It is not tested {reasons}")

    def test_initial_parameters_are_finite_and_drawn_from_the_given_generator_alone(self) -> None:
        network: Any = self.subject
        for shape in self._shapes():
            with _naming(shape):
                with torch.random.fork_rng(devices=[]):
                    first, again = (initial(network, shape, global_seed=seed) for seed in (1, 2))
                assert list(first) == list(again), "parameters must have the same names at every call"
                assert all(torch.equal(first[name], again[name]) for name in first), (
                    "parameters must be drawn from the given generator"
                )
                assert all(value.isfinite().all() for value in first.values()), "parameters must be finite"

    def _shapes(self) -> list[SampleShape]:
        """The shapes to test on: `sample_shape` if it is set, else the first of each kind that the network fits."""
        fitting, errors = self._fitting()
        assert fitting, f"must run on points or on images: {errors}"
        return fitting

    def _fitting(self) -> tuple[list[SampleShape], dict[str, str]]:
        if self.sample_shape is not None:
            return [self.sample_shape], {}
        fitting, errors = [], {}
        for kind, shapes in CANDIDATES.items():
            candidates = [SampleShape(shape=shape, bounded=len(shape) == 3) for shape in shapes]
            tried = {shape: _error(self.subject, shape) for shape in candidates}
            fits = [shape for shape, error in tried.items() if error is None]
            if fits:
                fitting.append(fits[0])
            else:
                errors[kind] = str(tried[candidates[0]])
        return fitting, errors

    def _parameters(self, shape: SampleShape) -> Parameters:
        network: Any = self.subject
        return drawn(network, shape)


class GeneratorContract(_Network[AnyGenerator]):
    """Tests of a generator; a subclass sets `subject`, and `sample_shape` if it can only make samples of one shape."""

    subject: AnyGenerator

    def test_it_generates_a_distinct_sample_for_each_z_and_seed(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                fakes = self.subject.generate(self._parameters(shape), self._z(), shape)
                assert fakes.shape == (SEEDS, BATCH, shape.dim), (
                    f"fakes must have one sample per z, but have shape {tuple(fakes.shape)}"
                )
                assert fakes.isfinite().all()
                assert len(fakes.flatten(0, 1).unique(dim=0)) == SEEDS * BATCH, (
                    "different z or seeds must give different samples"
                )

    def test_fakes_of_a_seed_do_not_depend_on_the_other_seeds(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                parameters, z = self._parameters(shape), self._z()
                together = self.subject.generate(parameters, z, shape)
                for seed in range(SEEDS):
                    only = slice(seed, seed + 1)
                    alone = self.subject.generate(_of_seeds(parameters, only), z[only], shape)
                    assert_close(alone, together[only], rtol=1e-12, atol=1e-14)

    def test_a_fake_depends_on_its_own_z_alone_unless_its_layers_couple_a_batch(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                parameters, z = self._parameters(shape), self._z()
                some, every = (self.subject.generate(parameters, some, shape) for some in (z[:, 2:4], z))
                if self.subject.couples_fakes(shape):
                    assert self.subject.chunk is not None, "chunk must be a number if couples_fakes returns True"
                else:
                    assert_close(some, every[:, 2:4], rtol=1e-12, atol=1e-14)

    def test_fakes_of_an_evaluation_are_the_same_at_every_call(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                parameters, z = self._parameters(shape), self._z()
                first, again = (generate_in_chunks(self.subject, parameters, z, shape) for _ in range(2))
                assert torch.equal(first, again), "the same z must give the same fakes"

    def test_gans_can_be_trained_with_it(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                train(generator=self.subject, shape=shape)

    def _z(self) -> Tensor:
        return normal(SEEDS, BATCH, self.subject.latent, seed=9)


class CriticContract(_Network[AnyCritic]):
    """Tests of a critic; a subclass sets `subject`, and `sample_shape` if it fits samples of one shape alone."""

    subject: AnyCritic

    def test_form_is_score_or_energy(self) -> None:
        assert self.subject.form in get_args(CriticForm), 'form must be "score" or "energy"'

    def test_output_holds_one_value_per_sample_and_the_samples(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                samples = self._samples(shape)
                output = self.subject.call(self._parameters(shape), samples, shape)
                assert output.value.shape == (SEEDS, BATCH), f"values have shape {tuple(output.value.shape)}"
                assert output.value.isfinite().all()
                assert len(output.value.unique()) > SEEDS, "values must differ between samples and between seeds"
                assert torch.equal(output.samples, samples), "the output must hold the samples"

    def test_values_of_a_seed_do_not_depend_on_the_other_seeds(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                parameters, samples = self._parameters(shape), self._samples(shape)
                together = self._values(parameters, samples, shape)
                for seed in range(SEEDS):
                    only = slice(seed, seed + 1)
                    alone = self._values(_of_seeds(parameters, only), samples[only], shape)
                    assert_close(alone, together[only], rtol=1e-12, atol=1e-14)

    def test_a_value_depends_on_its_own_sample_alone(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                parameters, samples = self._parameters(shape), self._samples(shape)
                together = self._values(parameters, samples, shape)
                some = self._values(parameters, samples[:, 2:4], shape)
                assert_close(some, together[:, 2:4], rtol=1e-12, atol=1e-14)

    def test_gradient_is_the_derivative_of_the_values(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                parameters, samples = self._parameters(shape), self._samples(shape)
                gradient = self.subject.gradient(parameters, samples, shape)
                values = lambda points, parameters=parameters, shape=shape: self._values(parameters, points, shape)  # noqa: E731
                assert_close(gradient, gradient_by_autograd(values, samples), rtol=1e-10, atol=1e-12)

    def test_gans_can_be_trained_with_it(self) -> None:
        for shape in self._shapes():
            with _naming(shape):
                train(objective=OBJECTIVES[self.subject.form], critic=self.subject, shape=shape)

    def _values(self, parameters: Parameters, samples: Tensor, shape: SampleShape) -> Tensor:
        return self.subject.call(parameters, samples, shape).value

    def _samples(self, shape: SampleShape) -> Tensor:
        return normal(SEEDS, BATCH, shape.dim, seed=9)


@contextmanager
def _naming(shape: SampleShape) -> Iterator[None]:
    """Name the shape of the samples in the traceback of an exception."""
    try:
        yield
    except Exception as error:
        error.add_note(f"on samples of the shape {shape.shape}")
        raise


def _error(network: Any, shape: SampleShape) -> str | None:
    """The exception that a network raises on samples of this shape, None if it runs."""
    try:
        try_network(network, shape)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _of_seeds(parameters: Parameters, seeds: slice) -> Parameters:
    return {name: value[seeds] for name, value in parameters.items()}
