"""Contract tests of objectives."""

from functools import partial
from typing import get_args

import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.contracts.material import (
    BATCH,
    CRITICS,
    SEEDS,
    Description,
    after_checkpoint,
    assert_equal,
    copies,
    critic_output,
    gradients_of,
    reorder,
    select_seeds,
    shapes,
    train,
    uniform,
)
from gan_core.objectives import AnyObjective
from gan_core.shapes import CriticForm, CriticOutput, State


class ObjectiveContract(Description[AnyObjective]):
    """Tests of an objective; a subclass sets `subject`.

    values  range of scores or energies in which the gradients of both losses must not be 0
    """

    subject: AnyObjective
    values: tuple[float, float] = (0.1, 0.9)

    def test_critic_form_is_score_or_energy(self) -> None:
        assert self.subject.critic_form in get_args(CriticForm), 'critic_form must be "score" or "energy"'

    def test_losses_have_one_value_per_seed_and_differ_between_seeds(self) -> None:
        for loss in self._losses(*self._batches(SEEDS)):
            assert loss.shape == (SEEDS,), f"a loss must have one value per seed, but has shape {tuple(loss.shape)}"
            assert len(set(loss.tolist())) == SEEDS, "each seed's loss must be that of its own batch"

    def test_critic_step_raises_real_scores_and_lowers_real_energies(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_direction(self._losses(real, fake)[0], real, raises_scores=True)

    def test_critic_step_lowers_fake_scores_and_raises_fake_energies(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_direction(self._losses(real, fake)[0], fake, raises_scores=False)

    def test_generator_step_raises_fake_scores_and_lowers_fake_energies(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_direction(self._losses(real, fake)[1], fake, raises_scores=True)

    def _assert_direction(self, loss: Tensor, output: CriticOutput, *, raises_scores: bool) -> None:
        """Assert that a gradient step on `loss` moves at least one value per seed, and none in the wrong direction."""
        (gradient,) = gradients_of(loss, output.value)
        right_way = -gradient if raises_scores == (self.subject.critic_form == "score") else gradient
        assert (right_way >= 0).all(), "the gradient of the loss has the wrong sign for a sample"
        assert (right_way > 0).any(-1).all(), "the loss has no gradient at scores or energies in `values`"

    def test_losses_and_gradients_are_finite_at_scores_of_ten_thousand(self) -> None:
        for dtype in (torch.float32, torch.float64):
            state = {name: value.to(dtype) for name, value in self._state(SEEDS).items()}
            for of_real in (-1e4, 1e4):
                for of_fake in (-1e4, 1e4):
                    real, fake = (
                        critic_output(torch.full((SEEDS, BATCH), value, dtype=dtype)) for value in (of_real, of_fake)
                    )
                    for loss in self._losses(real, fake, state):
                        assert loss.isfinite().all(), f"a loss is not finite at {of_real:g} and {of_fake:g}"
                        for gradient in gradients_of(loss, real.value, fake.value):
                            assert gradient.isfinite().all(), f"a gradient is not finite at {of_real:g} and {of_fake:g}"

    def test_losses_and_gradients_of_a_seed_do_not_depend_on_the_other_seeds(self) -> None:
        real, fake = self._batches(SEEDS)
        state = self._state(SEEDS)
        together = self._losses(real, fake, state)
        gradients = [gradients_of(loss, real.value, fake.value) for loss in together]
        for seed in range(SEEDS):
            only = slice(seed, seed + 1)
            real_alone, fake_alone = select_seeds(real, only), select_seeds(fake, only)
            alone = self._losses(real_alone, fake_alone, {name: value[only] for name, value in state.items()})
            for loss, expected_loss, expected in zip(alone, together, gradients, strict=True):
                assert_close(loss, expected_loss[only], rtol=1e-14, atol=0)
                for gradient, all_seeds in zip(
                    gradients_of(loss, real_alone.value, fake_alone.value), expected, strict=True
                ):
                    assert_close(gradient, all_seeds[only], rtol=1e-13, atol=0)

    def test_losses_keep_any_leading_axes(self) -> None:
        for axes in ((), (2,), (2, 3)):
            for loss in self._losses(*self._batches(*axes)):
                assert loss.shape == axes, f"a loss of batches with axes {axes} has shape {tuple(loss.shape)}"

    def test_losses_do_not_depend_on_the_order_of_the_pairs_in_a_batch(self) -> None:
        real, fake = self._batches(SEEDS)
        order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(1))
        shuffled = self._losses(reorder(real, order), reorder(fake, order))
        for loss, other in zip(self._losses(real, fake), shuffled, strict=True):
            assert_close(loss, other, rtol=1e-13, atol=1e-15)

    def test_losses_are_pure(self) -> None:
        real, fake = self._batches(SEEDS)
        state = self._state(SEEDS)
        before = copies(state) | {"real": real.value.detach().clone(), "fake": fake.value.detach().clone()}
        first, second = self._losses(real, fake, state), self._losses(real, fake, state)
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True)), "two calls must give the same losses"
        assert_equal(before, state | {"real": real.value.detach(), "fake": fake.value.detach()})

    def test_generator_loss_without_generator_reads_real_needs_no_real_samples(self) -> None:
        _, fake = self._batches(SEEDS)
        state = self._state(SEEDS)
        if not self.subject.generator_reads_real and not state:
            assert self.subject.generator_loss(None, fake, state).shape == (SEEDS,)

    def test_state_has_a_row_per_seed_and_keeps_names_and_shapes(self) -> None:
        initial, later = self.subject.initial_state(SEEDS), self._state(SEEDS)
        assert all(value.shape[:1] == (SEEDS,) for value in initial.values()), "state must have a row per seed"
        assert shapes(initial) == shapes(later), "next_state must keep the names and shapes of the state"

    def test_next_state_leaves_its_argument_unchanged_and_holds_no_graph(self) -> None:
        real, fake = self._batches(SEEDS)
        state = self._state(SEEDS)
        before = copies(state)
        after = self.subject.next_state(real.detach(), fake.detach(), state)
        assert_equal(before, state)
        assert not any(value.requires_grad for value in after.values()), "state must not hold a graph"

    def test_state_after_a_checkpoint_gives_the_same_numbers(self) -> None:
        real, fake = self._batches(SEEDS)
        state = self._state(SEEDS)
        restored = after_checkpoint(state)
        for loss, again in zip(self._losses(real, fake, state), self._losses(real, fake, restored), strict=True):
            assert torch.equal(loss, again)
        next_state = partial(self.subject.next_state, real.detach(), fake.detach())
        assert_equal(next_state(state), next_state(restored))

    def test_gans_can_be_trained_with_it(self) -> None:
        train(objective=self.subject, critic=CRITICS[self.subject.critic_form])

    def _losses(self, real: CriticOutput, fake: CriticOutput, state: State | None = None) -> tuple[Tensor, Tensor]:
        if state is None:
            state = self._state(*real.value.shape[:-1])
        return self.subject.critic_loss(real, fake, state), self.subject.generator_loss(real, fake, state)

    def _batches(self, *axes: int) -> tuple[CriticOutput, CriticOutput]:
        low, high = self.values
        real, fake = (low + (high - low) * uniform(*axes, BATCH, seed=seed) for seed in (1, 2))
        return critic_output(real), critic_output(fake, seed=5)

    def _state(self, *axes: int) -> State:
        """State after three generator steps: an initial state may lie on a bound, where losses lack a term."""
        low, high = self.values
        count = torch.Size(axes).numel()
        spread = uniform(count, BATCH, seed=3) / 10
        real, fake = critic_output(high + spread).detach(), critic_output(low + spread).detach()
        state = {name: value.double() for name, value in self.subject.initial_state(count).items()}
        for _ in range(3):
            state = self.subject.next_state(real, fake, state)
        return {name: value.reshape((*axes, *value.shape[1:])) for name, value in state.items()}
