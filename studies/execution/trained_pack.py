"""The trainings of a pack, as its checkpoints, evaluations and kept samples need them."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float
from torch import Tensor

from gan_core.data import Classes
from gan_core.evaluation import Evaluator


class TrainedPack(Protocol):
    """Trainings of the members of a pack, side by side or one after the other, and their metrics.

    evaluator  measures their fakes
    classes    classes whose labels the networks get; None if they get none
    resumes    True if `state` and `load` work; if not, an interrupted training starts again from zero
    """

    evaluator: Evaluator
    classes: Classes | None
    resumes: bool

    @property
    def iteration(self) -> int:
        """Number of iterations so far."""

    def advance(self, iterations: int) -> None:
        """Train for that many more iterations."""

    def nonfinite_iterations(self) -> list[int]:
        """First iteration after which each member was not finite, -1 if there is none; asked for at evaluations."""

    def evaluate(self, members: Sequence[int], *, last: bool) -> dict[str, Float[np.ndarray, "members"]]:
        """Every metric that is due, of these members, by name; `last` is True at the last evaluation."""

    def generate(self, count: int) -> Float[Tensor, "members count dim"]:
        """Fakes of every member's present generator."""

    def parameters(self) -> Float[Tensor, "versions members numbers"]:
        """Parameters of the generators in float32: the trained ones and, if any, their averages."""

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of one generator, by name."""

    def critic_values(self, samples: Float[np.ndarray, "samples dim"]) -> Float[np.ndarray, "members samples"] | None:
        """Outputs of each member's critic for these samples; None if they are unknown."""

    def kept_states(self) -> list[bytes]:
        """State of each member, from which its generator can be made again; empty if `parameters` are enough."""

    def state(self) -> dict[str, Any]:
        """Everything that later iterations depend on, for a checkpoint."""

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
