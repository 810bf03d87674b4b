"""Trainer of users' loops: one instance for each seed, with global random states of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor

from gan_core.data import Dataset, as_coordinates
from gan_core.training.global_randomness import GlobalRandomness
from gan_core.training.loop_threads import HeldLoop
from gan_core.training.own_loops import (
    OwnLoop,
    Samples,
    StepLoop,
    TrainingPairs,
    TrainingRun,
    WholeLoop,
    check_state,
)
from gan_core.training.randomness import EVALUATION_SEED


class LoopTrainer:
    """Trainings by a user's loop, one per seed, one after the other.

        trainer = LoopTrainer(MyTraining(lr=1e-3), data=data, seeds=[0, 1], due=[0, 50, 100])
        trainer.advance(50)
        trainer.generate(500)

    The random numbers that a seed's loop draws from Python's, numpy's and torch's global generators depend on the seed
    alone, and drawing them changes no other number. `generate` draws from global states of its own, the same for every
    seed and step.

    iteration  generator steps so far
    resumes    True if `state` and `load` work: the loop is a `StepLoop`

    loop  description of the loop; it is copied for each seed
    due   steps at which the generators are evaluated, in order; the last is the number of steps of the training

    Errors: whatever the loop raises.
    """

    def __init__(self, loop: OwnLoop, *, data: Dataset, seeds: Sequence[int], due: Sequence[int], device: str = "cpu"):
        self.seeds, self.shape, self.device = tuple(seeds), data.sample_shape, torch.device(device)
        self.iteration, self.resumes = 0, loop.resumes
        samples = _in_shape(data.train, data)
        pairs = None
        if of_training := data.pairs.get("train"):
            latent = torch.from_numpy(of_training.latent.astype(np.float32))
            pairs = TrainingPairs(latent=latent, target=_in_shape(of_training.target, data))
        self._members = [
            _Member(
                replace(loop),  # type: ignore[type-var]  # a user's subclass is a dataclass
                TrainingRun(
                    samples=samples,
                    pairs=pairs,
                    shape=self.shape,
                    seed=seed,
                    steps=due[-1],
                    due=tuple(due),
                    device=self.device,
                ),
            )
            for seed in self.seeds
        ]

    def advance(self, iterations: int) -> None:
        """Train every seed for `iterations` more generator steps."""
        for member in self._members:
            member.advance(self.iteration, iterations)
        self.iteration += iterations

    def generate(self, count: int, *, draw: int = EVALUATION_SEED) -> Float[Tensor, "seeds count dim"]:
        """`count` samples of each seed's generator, in float32 on the processor.

        draw  seed of the global random states while they are generated

        Errors: `ValueError` if the loop returns another number of samples, or samples of another shape.
        """
        return torch.stack(
            [
                self._checked(member.generate(count, self.iteration, draw), count, f"generate({count})")
                for member in self._members
            ]
        )

    def generate_from(
        self, latent: Float[Tensor, "pairs latent"], *, draw: int = EVALUATION_SEED
    ) -> Float[Tensor, "seeds pairs dim"]:
        """The sample of each seed's generator that belongs to each latent vector, in float32 on the processor.

        draw  as for `generate`

        Errors: as for `generate`; `ValueError` if a function did not report how samples are generated from latents.
        """
        count = len(latent)
        return torch.stack(
            [
                self._checked(member.generate_from(latent.clone(), self.iteration, draw), count, "generate_from")
                for member in self._members
            ]
        )

    def _checked(self, samples: Samples, count: int, call: str) -> Float[Tensor, "count dim"]:
        found = torch.as_tensor(np.asarray(samples) if not isinstance(samples, Tensor) else samples).detach()
        if tuple(found.shape) not in ((count, *self.shape.shape), (count, self.shape.dim)):
            raise ValueError(
                f"{call} must return {count} samples of the shape {list(self.shape.shape)}, but returned an "
                f"array of the shape {list(found.shape)}"
            )
        return found.to("cpu", torch.float32).reshape(count, self.shape.dim)

    def state(self) -> dict[str, Any]:
        """Everything that later steps depend on; of a `StepLoop` alone."""
        return {"iteration": self.iteration, "members": [member.state() for member in self._members]}

    def load(self, state: dict[str, Any]) -> None:
        """Resume from `state()`: the following steps give the same bits as without the interruption."""
        self.iteration = state["iteration"]
        for member, saved in zip(self._members, state["members"], strict=True):
            member.load(saved)


class _Member:
    """The training of one seed."""

    def __init__(self, loop: OwnLoop, run: TrainingRun):
        self._run, self._randomness = run, GlobalRandomness(run.seed, "own_loop", run.device)
        self._steps: StepLoop | None = None
        self._held: HeldLoop | None = None
        if isinstance(loop, StepLoop):
            self._steps = loop
            with self._randomness.active():
                loop.start(run)
        else:
            assert isinstance(loop, WholeLoop)
            self._held = HeldLoop(loop, run)

    def advance(self, iteration: int, iterations: int) -> None:
        with self._randomness.active():
            if self._steps is not None:
                self._steps.advance(iterations)
            elif self._held is not None:
                for due in self._run.due:
                    if iteration < due <= iteration + iterations:
                        self._held.reach(due)

    def generate(self, count: int, iteration: int, draw: int) -> Samples:
        loop = self._at(iteration)
        with self._drawing(draw):
            return loop.generate(count)

    def generate_from(self, latent: Tensor, iteration: int, draw: int) -> Samples:
        loop = self._at(iteration)
        with self._drawing(draw):
            return loop.generate_from(latent)

    def _at(self, iteration: int) -> StepLoop | HeldLoop:
        """The loop, which has trained until this iteration."""
        if self._held is not None:
            with self._randomness.active():
                self._held.reach(iteration)
            return self._held
        assert self._steps is not None
        return self._steps

    @contextmanager
    def _drawing(self, draw: int) -> Iterator[None]:
        """Context in which samples are generated: with global random numbers of the seed `draw`, without gradients."""
        with GlobalRandomness(draw, "own_loop_samples", self._run.device).active(), torch.no_grad():
            yield

    def state(self) -> dict[str, Any]:
        assert self._steps is not None, "only a StepLoop has a state"
        state = self._steps.state()
        check_state(state)
        return {"loop": state, "randomness": self._randomness.state()}

    def load(self, saved: dict[str, Any]) -> None:
        assert self._steps is not None, "only a StepLoop has a state"
        with self._randomness.active():
            self._steps.load(saved["loop"])
        self._randomness.load(saved["randomness"])


def _in_shape(stored: Num[np.ndarray, "count dim"], data: Dataset) -> Float[Tensor, "count *sample"]:
    """The coordinates of stored samples, each in its shape."""
    return torch.from_numpy(as_coordinates(stored, np.float32)).reshape(-1, *data.shape)
