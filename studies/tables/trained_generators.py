"""Trained generators of a study, which return samples when called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from math import inf
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from gan_core.data import Classes, Dataset
from gan_core.fields import check_integer
from gan_core.networks import (
    AnyGenerator,
    ConditionalGenerator,
    Generator,
    Networks,
    generate_in_chunks,
    with_labels,
)
from gan_core.shapes import SampleShape
from gan_core.training import LoopTrainer, OwnLoop
from gan_core.training.randomness import one_hot, sample_latents
from studies.errors import InputError
from studies.file.condition import LOOP, PARTS, Setting
from studies.file.messages import count_noun, format_value
from studies.file.modules import module_names, require_sources
from studies.file.trees import Parts
from studies.file.validation import build
from studies.ledger.entries import Parameters
from studies.ledger.trial_records import TrialRecord
from studies.numbers import format_setting
from studies.shown_values import html_view
from studies.tables.member_outcomes import distances_of


def kept_parameters(trial: TrialRecord, which: str) -> Parameters:
    """Parameters of the `last`, `best` or `average` generators of a finished trial, each with a leading seed axis.

    Errors: `InputError` for another word, for averages of a trial that has none, and if no generators are kept.
    """
    assert trial.entry is not None
    if LOOP in trial.spec.identity:
        if which != "last":
            raise InputError("which: must be last for a condition with a loop of its own, of which no other is kept")
        return {}
    generators = trial.entry.generators()
    if not generators.steps:
        raise InputError(f"{trial.spec.condition}: its generators are not kept")
    if which not in ("last", "best", "average"):
        raise InputError(f"which: must be last, best or average, but is {format_value(which)}")
    if which == "average" and not generators.averaged:
        raise InputError("which: must be last or best, since the trial kept no averages (training.generator_average)")
    if which != "best":
        return generators.parameters(-1, average=which == "average")
    positions = [trial.curves.steps.tolist().index(step) for step in generators.steps]
    distances = distances_of(trial.facts, trial.curves)[:, positions]
    return generators.chosen(np.where(np.isfinite(distances), distances, np.inf).argmin(axis=1).tolist())


@dataclass(frozen=True)
class LoopStates:
    """States of a user's loop at the end of training, from which its generators are made again.

    states  a state of each member, as PyTorch saves it
    due     steps at which the generators were evaluated
    data    loads the samples that the loop was trained on
    """

    states: tuple[bytes, ...]
    due: tuple[int, ...]
    data: Callable[[], Dataset]


def kept_states(trial: TrialRecord, due: tuple[int, ...], data: Callable[[], Dataset]) -> LoopStates | None:
    """The states of the user's loop that trained a finished trial; None if it was trained without one.

    Errors: `InputError` for a loop whose states are not kept.
    """
    if LOOP not in trial.spec.identity:
        return None
    assert trial.entry is not None
    arrays, name = trial.entry.samples(), trial.spec.condition
    if "states" not in arrays:
        raise InputError(
            f"{name}: its generators cannot be made again, since no state of its loop is kept: only a StepLoop has "
            f"one, and large ones are left out; results.samples({format_value(name)}) returns the samples that are kept"
        )
    sizes = arrays["state_sizes"].tolist()
    rows = zip(arrays["states"], sizes, strict=True)
    return LoopStates(tuple(row[:size].tobytes() for row, size in rows), due, data)


def trained_shape(trial: TrialRecord) -> SampleShape | None:
    """The shape of the samples that a finished trial was trained on, without its data; None if its entry lacks it."""
    described = trial.facts.get("sample_shape")
    return None if described is None else SampleShape(shape=tuple(described["shape"]), bounded=described["bounded"])


def trained_classes(trial: TrialRecord) -> Classes | None:
    """The classes that a finished trial's conditional GANs were trained on; None for those of others."""
    described = trial.facts.get("classes")
    if described is None:
        return None
    return Classes(names=tuple(described["names"]), shares=tuple(described["shares"]))


