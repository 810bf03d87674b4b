"""Outline of a study before it runs: its trials, kept generators, conditions and searched hyperparameters."""

from collections.abc import Iterator

import numpy as np
import torch

from gan_core.data import Dataset
from gan_core.features import SMALL_SIDE, AutoFeatures, PixelFeatures
from gan_core.metrics import RealSamples
from gan_core.networks import MLPGenerator, NetworkPair
from gan_core.shapes import SampleShape
from studies.design import CONFIRMING, counts, total
from studies.execution.kept_samples import generator_evaluations
from studies.file.condition import Condition, Setting
from studies.file.messages import count_noun
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.numbers import format_bytes, format_share
from studies.reporting.terminal.data_text import data_text
from studies.reporting.terminal.preset_text import format_distribution

CLEARLY = 0.1
"""Least excess of a classifier's accuracy over the share of the largest class that is not remarked on."""
BYTES = 4
"""Size of a number in float32, in which generators are kept."""


def outline(study: Study) -> str:
    """The numbers of trials, of bytes for kept generators and of samples; per condition kinds and searched ranges."""
    search, authors_trials = study.search, sum(condition.authors is not None for condition in study.conditions)
    authors = f" + {authors_trials} trials at authors' settings" if authors_trials else ""
    seeds = count_noun(study.seeds, "seed")
    lines = [
        f"{study.name} is valid: {len(study.conditions)} conditions x ({search.explore_trials} explore + "
        f"{search.exploit} exploit + {search.confirm.best} confirm){authors} = {total(study)} trials, with {seeds} "
        f"each ({search.confirm.seeds} to confirm), {study.budget.steps} {study.budget.unit.replace('_', ' ')}.",
        f"Generators of {len(_kept(study))} of {study.evaluation.measurements + 1} evaluations are kept "
        f'(checkpoint.snapshots = "{study.checkpoint.snapshots}"): at most {format_bytes(snapshot_bytes(study))} '
        "before compression.",
        data_text(load_samples(study.data)),
    ]
    lines += _features(study)
    lines += _fully_connected(study)
    for condition in study.conditions:
        setting = next(condition.extreme_settings())
        lines.append(f"  {condition.name}: {setting.objective.kind} x {setting.constraint.kind}")
        lines += [
            f"    {path} {format_distribution(distribution.table())}"
            for path, distribution in condition.hyperparameters.items()
        ]
    return "\n".join(lines)


def _features(study: Study) -> Iterator[str]:
    """A line that names the features in which images are compared, unless they are pixels; a classifier is trained."""
    evaluation = study.evaluation
    if isinstance(evaluation.features, AutoFeatures | PixelFeatures):
        return
    data = load_samples(study.data)
    facts = RealSamples(data, "validation", evaluation).feature_map.facts()
    accuracy = f", {format_share(facts['accuracy'])} of the validation images right" if "accuracy" in facts else ""
    yield f"Images are compared in the features {facts['name']} {facts['hash']}{accuracy}; {study.distance} decides."
    if "accuracy" in facts and facts["accuracy"] < _largest_class(data) + CLEARLY:
        yield (
            f"  The largest class has {format_share(_largest_class(data))} of them: this classifier hardly tells the "
            'classes apart. With data.labels = "none" images are compared in the features random_conv instead.'
        )


def _largest_class(data: Dataset) -> float:
    """Share of the validation samples in the most frequent class: the accuracy of a classifier that always names it."""
    return float(np.bincount(data.labels["validation"]).max() / len(data.validation))


def _fully_connected(study: Study) -> Iterator[str]:
    """A line if the generator of images larger than 8 x 8 pixels is fully connected, which the user may not intend."""
    data = load_samples(study.data)
    if not data.of_images or max(data.shape[1:]) <= SMALL_SIDE:
        return
    networks = [next(condition.extreme_settings()).networks for condition in study.conditions]
    if any(isinstance(pair, NetworkPair) and isinstance(pair.generator, MLPGenerator) for pair in networks):
        yield "The generator is fully connected (mlp), the default; networks of the kind conv are made for images."


def snapshot_bytes(study: Study) -> int:
    """Largest number of bytes that the generators kept by all trials of a study can take before compression.

    Sum over the trials of (numbers of one generator) x (seeds) x (kept evaluations) x 4 bytes.
    """
    shape = load_samples(study.data).sample_shape
    members = {
        phase: study.search.confirm.seeds if phase in CONFIRMING else study.seeds
        for condition in study.conditions
        for phase in counts(study, condition)
    }
    numbers = 0
    for condition in study.conditions:
        searched = max(_kept_numbers(setting, shape) for setting in condition.extreme_settings())
        for phase, trials in counts(study, condition).items():
            numbers += (
                trials * members[phase] * (_authors_numbers(condition, shape) if phase == "authors" else searched)
            )
    return numbers * len(_kept(study)) * BYTES


def _kept(study: Study) -> list[int]:
    return generator_evaluations(study.evaluation.measurements, study.checkpoint.snapshots)


def _authors_numbers(condition: Condition, shape: SampleShape) -> int:
    return 0 if condition.authors is None else _kept_numbers(condition.authors_setting(), shape)


def _kept_numbers(setting: Setting, shape: SampleShape) -> int:
    """Numbers that are kept of one generator at one evaluation: its parameters and, if there is one, their average."""
    parameters = setting.networks.generator.initial(shape, torch.Generator())
    versions = 2 if setting.training.generator_average else 1
    return versions * sum(values.numel() for values in parameters.values())
