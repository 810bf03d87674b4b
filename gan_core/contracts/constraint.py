"""What a constraint must fulfil."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.constraints import AnyConstraint, Parameters, State
from gan_core.contracts.material import (
    BATCH,
    CRITICS,
    DIM,
    OBJECTIVES,
    SEEDS,
    SPACE,
    Description,
    Field,
    after_checkpoint,
    assert_untouched,
    copied,
    drawn,
    gradients_of,
    normal,
    play,
    shapes,
    streams,
    uniform,
)
from gan_core.networks import (
    AnyCritic,
    CriticAt,
)


class ConstraintContract(Description[AnyConstraint]):
    """Subclass it with `subject`, a constraint."""

    subject: AnyConstraint

    def test_penalty_is_one_finite_value_per_seed_or_none(self) -> None:
        for critic in CRITICS.values():
            penalty = self._penalty_of(critic)
            if penalty is not None:
                assert penalty.shape == (SEEDS,), f"must have one value per seed, but has shape {tuple(penalty.shape)}"
                assert len(set(penalty.tolist())) == SEEDS, "each seed's penalty must be that of its own critic"
                assert penalty.isfinite().all(), "must be finite"
                assert (penalty >= 0).all(), "must not be negative"

    def test_penalty_of_a_seed_alone_is_what_it_is_among_others(self) -> None:
        for critic in CRITICS.values():
            together = self._penalty_of(critic)
            for seed in range(SEEDS):
                alone = self._penalty_of(critic, slice(seed, seed + 1))
                assert (alone is None) == (together is None)
                if alone is not None and together is not None:
                    assert_close(alone, together[seed : seed + 1], rtol=1e-12, atol=0)

    def test_leading_axes_of_a_penalty_are_free(self) -> None:
        for axes in ((), (2,), (2, 3)):
            penalty = self._penalty(lambda points: points.pow(3).sum(-1), *self._batches(*axes))
            assert penalty is None or penalty.shape == axes

    def test_the_order_of_the_batch_does_not_matter(self) -> None:
        real, fake, noise = self._batches(SEEDS)
        order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(1))
        cubic: Callable[[Tensor], Tensor] = lambda points: points.pow(3).sum(-1)  # noqa: E731
        penalty = self._penalty(cubic, real, fake, noise)
        shuffled = self._penalty(cubic, real[:, order], fake[:, order], noise[:, order])
        if penalty is not None and shuffled is not None:
            assert_close(penalty, shuffled, rtol=1e-12, atol=0)

    def test_penalty_and_its_gradient_are_finite_where_scores_are_huge(self) -> None:
        for scale in (1e-4, 1e4):
            weight = (scale * normal(DIM, seed=5).float()).requires_grad_()
            batches = [part.float() for part in self._batches(SEEDS)]
            penalty = self._penalty(lambda points, weight=weight: points @ weight, *batches)  # type: ignore[misc]
            if penalty is not None:
                assert penalty.isfinite().all(), f"must be finite at slopes of {scale:g}"
                assert gradients_of(penalty, weight)[0].isfinite().all(), f"so must its gradient at slopes of {scale:g}"

    def test_penalty_reaches_the_critic_and_neither_the_generator_nor_the_real_samples(self) -> None:
        real, fake, noise = self._batches(2)
        real, fake, weight = real.requires_grad_(), fake.requires_grad_(), normal(DIM).requires_grad_()
        penalty = self._penalty(lambda points: points.square() @ weight, real, fake, noise)
        if penalty is not None:
            inputs = (real, fake, weight)
            found: tuple[Tensor | None, ...] = torch.autograd.grad(penalty.sum(), inputs, allow_unused=True)
            to_real, to_fake, to_critic = found
            assert to_real is None, "a penalty must not be differentiated to the real samples"
            assert to_fake is None, "a penalty must not be differentiated to the fakes, nor to the generator"
            assert to_critic is not None, "a penalty must be differentiated to the critic's parameters"
            assert to_critic.norm() > 0, "a penalty must move the critic's parameters"

    def test_mapping_keeps_names_and_shapes(self) -> None:
        for critic in CRITICS.values():
            parameters = drawn(critic)
            assert shapes(self.subject.mapped(parameters, self._state(parameters))) == shapes(parameters)

    def test_state_has_a_row_per_seed_that_knows_no_other_seed(self) -> None:
        for critic in CRITICS.values():
            parameters = drawn(critic)
            state = self._state(parameters)
            alone = self._state({name: value[-1:] for name, value in parameters.items()}, streams()[-1:])
            for name, value in state.items():
                assert value.shape[0] == SEEDS, "state must have a row per seed"
                assert_close(alone[name], value[-1:], rtol=1e-12, atol=1e-15)

    def test_iterating_and_mapping_change_nothing_that_they_were_given(self) -> None:
        for critic in CRITICS.values():
            parameters = drawn(critic)
            state = self._state(parameters)
            before = copied(parameters | state)
            self.subject.mapped(parameters, self.subject.iterate(parameters, state))
            assert_untouched(before, parameters | state)

    def test_state_goes_through_a_checkpoint_and_goes_on_as_it_would_have(self) -> None:
        parameters = drawn(CRITICS["score"])
        state = self._state(parameters)
        restored = after_checkpoint(state)
        assert_untouched(self.subject.iterate(parameters, state), self.subject.iterate(parameters, restored))
        assert_untouched(self.subject.mapped(parameters, state), self.subject.mapped(parameters, restored))

    def test_projecting_twice_is_projecting_once(self) -> None:
        once = 3 * normal(SEEDS, 20)
        self.subject.project_(once)
        twice = once.clone()
        self.subject.project_(twice)
        assert torch.equal(once, twice), "a projection must leave alone what it has projected"

    def test_it_acts_at_no_more_than_one_moment_of_the_critics_step(self) -> None:
        parameters = drawn(CRITICS["score"])
        mapped = self.subject.mapped(parameters, self._state(parameters))
        moved = 3 * normal(SEEDS, 20)
        self.subject.project_(moved)
        moments = {
            "maps the parameters": any(not torch.equal(mapped[name], parameters[name]) for name in parameters),
            "adds a penalty": self._penalty_of(CRITICS["score"]) is not None,
            "projects the parameters": not torch.equal(moved, 3 * normal(SEEDS, 20)),
        }
        acts = [moment for moment, does in moments.items() if does]
        assert len(acts) <= 1, f"it {' and '.join(acts)}"

    def test_a_game_is_played_with_it(self) -> None:
        for form, critic in CRITICS.items():
            play(objective=OBJECTIVES[form], constraint=self.subject, critic=critic)

    def _penalty_of(self, critic: AnyCritic, only: slice = slice(None)) -> Tensor | None:
        """The penalty of some of the seeds, as a critic step adds it: parameters mapped, each seed its own batch.

        The critics are steep, so that a penalty on slopes above 1 alone has something to charge.
        """
        parameters = {name: 2 * value for name, value in drawn(critic).items()}
        mapped = self.subject.mapped(parameters, self._state(parameters))
        chosen = {name: value[only] for name, value in mapped.items()}
        real, fake, noise = (part[only] for part in self._batches(SEEDS))
        return self.subject.penalty(CriticAt(critic, chosen, SPACE), real, fake, noise)

    def _penalty(self, value: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, noise: Tensor) -> Tensor | None:
        return self.subject.penalty(Field(value), real, fake, noise)

    def _batches(self, *axes: int) -> tuple[Tensor, Tensor, Tensor]:
        real, fake = normal(*axes, BATCH, DIM, seed=1), 2 * normal(*axes, BATCH, DIM, seed=2) + 1
        return real, fake, uniform(*axes, BATCH, self.subject.noise_width(DIM), seed=3)

    def _state(self, parameters: Parameters, generators: list[torch.Generator] | None = None) -> State:
        first = self.subject.initial_state(parameters, streams() if generators is None else generators)
        return self.subject.iterate(parameters, first)
