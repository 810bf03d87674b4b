"""Contract tests of constraints."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.constraints import AnyConstraint
from gan_core.contracts.material import (
    BATCH,
    CRITICS,
    DIM,
    OBJECTIVES,
    SEEDS,
    SHAPE,
    Description,
    Field,
    after_checkpoint,
    assert_equal,
    copies,
    drawn,
    gradients_of,
    normal,
    shapes,
    streams,
    train,
    uniform,
)
from gan_core.networks import AnyCritic, CriticAt
from gan_core.shapes import Parameters, State


class ConstraintContract(Description[AnyConstraint]):
    """Tests of a constraint; a subclass sets `subject`."""

    subject: AnyConstraint

    def test_penalty_is_one_finite_value_per_seed_or_none(self) -> None:
        for critic in CRITICS.values():
            penalty = self._penalty_of(critic)
            if penalty is not None:
                assert penalty.shape == (SEEDS,), (
                    f"a penalty must have shape ({SEEDS},), but has {tuple(penalty.shape)}"
                )
                assert len(set(penalty.tolist())) == SEEDS, "each seed's penalty must be that of its own critic"
                assert penalty.isfinite().all(), "a penalty must be finite"
                assert (penalty >= 0).all(), "a penalty must not be negative"

    def test_penalty_of_a_seed_does_not_depend_on_the_other_seeds(self) -> None:
        for critic in CRITICS.values():
            together = self._penalty_of(critic)
            for seed in range(SEEDS):
                alone = self._penalty_of(critic, slice(seed, seed + 1))
                assert (alone is None) == (together is None)
                if alone is not None and together is not None:
                    assert_close(alone, together[seed : seed + 1], rtol=1e-12, atol=0)

    def test_penalty_keeps_any_leading_axes(self) -> None:
        for axes in ((), (2,), (2, 3)):
            penalty = self._penalty(lambda points: points.pow(3).sum(-1), *self._batches(*axes))
            assert penalty is None or penalty.shape == axes

    def test_penalty_does_not_depend_on_the_order_of_the_batch(self) -> None:
        real, fake, noise = self._batches(SEEDS)
        order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(1))
        cubic: Callable[[Tensor], Tensor] = lambda points: points.pow(3).sum(-1)  # noqa: E731
        penalty = self._penalty(cubic, real, fake, noise)
        shuffled = self._penalty(cubic, real[:, order], fake[:, order], noise[:, order])
        if penalty is not None and shuffled is not None:
            assert_close(penalty, shuffled, rtol=1e-12, atol=0)

    def test_penalty_and_its_gradient_are_finite_at_very_small_and_very_large_slopes(self) -> None:
        for scale in (1e-4, 1e4):
            weight = (scale * normal(DIM, seed=5).float()).requires_grad_()
            batches = [part.float() for part in self._batches(SEEDS)]
            penalty = self._penalty(lambda points, weight=weight: points @ weight, *batches)  # type: ignore[misc]
            if penalty is not None:
                assert penalty.isfinite().all(), f"a penalty must be finite at slopes of {scale:g}"
                (gradient,) = gradients_of(penalty, weight)
                assert gradient.isfinite().all(), f"the gradient must be finite at slopes of {scale:g}"

    def test_penalty_has_a_gradient_for_the_critic_and_none_for_real_samples_and_fakes(self) -> None:
        real, fake, noise = self._batches(2)
        real, fake, weight = real.requires_grad_(), fake.requires_grad_(), normal(DIM).requires_grad_()
        penalty = self._penalty(lambda points: points.square() @ weight, real, fake, noise)
        if penalty is not None:
            gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
                penalty.sum(), (real, fake, weight), allow_unused=True
            )
            by_real, by_fake, by_parameters = gradients
            assert by_real is None, "a penalty must have no gradient with respect to real samples"
            assert by_fake is None, "a penalty must have no gradient with respect to fakes, nor to the generator"
            assert by_parameters is not None, "a penalty must have a gradient with respect to the critic's parameters"
            assert by_parameters.norm() > 0, "the gradient with respect to the critic's parameters must not be 0"

    def test_map_parameters_keeps_names_and_shapes(self) -> None:
        for critic in CRITICS.values():
            parameters = drawn(critic)
            assert shapes(self.subject.map_parameters(parameters, self._state(parameters))) == shapes(parameters)

    def test_state_has_a_row_per_seed_that_does_not_depend_on_other_seeds(self) -> None:
        for critic in CRITICS.values():
            parameters = drawn(critic)
            state = self._state(parameters)
            alone = self._state({name: value[-1:] for name, value in parameters.items()}, streams()[-1:])
            for name, value in state.items():
                assert value.shape[0] == SEEDS, "state must have a row per seed"
                assert_close(alone[name], value[-1:], rtol=1e-12, atol=1e-15)

    def test_next_state_and_map_parameters_leave_their_arguments_unchanged(self) -> None:
        for critic in CRITICS.values():
            parameters = drawn(critic)
            state = self._state(parameters)
            before = copies(parameters | state)
            self.subject.map_parameters(parameters, self.subject.next_state(parameters, state))
            assert_equal(before, parameters | state)

    def test_state_after_a_checkpoint_gives_the_same_numbers(self) -> None:
        parameters = drawn(CRITICS["score"])
        state = self._state(parameters)
        restored = after_checkpoint(state)
        assert_equal(self.subject.next_state(parameters, state), self.subject.next_state(parameters, restored))
        assert_equal(self.subject.map_parameters(parameters, state), self.subject.map_parameters(parameters, restored))

    def test_projection_is_idempotent(self) -> None:
        once = 3 * normal(SEEDS, 20)  # flat parameters
        self.subject.project_(once)
        twice = once.clone()
        self.subject.project_(twice)
        same = torch.allclose(once, twice, rtol=1e-5, atol=1e-7)  # but for rounding
        assert same, "projecting twice must give the same parameters as projecting once"

    def test_it_acts_at_one_point_of_a_critic_step_at_most(self) -> None:
        parameters = drawn(CRITICS["score"])
        mapped = self.subject.map_parameters(parameters, self._state(parameters))
        projected = 3 * normal(SEEDS, 20)
        self.subject.project_(projected)
        effects = {
            "maps the parameters": any(not torch.equal(mapped[name], parameters[name]) for name in parameters),
            "adds a penalty": self._penalty_of(CRITICS["score"]) is not None,
            "projects the parameters": not torch.equal(projected, 3 * normal(SEEDS, 20)),
        }
        present = [effect for effect, happens in effects.items() if happens]
        assert len(present) <= 1, f"a constraint must act at one point, but this one {' and '.join(present)}"

    def test_gans_can_be_trained_with_it(self) -> None:
        for form, critic in CRITICS.items():
            train(objective=OBJECTIVES[form], constraint=self.subject, critic=critic)

    def _penalty_of(self, critic: AnyCritic, only: slice = slice(None)) -> Tensor | None:
        """Penalty of the seeds in `only`, as in a critic step: with mapped parameters, and a different batch per seed.

        The critics have slopes above 1, at which one-sided penalties are not 0.
        """
        parameters = {name: 2 * value for name, value in drawn(critic).items()}
        mapped = self.subject.map_parameters(parameters, self._state(parameters))
        selected = {name: value[only] for name, value in mapped.items()}
        real, fake, noise = (part[only] for part in self._batches(SEEDS))
        return self.subject.penalty(CriticAt(critic, selected, SHAPE), real, fake, noise)

    def _penalty(self, value: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, noise: Tensor) -> Tensor | None:
        return self.subject.penalty(Field(value), real, fake, noise)

    def _batches(self, *axes: int) -> tuple[Tensor, Tensor, Tensor]:
        real, fake = normal(*axes, BATCH, DIM, seed=1), 2 * normal(*axes, BATCH, DIM, seed=2) + 1
        return real, fake, uniform(*axes, BATCH, self.subject.noise_width(DIM), seed=3)

    def _state(self, parameters: Parameters, generators: list[torch.Generator] | None = None) -> State:
        initial = self.subject.initial_state(parameters, streams() if generators is None else generators)
        return self.subject.next_state(parameters, initial)
