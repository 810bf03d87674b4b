"""Evaluation of generators: metrics of the fakes of every member, and their reference values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.data import Dataset, Split, evaluation_labels
from gan_core.evaluation.evaluation_settings import EvaluationSettings, check_metrics
from gan_core.evaluation.references import ReferenceDistances, ReferenceValues, reference_values
from gan_core.features import ClassifierFeatures, PixelFeatures, resolved
from gan_core.metrics import (
    AVERAGE,
    SAMPLE_METRICS,
    AnyMetric,
    Fakes,
    FrechetDistance,
    RealSamples,
    SlicedWasserstein,
    real_cells,
)
from gan_core.networks import AnyGenerator, generate_in_chunks, with_labels
from gan_core.shapes import Parameters
from gan_core.training import evaluation_latents
from gan_core.training.randomness import one_hot


class Evaluator:
    """Evaluator of generators against the real samples of one split.

        evaluator = Evaluator(trainer.networks.generator, data)
        evaluator.evaluate(trainer.generator.frozen, last=True)["sliced_wasserstein"]         # one distance per member

    The fakes of a conditional generator have labels in the shares of the split's classes, so that metrics of all fakes
    compare them with the real samples as they do for other generators. The generator is None where the fakes come from
    elsewhere, as from a user's loop: `evaluate_samples` measures them.

    Sample metrics are computed on `device` in floating-point type `dtype`. Random numbers (latents, directions) are
    fixed: the same for every member, trial and step. Members are measured one after the other, which bounds the memory
    and keeps the bits of a member's value independent of the members beside it.

    metrics        metrics that an evaluation computes, by name; those of the library that apply to the data, then the
                   settings' own
    distance_name  name of the metric that decides

    Errors: `ValueError` as `applicable_metrics`, for pairs that do not fit the generator, and for images unless
    `settings.neighbours` is less than the numbers of real samples and of fakes.
    """

    def __init__(
        self,
        generator: AnyGenerator | None,
        data: Dataset,
        *,
        settings: EvaluationSettings | None = None,
        split: Split = "validation",
        device: str = "cpu",
        dtype: str = "float32",
    ):
        self.settings = settings or EvaluationSettings()
        conditional = generator is not None and generator.label_width > 0
        self.metrics = applicable_metrics(self.settings, data, conditional=conditional)
        self.distance_name = _distance_name(self.settings, data)
        self._generator, self._shape = generator, data.sample_shape
        self._real = RealSamples(data, split, self.settings, device=torch.device(device), dtype=getattr(torch, dtype))
        if data.of_images and data.varies:
            _check_neighbours(self.settings, len(self._real.samples))
        self._labels = None
        paired = any(metric.paired for metric in self.metrics.values())
        self._pair_latents = _pair_latents(data, split, generator) if paired else None
        if generator is None:
            return
        latents = evaluation_latents(self.settings.samples, generator.latent)
        if generator.label_width:
            labels = evaluation_labels(self.settings.samples, data, split)
            self._labels = torch.from_numpy(labels).to(device)
            latents = with_labels(latents, one_hot(labels, generator.label_width))
        self._latents = {False: self._real.tensor(latents.numpy())}
        if self._pair_latents is not None:
            self._latents[True] = self._real.tensor(self._pair_latents)

    # -- values ------------------------------------------------------------------------------------------------------

    def evaluate(
        self,
        parameters: Parameters,
        *,
        last: bool,
        average: Parameters | None = None,
        members: Sequence[int] | None = None,
    ) -> dict[str, Float[np.ndarray, "members"]]:
        """Every metric of every member that is due, by name, in float64; `METRICS` describes those of the library.

        parameters  parameters of the generators by name, with a leading member axis
        last        True at the last evaluation of a training, where costly metrics are measured too
        average     parameters of averaged generators, whose metrics have the suffix `_of_average`
        members     indices of the members that are evaluated, in this order; None: all

        A NaN or an overflow in a network or a sample gives a NaN or an infinite value, never an exception.
        """
        chosen = range(len(next(iter(parameters.values())))) if members is None else members
        values = self._values(self._generated(parameters), chosen, self._due(last))
        averaged = {} if average is None else self._values(self._generated(average), chosen, self._due(last))
        return values | {f"{name}{AVERAGE}": value for name, value in averaged.items()}

    @property
    def pair_latents(self) -> Float[Tensor, "pairs latent"] | None:
        """Latent vectors of the split's pairs, in float32 on the processor; None if no metric is paired."""
        return None if self._pair_latents is None else torch.from_numpy(self._pair_latents.astype(np.float32))

    def evaluate_samples(
        self,
        samples: Float[Tensor, "all_members samples dim"],
        *,
        last: bool,
        members: Sequence[int] | None = None,
        of_pairs: Float[Tensor, "all_members pairs dim"] | None = None,
    ) -> dict[str, Float[np.ndarray, "members"]]:
        """The metrics of fakes that were generated elsewhere: those that this evaluation computes, as in `evaluate`.

        samples   fakes of every member
        last      as for `evaluate`, likewise `members`
        of_pairs  fakes that belong to `pair_latents`; needed if a metric is paired
        """

        def fakes_of(member: int, paired: bool) -> Fakes:
            fakes = of_pairs if paired else samples
            assert fakes is not None, "paired metrics need the fakes of the pairs"
            return Fakes(self._real.tensor(fakes[member].numpy())[None])

        return self._values(fakes_of, range(len(samples)) if members is None else members, self._due(last))

    def _due(self, last: bool) -> list[AnyMetric]:
        return [metric for metric in self.metrics.values() if last or self._at_every_evaluation(metric)]

    def _at_every_evaluation(self, metric: AnyMetric) -> bool:
        return not metric.costly or self.settings.exact == "every" or metric.name == self.distance_name

    def _values(
        self, fakes_of: Callable[[int, bool], Fakes], members: Sequence[int], due: Sequence[AnyMetric]
    ) -> dict[str, Float[np.ndarray, "members"]]:
        """The metrics of these members; `fakes_of` returns the fakes of a member, those of pairs or the others."""
        values = {metric.name: np.empty(len(members)) for metric in due}
        for position, member in enumerate(members):
            fakes = {paired: fakes_of(member, paired) for paired in {metric.paired for metric in due}}
            for metric in due:
                (values[metric.name][position],) = metric.measure(self._real, fakes[metric.paired]).tolist()
        return values

    def _generated(self, parameters: Parameters) -> Callable[[int, bool], Fakes]:
        """Returns the fakes of a member's generator with these parameters."""
        generator = self._generator
        assert generator is not None, "the fakes of this evaluator come from elsewhere"

        def fakes_of(member: int, paired: bool) -> Fakes:
            alone = {name: value[member : member + 1] for name, value in parameters.items()}
            with torch.no_grad():
                samples = generate_in_chunks(generator, alone, self._latents[paired][None], self._shape)
            return Fakes(samples, None if paired else self._labels)

        return fakes_of

    # -- the distance ------------------------------------------------------------------------------------------------

    def distance_of(self, values: Mapping[str, Float[np.ndarray, "members"]]) -> Float[np.ndarray, "members"]:
        """The distance of each member, from the values of an evaluation (and of `Trainer.health`, for the Dirac pair).

        The value of the deciding metric if lower is better, else its best attainable value minus the value.
        """
        value, best = values[self.distance_name], self.highest
        return value if best is None else best - value

    @property
    def highest(self) -> float | None:
        """Best attainable value of the deciding metric if higher is better, else None."""
        metric = self.metrics.get(self.distance_name)
        return metric.best if metric is not None and metric.direction == "higher" else None

    @property
    def reference_distances(self) -> ReferenceDistances | None:
        """Reference values of the distance; None for data without spread, whose distance is not one of samples."""
        metric = self.metrics.get(self.distance_name)
        if metric is None:
            return None
        values, highest = self._references[metric.name], self.highest

        def distance(value: float) -> float:
            return value if highest is None else highest - value

        return ReferenceDistances(
            real=distance(values.real if metric.best is None else metric.best),
            constant=distance(values.constant if metric.trivial is None else metric.trivial),
            gaussian=distance(values.gaussian),
        )

    @cached_property
    def features(self) -> dict[str, Any]:
        """Name and hash of the features of images, and a classifier's accuracy; empty for other data."""
        data = self._real.data
        return self._real.feature_map.facts() if data.of_images and data.varies else {}

    # -- reference values --------------------------------------------------------------------------------------------

    @property
    def real_cells(self) -> int | None:
        """Number of cells that the split's real samples occupy; None for data without spread."""
        return real_cells(self._real) if "cells" in self.metrics else None

    @property
    def known_modes(self) -> int | None:
        """Number of known modes of the data; None if they are unknown."""
        modes = self._real.data.modes
        return None if modes is None else len(modes.centers)

    @property
    def real_values(self) -> dict[str, float]:
        """Every sample metric, by name, of real samples in place of fakes; empty for data without spread."""
        return {name: values.real for name, values in self._references.items()}

    @property
    def gaussian_values(self) -> dict[str, float]:
        """Sample metrics of Gaussian samples with the data's mean and covariance; empty for data without spread."""
        return {name: values.gaussian for name, values in self._references.items()}

    @cached_property
    def _references(self) -> dict[str, ReferenceValues]:
        return reference_values(list(self.metrics.values()), self._real) if self.metrics else {}


