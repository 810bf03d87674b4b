"""The trainings of a pack with their evaluation: GANs that this library trains, or a user's loop."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.data import Classes, Dataset
from gan_core.evaluation import EvaluationSettings, Evaluator
from gan_core.training import LoopTrainer, Trainer
from studies.execution.trained_pack import TrainedPack
from studies.execution.trial_in_pack import TrialInPack, trainer_of
from studies.file.budget import Budget
from studies.file.condition import loop_of

MOST_STATE_BYTES = 2**28
"""Largest size of the kept states of the loops of one trial, together."""


class PackOfGans:
    """Trainings by `Trainer`."""

    resumes = True

    def __init__(self, trials: Sequence[TrialInPack], data: Dataset, settings: EvaluationSettings, split: Any):
        setting = trials[0].setting
        self.trainer: Trainer = trainer_of(trials, data, health_batch=settings.health_batch)
        self.evaluator = Evaluator(
            setting.networks.generator,
            data,
            settings=settings,
            split=split,
            device=trials[0].device,
            dtype=setting.training.dtype,
        )
        self.classes = self.trainer.classes
        self.advance, self.generate = self.trainer.advance, self.trainer.generate
        self.critic_values, self.state, self.load = self.trainer.critic_values, self.trainer.state, self.trainer.load

    @property
    def iteration(self) -> int:
        return self.trainer.iteration

    def nonfinite_iterations(self) -> list[int]:
        return self.trainer.nonfinite_iteration.tolist()

    def evaluate(self, members: Sequence[int], *, last: bool) -> dict[str, Float[np.ndarray, "members"]]:
        trainer, chosen = self.trainer, list(members)
        health = {name: value.detach().cpu().numpy().astype(np.float64) for name, value in trainer.health().items()}
        return {name: value[chosen] for name, value in health.items()} | self.evaluator.evaluate(
            trainer.generator.frozen,
            last=last,
            average=None if trainer.average is None else trainer.generator.views(trainer.average),
            members=chosen,
        )

    def parameters(self) -> Float[Tensor, "versions members numbers"]:
        trainer = self.trainer
        versions = [trainer.generator.flat, *([] if trainer.average is None else [trainer.average])]
        return torch.stack(versions).detach().float().cpu()

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(view.shape[1:]) for name, view in self.trainer.generator.frozen.items()}

    def kept_states(self) -> list[bytes]:
        return []


class PackOfLoops:
    """Trainings of the seeds of one trial by a user's loop.

    due  iterations after which the members are evaluated
    """

    classes: Classes | None = None

    def __init__(
        self, trial: TrialInPack, data: Dataset, settings: EvaluationSettings, split: Any, *, due: Sequence[int]
    ):
        self._loops = LoopTrainer(loop_of(trial.tables), data=data, seeds=trial.seeds, due=due, device=trial.device)
        self.evaluator = Evaluator(None, data, settings=settings, split=split, device=trial.device)
        self.resumes, self._count = self._loops.resumes, settings.samples
        self.advance, self.generate = self._loops.advance, self._loops.generate
        self._nonfinite = [-1] * len(trial.seeds)
        self._fakes: tuple[int, Tensor] | None = None

    @property
    def iteration(self) -> int:
        return self._loops.iteration

    def nonfinite_iterations(self) -> list[int]:
        """As for `TrainedPack`; a member is not finite if one of its fakes at an evaluation is not."""
        finite = self._evaluated().isfinite().all(dim=(1, 2)).tolist()
        self._nonfinite = [
            self.iteration if before < 0 and not now else before
            for before, now in zip(self._nonfinite, finite, strict=True)
        ]
        return list(self._nonfinite)

    def evaluate(self, members: Sequence[int], *, last: bool) -> dict[str, Float[np.ndarray, "members"]]:
        latents = self.evaluator.pair_latents
        of_pairs = None if latents is None else self._loops.generate_from(latents)
        return self.evaluator.evaluate_samples(self._evaluated(), last=last, members=members, of_pairs=of_pairs)

    def _evaluated(self) -> Float[Tensor, "members count dim"]:
        """The fakes of the evaluation at this iteration."""
        if self._fakes is None or self._fakes[0] != self.iteration:
            self._fakes = self.iteration, self._loops.generate(self._count)
        return self._fakes[1]

    def parameters(self) -> Float[Tensor, "versions members numbers"]:
        """No numbers: the parameters of a user's generators are unknown."""
        return torch.empty((1, len(self._nonfinite), 0))

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def critic_values(self, samples: Float[np.ndarray, "samples dim"]) -> None:
        """None: a user's critic is unknown."""

    def kept_states(self) -> list[bytes]:
        """As for `TrainedPack`; empty if the loop has no state, or its states are larger than `MOST_STATE_BYTES`."""
        states = [_saved(member) for member in self._loops.state()["members"]] if self.resumes else []
        return states if sum(map(len, states)) <= MOST_STATE_BYTES else []

    def state(self) -> dict[str, Any]:
        return {"loops": self._loops.state(), "nonfinite": self._nonfinite}

    def load(self, state: dict[str, Any]) -> None:
        self._loops.load(state["loops"])
        self._nonfinite = list(state["nonfinite"])


def _saved(state: Mapping[str, Any]) -> bytes:
    buffer = BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def trained_pack(
    trials: Sequence[TrialInPack],
    data: Dataset,
    settings: EvaluationSettings,
    split: Any,
    *,
    budget: Budget,
) -> TrainedPack:
    """The trainings of the trials of one pack, at their start.

    Errors: whatever a user's loop raises when it starts.
    """
    first = trials[0]
    if not first.own_loop:
        return PackOfGans(trials, data, settings, split)
    due = budget.evaluation_iterations(first.steps, settings.measurements)
    return PackOfLoops(first, data, settings, split, due=due)
