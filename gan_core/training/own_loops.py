"""Training loops of users: in steps that can be resumed, or as a whole that reports on its way."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from inspect import Parameter, signature
from typing import Any, Protocol, get_type_hints, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.shapes import SampleShape

Samples = Tensor | np.ndarray
"""Samples that a loop returns: in their shape, or flattened."""
Generate = Callable[[int], Samples]
"""Returns that many samples of the present generator."""


GenerateFrom = Callable[[Tensor], Samples]
"""Returns the sample of the present generator that belongs to each of some latent vectors, shaped (pairs, latent)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingPairs:
    """The data's pairs of the training split, on the processor.

    latent  latent vectors: inputs of the generator
    target  real sample that belongs to each, in its shape
    """

    latent: Float[Tensor, "pairs latent"]
    target: Float[Tensor, "pairs *sample"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingRun:
    """Everything that a loop gets besides its own fields; each seed has a run of its own.

    samples  training split in its shape, on the processor: images in [-1, 1]; shared by the seeds, so do not change it
    pairs    pairs of the training split, shared likewise; None if the data have none
    shape    shape of one sample, (1, 8, 8) or (2,), and whether its coordinates lie in [-1, 1]
    seed     seed of this training; Python's, numpy's and torch's global random numbers are already seeded from it
    steps    number of generator steps of the budget
    due      steps at which the generator is evaluated, in order: 0, then equal fractions of the budget
    device   device to train on: `cpu` or `cuda`
    """

    samples: Float[Tensor, "train *sample"]
    shape: SampleShape
    seed: int
    steps: int
    due: tuple[int, ...]
    device: torch.device
    pairs: TrainingPairs | None = None


@runtime_checkable
class Report(Protocol):
    """Tells the study that a loop has made `step` generator steps; needed at every step of `TrainingRun.due`.

    `generate(count)` returns samples of the generator as it is now, and is called before this call returns. A study
    with paired metrics also calls `generate_from(latent)`, which returns the sample that belongs to each latent vector.
    Other steps may be reported too, and cost nothing.

    Errors: `ValueError` for a step that is not larger than the last one, for one beyond the budget, and for one after a
    step that was due and not reported.
    """

    def __call__(self, step: int, generate: Generate, generate_from: GenerateFrom | None = None) -> None: ...


class OwnLoop(ABC):
    """Abstract base class of users' training loops: a subclass of `StepLoop` or `WholeLoop`.

    A subclass is a dataclass, whose fields are its hyperparameters. One instance trains one seed.
    """

    kind: str

    @property
    @abstractmethod
    def resumes(self) -> bool:
        """True if an interrupted training continues from a checkpoint, False if it starts again from zero."""


class StepLoop(OwnLoop):
    """A training loop that is driven in generator steps, and whose state can be saved.

    Training for a + b steps must give the same numbers as training for a, then for b, also if the state was saved and
    loaded into another instance in between; `generate` and `state` must change no number of the training. Global random
    numbers of Python, numpy and torch may be used: they belong to the seed, and are part of what is saved.
    """

    @property
    def resumes(self) -> bool:
        return True

    @abstractmethod
    def start(self, run: TrainingRun) -> None:
        """Build the networks and everything else that training needs; called once, before the other methods."""

    @abstractmethod
    def advance(self, steps: int) -> None:
        """Train for that many more generator steps."""

    @abstractmethod
    def generate(self, count: int) -> Samples:
        """`count` samples of the present generator, in the shape and scale of the training samples."""

    def generate_from(self, latent: Float[Tensor, "pairs latent"]) -> Samples:
        """The sample of the present generator that belongs to each latent vector; needed for paired metrics alone.

        latent  latent vectors of the data's pairs, on the processor
        """
        raise NotImplementedError

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything that later steps and samples depend on: tensors, numbers, text, and lists, tuples, dicts of them.

        The state of global random numbers is saved besides it.
        """

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned, in an instance that was started on the same run."""


def generates_from_latents(loop: OwnLoop) -> bool:
    """False for a loop in steps that does not define `generate_from`; of others only their reports tell."""
    return not isinstance(loop, StepLoop) or type(loop).generate_from is not StepLoop.generate_from


class WholeLoop(OwnLoop):
    """A training loop that runs from its start to its end; a training that is interrupted starts again from zero."""

    @property
    def resumes(self) -> bool:
        return False

    @abstractmethod
    def train(self, run: TrainingRun, report: Report) -> None:
        """Train for `run.steps` generator steps, with a call of `report` at each step of `run.due`, 0 among them.

        Code after the last of these calls need not run.
        """


FORM = "must be a function of (run, report, *, HYPERPARAMETERS), with an annotation for each hyperparameter"


@cache
def loop_of_function(function: Callable[..., None]) -> type[WholeLoop]:
    """The dataclass of a plain function `train(run, report, *, lr: float = 1e-3)`: its keywords are the fields.

    Errors: `ValueError` for a function of another form.
    """
    parameters = list(signature(function).parameters.values())
    given, keywords = parameters[:2], parameters[2:]
    if len(given) < 2 or any(each.kind is not Parameter.POSITIONAL_OR_KEYWORD for each in given):
        raise ValueError(FORM)
    hints = get_type_hints(function, include_extras=True)
    fields: list[Any] = []
    for keyword in keywords:
        if keyword.kind is not Parameter.KEYWORD_ONLY or keyword.name not in hints:
            raise ValueError(f"{FORM}, but its parameter {keyword.name} is not of that form")
        default = {} if keyword.default is Parameter.empty else {"default": keyword.default}
        fields.append((keyword.name, hints[keyword.name], field(**default)))

    def train(self: Any, run: TrainingRun, report: Report) -> None:
        function(run, report, **{keyword.name: getattr(self, keyword.name) for keyword in keywords})

    body = {"train": train, "__doc__": function.__doc__, "__module__": function.__module__}
    name = function.__name__
    return make_dataclass(name, fields, bases=(WholeLoop,), namespace=body, frozen=True, kw_only=True)


STATE_TYPES = (Tensor, bool, int, float, str, type(None))
"""Types of the values in a loop's state."""


def check_state(state: Any, path: str = "state()") -> None:
    """Check that a loop's state can be saved and read again without running code of the user.

    Errors: `TypeError` that names the first value of another type.
    """
    if isinstance(state, dict):
        for key, value in state.items():
            check_state(key, f"a key of {path}")
            check_state(value, f"{path}[{key!r}]")
    elif isinstance(state, list | tuple):
        for position, value in enumerate(state):
            check_state(value, f"{path}[{position}]")
    elif not isinstance(state, STATE_TYPES):
        raise TypeError(
            f"{path} must be a tensor, a number, text, or a list, tuple or dict of those, but is a "
            f"{type(state).__name__}"
        )
