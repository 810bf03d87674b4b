"""Trained generators of a study, which return samples when called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from gan_core.data import Classes
from gan_core.networks import (
    AnyGenerator,
    ConditionalGenerator,
    Generator,
    Networks,
    generate_in_chunks,
    with_labels,
)
from gan_core.shapes import SampleShape
from gan_core.training.randomness import one_hot, sample_latents
from studies.errors import InputError
from studies.file.condition import PARTS, Setting
from studies.file.messages import count_noun, format_value
from studies.file.modules import module_names, require_sources
from studies.file.trees import Parts
from studies.file.validation import build
from studies.html_view import html_view
from studies.ledger.entries import Parameters
from studies.ledger.trial_records import TrialRecord
from studies.numbers import format_setting
from studies.tables.member_outcomes import distances_of


def kept_parameters(trial: TrialRecord, which: str) -> Parameters:
    """Parameters of the `last`, `best` or `average` generators of a finished trial, each with a leading seed axis.

    Errors: `InputError` for another word, for averages of a trial that has none, and if no generators are kept.
    """
    assert trial.entry is not None
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
    classes        classes of conditional generators; None for others
    """

    condition: str
    configuration: dict[str, Any]
    identity: dict[str, Any]
    seeds: list[int]
    shape: SampleShape
    parameters: dict[str, torch.Tensor]
    classes: Classes | None = None

    def __repr__(self) -> str:
        values = ", ".join(f"{path} = {format_setting(value)}" for path, value in self.configuration.items())
        setting = f"{values}; " if values else ""
        return f"<TrainedConfiguration of {self.condition}: {setting}{count_noun(len(self.seeds), 'seed')}>"

    def _repr_html_(self) -> str | None:
        return html_view(self)

    @cached_property
    def setting(self) -> Setting:
        """Objective, constraint, networks and training settings.

        Classes that the user has written are imported from the current `sys.path`.

        Errors: `InputError` if the source of such a class has changed since the training.
        """
        return self._build(Setting, {part: self.identity[part] for part in PARTS}, ())

    @cached_property
    def network(self) -> AnyGenerator:
        """Description of the generator."""
        networks = self.identity["networks"]
        if "generator" not in networks:
            return self._build(Networks, networks, ("networks",)).generator
        described: AnyGenerator = self._build(
            Generator | AnyGenerator, networks["generator"], ("networks", "generator")
        )
        classes = networks.get("classes", 0)
        return ConditionalGenerator(network=described, classes=classes) if classes else described

    def _build(self, annotation: Any, table: Mapping[str, Any], parts: Parts) -> Any:
        known, used = self.identity["provenance"].get("sources", {}), module_names(table)
        require_sources({name: source for name, source in known.items() if name in used})
        return build(annotation, table, parts)

    def generator(self, member: int = 0) -> "TrainedGenerator":
        """The generator of member number `member`, an index from 0 into `seeds`.

        Errors: `InputError` for an index below 0 or beyond the last seed.
        """
        if not 0 <= member < len(self.seeds):
            raise InputError(f"member: must lie in 0 .. {len(self.seeds) - 1}, but is {member}")
        parameters = {name: value[member : member + 1] for name, value in self.parameters.items()}
        return TrainedGenerator(self, parameters, self.seeds[member])


@dataclass(frozen=True)
class TrainedGenerator:
    """The trained generator of one member; a call returns samples."""

    origin: TrainedConfiguration
    parameters: dict[str, torch.Tensor]
    seed: int

    def __repr__(self) -> str:
        return f"<TrainedGenerator of {self.origin.condition}: seed {self.seed}>"

    def __call__(
        self, samples: int, *, seed: int = 0, labels: int | str | Sequence[int | str] | None = None
    ) -> Float[np.ndarray, "samples ..."]:
        """`samples` fakes in the shape and scale of the data; equal seeds give equal fakes.

        labels  of a conditional generator: number or name of the class of all samples, or one for each; None: classes
                in the shares of the training samples

        Errors: `InputError` for labels of a generator without classes, and for classes that there are not.
        """
        return self.of(sample_latents(samples, self.origin.network.latent, seed), labels)

    def of(
        self, z: Float[torch.Tensor, "samples latent"], labels: int | str | Sequence[int | str] | None = None
    ) -> Float[np.ndarray, "samples ..."]:
        """The fakes of these latent vectors, in the shape and scale of the data; `labels` and errors as in a call."""
        classes = self.origin.classes
        if classes is not None:
            try:
                z = with_labels(z, one_hot(classes.labels(len(z), labels), len(classes.names)))
            except ValueError as error:
                raise InputError(str(error)) from None
        elif labels is not None:
            raise InputError(f"labels: must not be given, since {self.origin.condition} was trained without classes")
        with torch.no_grad():
            fakes = generate_in_chunks(self.origin.network, self.parameters, z[None], self.origin.shape)[0]
        return fakes.numpy().reshape(len(z), *self.origin.shape.shape)