@dataclass(frozen=True)
class TrainedConfiguration:
    """The setting found for a condition, with the generators that its confirm trial trained.

    configuration  searched hyperparameters, by dotted path
    identity       everything that determined what was trained
    seeds          seeds of the members
    shape          shape of a sample
    parameters     generator parameters by name, each with a leading seed axis
    median         index of the member of median late distance, the nearer of two
    failed         number of members that failed
    classes        classes of conditional generators; None for others
    loop_states    what the generators are made from if a user's loop trained them, without any `parameters`
    """

    condition: str
    configuration: dict[str, Any]
    identity: dict[str, Any]
    seeds: list[int]
    shape: SampleShape
    parameters: dict[str, torch.Tensor]
    median: int = 0
    failed: int = 0
    classes: Classes | None = None
    loop_states: LoopStates | None = None

    def __repr__(self) -> str:
        values = ", ".join(f"{path} = {format_setting(value)}" for path, value in self.configuration.items())
        setting = f"{values}; " if values else ""
        seeds = f"{count_noun(len(self.seeds), 'seed')}{f', {self.failed} of them failed' if self.failed else ''}"
        return f"<TrainedConfiguration of {self.condition}: {setting}{seeds}>"

    def _repr_html_(self) -> str | None:
        return html_view(self)

    @cached_property
    def setting(self) -> Setting:
        """Objective, constraint, networks and training settings.

        Classes that the user has written are imported from the current `sys.path`.

        Errors: `InputError` if the source of such a class has changed since the training, and if a user's loop trained
        it.
        """
        self._refuse_loop()
        return self._build(Setting, {part: self.identity[part] for part in PARTS}, ())

    @cached_property
    def network(self) -> AnyGenerator:
        """Description of the generator.

        Errors: `InputError` as for `setting`.
        """
        self._refuse_loop()
        networks = self.identity["networks"]
        if "generator" not in networks:
            return self._build(Networks, networks, ("networks",)).generator
        described: AnyGenerator = self._build(
            Generator | AnyGenerator, networks["generator"], ("networks", "generator")
        )
        classes = networks.get("classes", 0)
        return ConditionalGenerator(network=described, classes=classes) if classes else described

    def _refuse_loop(self) -> None:
        if self.loop_states is not None:
            raise InputError(
                f"{self.condition}: its networks are unknown, since a loop of its own trained them; "
                f"results.best({format_value(self.condition)}).generator() returns a generator that can be called"
            )

    def loop_samples(self, member: int, count: int, seed: int) -> Float[torch.Tensor, "count dim"]:
        """Fakes of a member of a user's loop, which is started again on its data and loads its state.

        Errors: `InputError` if the source of the loop has changed since the training, or its data.
        """
        kept = self.loop_states
        assert kept is not None
        data = kept.data()
        if data.fingerprint != self.identity["provenance"]["data_fingerprint"]:
            raise InputError(f"{self.condition}: its loop must be started on the samples that it was trained on")
        loop = self._build(OwnLoop, self.identity[LOOP], (LOOP,))
        trainer = LoopTrainer(loop, data=data, seeds=[self.seeds[member]], due=kept.due)
        state = torch.load(BytesIO(kept.states[member]), weights_only=True, map_location="cpu")
        trainer.load({"iteration": kept.due[-1], "members": [state]})
        return trainer.generate(count, draw=seed)[0]

    def _build(self, annotation: Any, table: Mapping[str, Any], parts: Parts) -> Any:
        known, used = self.identity["provenance"].get("sources", {}), module_names(table)
        require_sources({name: source for name, source in known.items() if name in used})
        return build(annotation, table, parts)

    def generator(self, member: int | None = None) -> "TrainedGenerator":
        """The generator of member number `member`, an index from 0 into `seeds`; None: that of median late distance.

        Errors: `InputError` for an index below 0 or beyond the last seed.
        """
        member = self.median if member is None else member
        _check_integer("member", member, 0, len(self.seeds) - 1)
        parameters = {name: value[member : member + 1] for name, value in self.parameters.items()}
        return TrainedGenerator(self, parameters, self.seeds[member], member)


def _check_integer(name: str, value: object, least: int, most: float = inf) -> None:
    """`check_integer` for a user of the results.

    Errors: `InputError` instead of `ValueError`.
    """
    try:
        check_integer(name, value, least, most)
    except ValueError as error:
        raise InputError(str(error)) from None


@dataclass(frozen=True)
class TrainedGenerator:
    """The trained generator of one member; a call returns samples."""

    origin: TrainedConfiguration
    parameters: dict[str, torch.Tensor]
    seed: int
    member: int = 0

    def __repr__(self) -> str:
        return f"<TrainedGenerator of {self.origin.condition}: seed {self.seed}>"

    def __call__(
        self, samples: int, *, seed: int = 0, labels: int | str | Sequence[int | str] | None = None
    ) -> Float[np.ndarray, "samples ..."]:
        """`samples` fakes in the shape and scale of the data; equal seeds give equal fakes.

        labels  of a conditional generator: number or name of the class of all samples, or one for each; None: classes
                in the shares of the training samples

        Errors: `InputError` for a number below 1, for a seed below 0, for labels of a generator without classes, and
        for classes that there are not.
        """
        _check_integer("samples", samples, 1)
        _check_integer("seed", seed, 0)
        if self.origin.loop_states is not None:
            self._refuse_labels(labels)
            fakes = self.origin.loop_samples(self.member, samples, seed)
            return fakes.numpy().reshape(samples, *self.origin.shape.shape)
        return self.of(sample_latents(samples, self.origin.network.latent, seed), labels)

    def of(
        self, z: Float[torch.Tensor, "samples latent"], labels: int | str | Sequence[int | str] | None = None
    ) -> Float[np.ndarray, "samples ..."]:
        """The fakes of these latent vectors, in the shape and scale of the data; `labels` as in a call.

        Errors: as of a call, and `InputError` for the generator of a user's loop, whose latent vectors are unknown.
        """
        classes = self.origin.classes
        if classes is not None:
            try:
                z = with_labels(z, one_hot(classes.labels(len(z), labels), len(classes.names)))
            except ValueError as error:
                raise InputError(str(error)) from None
        else:
            self._refuse_labels(labels)
        with torch.no_grad():
            fakes = generate_in_chunks(self.origin.network, self.parameters, z[None], self.origin.shape)[0]
        return fakes.numpy().reshape(len(z), *self.origin.shape.shape)

    def _refuse_labels(self, labels: object) -> None:
        if labels is not None:
            raise InputError(f"labels: must not be given, since {self.origin.condition} was trained without classes")