def applicable_metrics(
    settings: EvaluationSettings, data: Dataset, *, conditional: bool = False
) -> dict[str, AnyMetric]:
    """The metrics of the library that apply to these data, then those of the settings, by name.

    conditional  True for the metrics of conditional generators, False for those of others

    Errors: `ValueError` as `check_metrics`, for features that the data do not have, and for a metric of the settings,
    or a deciding metric, that does not apply to the data.
    """
    check_metrics(settings)
    classes = isinstance(resolved(settings.features, data), ClassifierFeatures)
    for position, metric in enumerate(settings.metrics):
        if not _applies(metric, data, classes, conditional):
            needed = metric.applies_to.text + (" with pairs" if metric.paired else "")
            needed += " and features of kind classifier" if metric.of_classes else ""
            needed += " and networks with classes" if metric.conditional else ""
            raise ValueError(f"metrics.{position}: must apply to the data, but {metric.name} needs {needed}")
    of_library = [metric for metric in SAMPLE_METRICS if _applies(metric, data, classes, conditional)]
    metrics = {metric.name: metric for metric in (*of_library, *settings.metrics)}
    if settings.distance not in ("default", *metrics):
        raise ValueError(
            f"distance: must be a metric that applies to the data, but {settings.distance} does not"
            + _only_conditional(settings.distance, conditional)
        )
    return metrics


