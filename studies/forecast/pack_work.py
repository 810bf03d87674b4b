"""The work of a pack: its structure, which decides the seconds of a step, and its numbers of steps and evaluations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import Any

from gan_core.networks.counted_parameters import parameter_count
from gan_core.shapes import SampleShape
from gan_core.training import Member, Training, structure
from studies.design import TrialSpec, canonical, payload
from studies.execution.disk_space import kept_numbers
from studies.file.budget import Budget
from studies.file.condition import LOOP, PARTS, Setting, step_counts
from studies.file.validation import build, plain

_STEPS = ("n_critic", "warmup_steps", "warmup_n_critic", "warmup_every", "pretrain_steps")
"""Fields of the training settings that decide how many steps there are, not how long one takes."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of pack: everything that decides the seconds of one step and of one evaluation.

    structure  hash of networks, batch, kinds of objective, constraint and optimizers, data, evaluation and versions
    members    number of GANs that train together, those in places without a trial included
    size       parameters x batch x members, to which the arithmetic of a step is proportional
    """

    structure: str
    members: int
    size: float


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of one pack.

    condition, phase                                 of its trials
    case                                             what decides the seconds of its steps
    trials                                           number of its trials
    evaluated                                        number of GANs that are evaluated, those of its trials
    pretraining_steps, critic_steps, generator_steps
                                                     steps of each GAN; pre-training steps are no critic steps here
    most_critic_steps                                largest number of critic steps in one iteration
    kept_numbers                                     numbers that are kept of one generator at one evaluation
    evaluations                                      number of evaluations, that at step 0 included
    example                                          payload of its first trial, which can be measured
    """

    condition: str
    phase: str
    case: Case
    trials: int
    evaluated: int
    pretraining_steps: int
    critic_steps: int
    generator_steps: int
    most_critic_steps: int
    kept_numbers: int
    evaluations: int
    example: str

    @property
    def seeds(self) -> int:
        """Number of seeds of each trial."""
        return self.evaluated // self.trials


class Works:
    """The work of packs; what equal trials have in common is computed once.

    shape  shape of a sample of the data
    """

    def __init__(self, shape: SampleShape):
        self._shape = shape
        self._parameters: dict[str, int] = {}
        self._of_trial: dict[str, Work] = {}

    def of(self, pack: Sequence[TrialSpec]) -> Work:
        """The work of a pack; all its trials have the structure and the steps of the first."""
        first = pack[0]
        if first.key not in self._of_trial:
            self._of_trial[first.key] = self._first(first)
        work = self._of_trial[first.key]
        seeds = len(first.seeds)
        return replace(
            work, condition=first.condition, phase=first.phase, trials=len(pack), evaluated=seeds * len(pack)
        )

    def _first(self, trial: TrialSpec) -> Work:
        identity = trial.identity
        if LOOP in identity:
            return _of_loop(trial)
        setting: Setting = build(Setting, {part: identity[part] for part in PARTS}, ())
        training = setting.training
        budget: Budget = build(Budget, identity["budget"], ("budget",))
        iterations = budget.iterations(training)
        generator_steps = training.generator_steps(iterations)
        pretraining_steps = iterations - generator_steps
        places = 1 if trial.place is None else trial.place.trials
        members = places * len(trial.seeds)
        return Work(
            condition=trial.condition,
            phase=trial.phase,
            case=Case(
                structure=_structure(trial, setting),
                members=members,
                size=float(self._count(setting) * training.batch * members),
            ),
            trials=1,
            evaluated=len(trial.seeds),
            pretraining_steps=pretraining_steps,
            critic_steps=training.critic_steps(iterations) - pretraining_steps,
            generator_steps=generator_steps,
            most_critic_steps=_most_critic_steps(training),
            kept_numbers=kept_numbers(setting, self._shape),
            evaluations=1 + int(trial.evaluation["settings"]["measurements"]),
            example=payload([trial]),
        )

    def _count(self, setting: Setting) -> int:
        """Number of parameters of both networks."""
        key = repr(setting.networks)
        if key not in self._parameters:
            networks = (setting.networks.generator, setting.networks.critic)
            self._parameters[key] = sum(parameter_count(network, self._shape) for network in networks)
        return self._parameters[key]


def _of_loop(trial: TrialSpec) -> Work:
    """The work of a trial that a user's loop trains: its steps are all counted as generator steps."""
    budget: Budget = build(Budget, trial.identity["budget"], ("budget",))
    members, hashed = len(trial.seeds), _hash(trial, {LOOP: _without_numbers(trial.identity[LOOP])})
    return Work(
        condition=trial.condition,
        phase=trial.phase,
        case=Case(structure=hashed, members=members, size=float(members)),
        trials=1,
        evaluated=members,
        pretraining_steps=0,
        critic_steps=0,
        generator_steps=budget.iterations(step_counts(trial.identity)),
        most_critic_steps=0,
        kept_numbers=0,
        evaluations=1 + int(trial.evaluation["settings"]["measurements"]),
        example=payload([trial]),
    )


def _most_critic_steps(training: Training) -> int:
    warm = training.warmup_n_critic if training.warmup_steps or training.warmup_every else 0
    return max(training.n_critic, warm)


def _without_numbers(tree: Any) -> Any:
    """A tree without its floating-point numbers, such as start values, which change no shape."""
    if isinstance(tree, Mapping):
        return {key: _without_numbers(value) for key, value in tree.items() if not isinstance(value, float)}
    return tree


def _structure(trial: TrialSpec, setting: Setting) -> str:
    """Hash of everything but the number of members that decides the seconds of a step and of an evaluation."""
    unset = {field.name: field.default for field in fields(Training) if field.name in _STEPS}
    training: Training = replace(setting.training, **unset)  # type: ignore[arg-type]
    member = Member(objective=setting.objective, constraint=setting.constraint, training=training, seed=0)
    parts = {
        "structure": [(path, repr(value)) for path, value in structure(member)],
        "networks": _without_numbers(plain(setting.networks)),
    }
    return _hash(trial, parts)


def _hash(trial: TrialSpec, parts: Mapping[str, Any]) -> str:
    """Hash of these parts of a trial, and of its data, versions and evaluation."""
    identity, evaluation = trial.identity, trial.evaluation
    described: Mapping[str, Any] = {
        **parts,
        "data": identity["data"],
        "in_pack": trial.place is not None,
        "provenance": identity["provenance"],
        "evaluation": {key: value for key, value in evaluation.items() if key != "settings"},
        "settings": {key: value for key, value in evaluation["settings"].items() if key != "measurements"},
    }
    return sha256(canonical(described).encode()).hexdigest()[:24]
