"""What an objective must fulfil."""

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
    assert_untouched,
    copied,
    critique,
    gradients_of,
    ordered,
    part_of,
    play,
    shapes,
    uniform,
)
from gan_core.objectives import AnyObjective, CriticForm, Critique, Memory, detached


class ObjectiveContract(Description[AnyObjective]):
    """Subclass it with `subject`, an objective.

    values  between which the scores or energies are drawn at which it must still pull each player its own way
    """

    subject: AnyObjective
    values: tuple[float, float] = (0.1, 0.9)

    def test_it_says_what_it_reads(self) -> None:
        assert self.subject.critic_form in get_args(CriticForm), 'critic_form must be "score" or "energy"'

    def test_losses_have_one_value_per_seed_and_differ_between_seeds(self) -> None:
        for loss in self._losses(*self._batches(SEEDS)):
            assert loss.shape == (SEEDS,), f"a loss must have one value per seed, but has shape {tuple(loss.shape)}"
            assert len(set(loss.tolist())) == SEEDS, "each seed's loss must be that of its own batch"

    def test_critic_wants_real_scores_up_and_real_energies_down(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_pull(self._losses(real, fake)[0], real, up_in_scores=True)

    def test_critic_wants_fake_scores_down_and_fake_energies_up(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_pull(self._losses(real, fake)[0], fake, up_in_scores=False)

    def test_generator_wants_fake_scores_up_and_fake_energies_down(self) -> None:
        real, fake = self._batches(SEEDS)
        self._assert_pull(self._losses(real, fake)[1], fake, up_in_scores=True)

    def _assert_pull(self, loss: Tensor, critique: Critique, *, up_in_scores: bool) -> None:
        """No sample is pulled the wrong way, and each seed has one that is pulled the right way."""
        (gradient,) = gradients_of(loss, critique.value)
        upward = -gradient if up_in_scores == (self.subject.critic_form == "score") else gradient
        assert (upward >= 0).all(), "the loss pulls a sample the wrong way"
        assert (upward > 0).any(-1).all(), "the loss has no gradient where scores lie between `values`"

    def test_losses_and_gradients_are_finite_at_huge_scores(self) -> None:
        for dtype in (torch.float32, torch.float64):
            memory = {name: value.to(dtype) for name, value in self._memory(SEEDS).items()}
            for of_real in (-1e4, 1e4):
                for of_fake in (-1e4, 1e4):
                    real, fake = (critique(torch.full((SEEDS, BATCH), at, dtype=dtype)) for at in (of_real, of_fake))
                    for loss in self._losses(real, fake, memory):
                        assert loss.isfinite().all(), f"a loss is not finite at {of_real:g} and {of_fake:g}"
                        for gradient in gradients_of(loss, real.value, fake.value):
                            assert gradient.isfinite().all(), f"not so a gradient at {of_real:g} and {of_fake:g}"

    def test_a_seed_alone_has_the_losses_and_gradients_it_has_among_others(self) -> None:
        real, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        together = self._losses(real, fake, memory)
        gradients = [gradients_of(loss, real.value, fake.value) for loss in together]
        for seed in range(SEEDS):
            one = slice(seed, seed + 1)
            own_real, own_fake = part_of(real, one), part_of(fake, one)
            alone = self._losses(own_real, own_fake, {name: value[one] for name, value in memory.items()})
            for loss, among, expected in zip(alone, together, gradients, strict=True):
                assert_close(loss, among[one], rtol=1e-14, atol=0)
                for mine, theirs in zip(gradients_of(loss, own_real.value, own_fake.value), expected, strict=True):
                    assert_close(mine, theirs[one], rtol=1e-13, atol=0)

    def test_leading_axes_are_free(self) -> None:
        for axes in ((), (2,), (2, 3)):
            for loss in self._losses(*self._batches(*axes)):
                assert loss.shape == axes, f"a loss of batches with axes {axes} has shape {tuple(loss.shape)}"

    def test_the_order_of_the_pairs_in_a_batch_does_not_matter(self) -> None:
        real, fake = self._batches(SEEDS)
        order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(1))
        shuffled = self._losses(ordered(real, order), ordered(fake, order))
        for loss, other in zip(self._losses(real, fake), shuffled, strict=True):
            assert_close(loss, other, rtol=1e-13, atol=1e-15)

    def test_losses_are_pure(self) -> None:
        real, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        before = copied(memory) | {"real": real.value.detach().clone(), "fake": fake.value.detach().clone()}
        first, second = self._losses(real, fake, memory), self._losses(real, fake, memory)
        assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True)), "the same, twice"
        assert_untouched(before, memory | {"real": real.value.detach(), "fake": fake.value.detach()})

    def test_a_generator_loss_that_does_not_read_real_samples_needs_none(self) -> None:
        _, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        if not self.subject.generator_reads_real and not memory:
            assert self.subject.generator_loss(None, fake, memory).shape == (SEEDS,)

    def test_memory_has_a_row_per_seed_and_keeps_names_and_shapes(self) -> None:
        first, then = self.subject.initial_memory(SEEDS), self._memory(SEEDS)
        assert all(value.shape[:1] == (SEEDS,) for value in first.values()), "memory must have a row per seed"
        assert shapes(first) == shapes(then), "remember must keep the names and shapes of the memory"

    def test_remembering_leaves_the_memory_it_was_given_and_no_graph(self) -> None:
        real, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        before = copied(memory)
        after = self.subject.remember(detached(real), detached(fake), memory)
        assert_untouched(before, memory)
        assert not any(value.requires_grad for value in after.values()), "memory must not hold a graph"

    def test_memory_goes_through_a_checkpoint_and_leaves_losses_and_memory_as_they_were(self) -> None:
        real, fake = self._batches(SEEDS)
        memory = self._memory(SEEDS)
        restored = after_checkpoint(memory)
        for loss, again in zip(self._losses(real, fake, memory), self._losses(real, fake, restored), strict=True):
            assert torch.equal(loss, again)
        remember = partial(self.subject.remember, detached(real), detached(fake))
        assert_untouched(remember(memory), remember(restored))

    def test_a_game_is_played_with_it(self) -> None:
        play(objective=self.subject, critic=CRITICS[self.subject.critic_form])

    def _losses(self, real: Critique, fake: Critique, memory: Memory | None = None) -> tuple[Tensor, Tensor]:
        held = self._memory(*real.value.shape[:-1]) if memory is None else memory
        return self.subject.critic_loss(real, fake, held), self.subject.generator_loss(real, fake, held)

    def _batches(self, *axes: int) -> tuple[Critique, Critique]:
        low, high = self.values
        real, fake = (low + (high - low) * uniform(*axes, BATCH, seed=seed) for seed in (1, 2))
        return critique(real), critique(fake, seed=5)

    def _memory(self, *axes: int) -> Memory:
        """A memory in mid-game, since some objectives start at the border of what they do."""
        low, high = self.values
        count = torch.Size(axes).numel()
        spread = uniform(count, BATCH, seed=3) / 10
        real, fake = detached(critique(high + spread)), detached(critique(low + spread))
        memory = {name: value.double() for name, value in self.subject.initial_memory(count).items()}
        for _ in range(3):
            memory = self.subject.remember(real, fake, memory)
        return {name: value.reshape((*axes, *value.shape[1:])) for name, value in memory.items()}
