"""Budgets: number of training steps of every member, and the iterations after which it is evaluated."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Literal, Protocol

from gan_core.fields import Steps


class StepCounts(Protocol):
    """Numbers of steps in the iterations of a training: `Training` of ours, `LoopSteps` of a user's loop."""

    @property
    def pretrain_steps(self) -> int:
        """Iterations before the first generator step."""

    def generator_steps(self, iterations: int) -> int:
        """Generator steps in the first iterations."""

    def critic_steps(self, iterations: int) -> int:
        """Critic steps in the first iterations."""


@dataclass(frozen=True)
class LoopSteps:
    """Steps of a training by a user's loop: an iteration is one generator step; its critic steps are unknown."""

    pretrain_steps: int = 0

    def generator_steps(self, iterations: int) -> int:
        """Generator steps in the first iterations: all of them."""
        return iterations

    def critic_steps(self, iterations: int) -> int:
        """Errors: `ValueError`, since they are unknown."""
        raise ValueError("training: the critic steps of a user's loop are unknown")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Training steps of every member.

    unit   `critic_steps`: the same number of critic steps for every condition, pre-training included.
           `generator_steps`: the same number of generator steps, so n_critic = 5 takes five times the critic steps of
           n_critic = 1
    steps  training steps of each member, counted in `unit`
    """

    unit: Literal["critic_steps", "generator_steps"] = "critic_steps"
    steps: Steps

    def iterations(self, training: StepCounts) -> int:
        """Largest number of iterations that takes at most `steps` steps of the budget's unit."""
        if self.unit == "generator_steps":
            return training.pretrain_steps + self.steps
        bound = training.pretrain_steps + self.steps  # an iteration takes at least one critic step
        return bisect_right(range(bound), self.steps, key=lambda iterations: training.critic_steps(iterations + 1))

    def elapsed_steps(self, training: StepCounts, iterations: int) -> int:
        """Steps in the budget's unit after `iterations` iterations."""
        if self.unit == "generator_steps":
            return training.generator_steps(iterations)
        return training.critic_steps(iterations)

    def evaluation_iterations(self, training: StepCounts, measurements: int) -> list[int]:
        """Iterations after which a member is evaluated, in order: 0, then at equal fractions of the budget's steps.

        Shape: `measurements` + 1 numbers. An evaluation due within an iteration is made at the end of that iteration.
        """
        iterations = self.iterations(training)
        last = self.elapsed_steps(training, iterations)
        due = [i * last / measurements for i in range(1, measurements + 1)]
        return [
            0,
            *(
                bisect_left(range(iterations), steps, key=lambda number: self.elapsed_steps(training, number))
                for steps in due
            ),
        ]