def _applies(metric: AnyMetric, data: Dataset, classes: bool, conditional: bool) -> bool:
    return metric.applies(data) and (classes or not metric.of_classes) and (conditional or not metric.conditional)


def _only_conditional(name: str, conditional: bool) -> str:
    """The reason why a metric of conditional generators does not apply to others, for the end of a message."""
    of_labels = any(metric.name == name and metric.conditional for metric in SAMPLE_METRICS)
    return " without networks.classes" if of_labels and not conditional else ""


def resolved_settings(settings: EvaluationSettings, data: Dataset) -> EvaluationSettings:
    """The settings with the features of larger images, and the metric that decides there, in place of the defaults.

    Settings whose features are pixels stay as they are.

    Errors: `ValueError("features: ...")` for features that the data do not have.
    """
    features = resolved(settings.features, data)
    if isinstance(features, PixelFeatures) or not data.varies:
        return settings
    return replace(settings, features=features, distance=_distance_name(settings, data))


def _distance_name(settings: EvaluationSettings, data: Dataset) -> str:
    if settings.distance != "default":
        return settings.distance
    if not data.varies:
        return "distance_to_equilibrium"
    pixels = isinstance(resolved(settings.features, data), PixelFeatures)
    return SlicedWasserstein.name if pixels else FrechetDistance.name


def _check_neighbours(settings: EvaluationSettings, real: int) -> None:
    for count, counted in ((real, "real samples"), (settings.samples, "fakes")):
        if settings.neighbours >= count:
            raise ValueError(f"neighbours: must be < {count}, the number of {counted}, but is {settings.neighbours}")


def _pair_latents(data: Dataset, split: Split, generator: AnyGenerator | None) -> Float[np.ndarray, "pairs latent"]:
    """The latent vectors of the pairs of a split.

    generator  their coordinates must be as many as its inputs; None: a user's loop generates, and takes any number

    Errors: `ValueError` for a split without pairs, and for another number of coordinates.
    """
    if split not in data.pairs:
        raise ValueError(f"pairs: must hold pairs of the split {split}, but hold {', '.join(data.pairs)} alone")
    latents = data.pairs[split].latent
    if generator is None:
        return latents
    inputs = generator.latent + generator.label_width
    if latents.shape[1] != inputs:
        must = f"must have {inputs} coordinates, as the generator's latent vectors"
        raise ValueError(f"pairs.latent: {must}, but has {latents.shape[1]}")
    return latents
