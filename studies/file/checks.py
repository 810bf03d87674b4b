"""Rules that concern several tables of a study file at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from gan_core.data import AnyData
from gan_core.evaluation import EvaluationSettings, Evaluator, check_metrics, resolved_settings
from gan_core.features import AutoFeatures, FileFeatures
from gan_core.metrics import RealSamples
from gan_core.networks import AnyCritic, AnyGenerator, try_network
from gan_core.shapes import SampleShape
from gan_core.training import check_compatible, check_conditional, generates_from_latents
from studies.errors import InputError
from studies.file.authors_path import possible_changes, settings_on_paths
from studies.file.budget import Budget
from studies.file.compared_features import absolute
from studies.file.condition import LOOP, Condition, Setting
from studies.file.distribution_tables import range_text
from studies.file.distributions import as_value, may_draw
from studies.file.messages import format_value
from studies.file.modules import describe_error, is_reference
from studies.file.real_samples import load_samples, sizes_of
from studies.file.refusal import Refusal
from studies.file.search import Search
from studies.file.trees import Parts, by_path

SEEDS_PER_PHASE = 1_000_000
"""Largest number of seeds of a phase of a condition: the distance between the first seeds of two phases."""


def check_seeds(search: Search, seeds: int) -> Iterator[Refusal]:
    """A refusal for each number with which a phase would use seeds of the next one.

    seeds  number of seeds of each trial of a phase other than confirm
    """
    room = f"since a phase has {SEEDS_PER_PHASE} seeds"
    confirm = {"seeds": search.confirm.seeds, "most": search.confirm.most or 0}
    for name, count in {"seeds": seeds, **{f"search.confirm.{name}": count for name, count in confirm.items()}}.items():
        if count > SEEDS_PER_PHASE:
            yield Refusal(tuple(name.split(".")), f"must be <= {SEEDS_PER_PHASE}, {room}", f"is {count}")
    counted = {
        "explore": (search.explore_trials, seeds),
        "exploit.trials": (search.exploit.trials, seeds),
        "profile": (search.profile, seeds),
        "confirm.best": (search.confirm.best, search.confirm.seeds),
    }
    for path, (count, of_trial) in counted.items():
        most = SEEDS_PER_PHASE // of_trial
        if count > most > 0:
            must = f"must be <= {most}, {room}, {of_trial} for each trial"
            yield Refusal(("search", *path.split(".")), must, f"is {count}")


def check_start(start: Sequence[Mapping[str, Any]], conditions: Sequence[Condition]) -> None:
    """Check that each value of `search.start` is in the range of every condition that searches its hyperparameter.

    Errors: `Refusal` for a hyperparameter that no condition searches, and for a value outside a range.
    """
    searched = sorted({path for condition in conditions for path in condition.hyperparameters})
    for number, table in enumerate(start):
        for path, value in by_path(table).items():
            parts = ("search", "start", str(number), *path.split("."))
            if path not in searched:
                raise Refusal(parts, f"must be a searched hyperparameter: {', '.join(searched) or 'there is none'}")
            for condition in conditions:
                hyperparameter = condition.hyperparameters.get(path)
                if hyperparameter is not None and not may_draw(hyperparameter, as_value(value)):
                    raise Refusal(parts, f"must lie within {range_text(hyperparameter)}", f"is {format_value(value)}")


def check_sampler(sampler: str, conditions: Iterable[Condition]) -> None:
    """Check that Gaussian processes are used only where all trials of a condition have the same hyperparameters.

    Errors: `Refusal` that names the first hyperparameter with `when`.
    """
    for condition in conditions if sampler == "gp" else ():
        for path, hyperparameter in condition.hyperparameters.items():
            if hyperparameter.when:
                but = f'is "gp", and conditions.{condition.name}.{path} has when'
                raise Refusal(("search", "sampler"), 'must be "tpe" or "random" if a hyperparameter has when', but)


def check_samples(data: AnyData, evaluation: EvaluationSettings) -> None:
    """Check that there are enough real samples for the metrics and for the reference distance `real`.

    Errors: `Refusal` for the first number that is too large.
    """
    sizes = sizes_of(data)
    if sizes.train == 1:  # a point mass has neither cells nor a reference distance of real samples to real samples
        return
    most = sizes.every - sizes.held_out
    if evaluation.samples > most:
        must = f"must be <= {most}, the {sizes.every} real samples minus data.held_out"
        raise Refusal(("evaluation", "samples"), must, f"is {evaluation.samples}")
    if evaluation.cells > sizes.train:
        must = f"must be <= {sizes.train}, the number of training samples"
        raise Refusal(("evaluation", "cells"), must, f"is {evaluation.cells}")
    for count, counted in ((sizes.held_out, "held-out samples"), (evaluation.samples, "fakes")):
        if evaluation.neighbours >= count:
            must = f"must be < {count}, the number of {counted}"
            raise Refusal(("evaluation", "neighbours"), must, f"is {evaluation.neighbours}")


def resolved_evaluation(evaluation: EvaluationSettings, data: AnyData) -> EvaluationSettings:
    """The settings with the features and the deciding metric that "auto" and "default" stand for on these data.

    Settings of points and of images of at most 8 x 8 pixels stay as they are unless they name features.

    Errors: `Refusal` for features that the data do not have, and for a file of features that cannot be used.
    """
    if data.small and isinstance(evaluation.features, AutoFeatures):
        return evaluation
    samples = load_samples(data)
    try:
        resolved = resolved_settings(absolute(evaluation), samples)
        if isinstance(resolved.features, FileFeatures):
            _ = RealSamples(samples, "validation", resolved).feature_map
    except ValueError as error:
        key, _, sentence = str(error).partition(": ")
        raise Refusal(("evaluation", *key.split(".")), sentence) from None
    return resolved


def check_evaluation(evaluation: EvaluationSettings, conditions: Iterable[Condition], data: AnyData) -> None:
    """Check a study's own metrics and its deciding metric; if there are any, each also against samples and generators.

    Errors: `Refusal` for the first rule that does not hold.
    """
    try:
        check_metrics(evaluation)
        if evaluation.metrics or evaluation.distance != "default":
            samples = load_samples(data)
            for condition in conditions:
                for setting in condition.extreme_settings():
                    Evaluator(setting.networks.generator, samples, settings=evaluation)
                if condition.own_loop:
                    _check_pairs_of_loop(condition, Evaluator(None, samples, settings=evaluation))
    except ValueError as error:
        key, _, sentence = str(error).partition(": ")
        parts = ("data",) if key.startswith("pairs") else ("evaluation",)
        raise Refusal((*parts, *key.split(".")), sentence) from None


def _check_pairs_of_loop(condition: Condition, evaluator: Evaluator) -> None:
    """Check that a loop of its own can generate the fakes of paired metrics."""
    paired = [metric.name for metric in evaluator.metrics.values() if metric.paired]
    if paired and not all(map(generates_from_latents, condition.extreme_loops())):
        must = f"must define generate_from(latent), since {paired[0]} is a paired metric"
        raise Refusal(("conditions", condition.name, LOOP), must)


def check_settings(
    conditions: Iterable[Condition], data: AnyData, budget: Budget, evaluation: EvaluationSettings
) -> None:
    """Check that the parts of every setting fit together, and that they fit the study's data and budget.

    Errors: `Refusal` for the first rule that does not hold.
    """
    shape = cache(lambda: load_samples(data).sample_shape)
    for condition in conditions:
        path = ("conditions", condition.name)
        for setting in condition.extreme_settings():
            _check_kinds(path, setting, data, shape)
            _check_compatible(path, setting)
            _check_conditional(path, setting, data, evaluation)
            _check_user_networks(path, setting, shape)
            _check_measurements(path, setting, budget, evaluation.measurements)
        if condition.own_loop:
            _check_loop(condition.name, data, budget, evaluation.measurements)


def _check_loop(name: str, data: AnyData, budget: Budget, measurements: int) -> None:
    """Check that a condition with a loop of its own fits the study's data and budget."""
    if data.only_with is not None:
        must = f"must not be used on data.kind = {format_value(data.kind)}, which needs our networks"
        raise Refusal(("conditions", name, LOOP), must)
    if budget.unit != "generator_steps":
        reason = f"since conditions.{name} has a loop of its own, whose critic steps are unknown"
        must = f'must be "generator_steps", {reason}'
        raise Refusal(("budget", "unit"), must, f"is {format_value(budget.unit)}")
    if measurements > budget.steps:
        must = f"must be <= {budget.steps}, the generator steps of the budget"
        raise Refusal(("evaluation", "measurements"), must, f"is {measurements}")


def check_paths(conditions: Sequence[Condition], budget: Budget, evaluation: EvaluationSettings) -> None:
    """Check that there is a path from an authors' setting, and that the settings on every path are valid.

    Errors: `Refusal` for the first rule that does not hold.
    """
    if not any(possible_changes(condition) for condition in conditions):
        must = "must be false, since no condition has an authors' setting and searches a hyperparameter of it"
        raise Refusal(("search", "confirm", "path"), must)
    for condition in conditions:
        try:
            for setting in settings_on_paths(condition):
                _check_compatible(("conditions", condition.name), setting)
                _check_measurements(("conditions", condition.name), setting, budget, evaluation.measurements)
        except InputError as error:
            must = f"must be false, since a setting between the authors' and one that is searched is invalid: {error}"
            raise Refusal(("search", "confirm", "path"), must) from None


def _check_kinds(path: Parts, setting: Setting, data: AnyData, shape: Callable[[], SampleShape]) -> None:
    """Check that networks made for one kind of data get that kind, and data made for one kind of networks get it."""
    networks = setting.networks
    if data.only_with not in (None, networks.kind):
        must = f"must be {{kind = {format_value(data.only_with)}}} on data.kind = {format_value(data.kind)}"
        raise Refusal((*path, "networks"), must, f"kind is {format_value(networks.kind)}")
    for role in ("generator", "critic"):
        network: AnyGenerator | AnyCritic = getattr(networks, role)
        if network.only_on not in (None, data.kind):
            parts = (*path, "networks") if networks.kind == network.kind else (*path, "networks", role)
            kind, only = format_value(network.kind), format_value(network.only_on)
            must = f"kind {kind} must be used on data.kind = {only} alone"
            raise Refusal(parts, must, f"data.kind is {format_value(data.kind)}")
        if network.only_images and not shape().of_images:
            must = f"kind {format_value(network.kind)} must be used on images"
            but = f"a sample of data.kind = {format_value(data.kind)} has the shape {list(shape().shape)}"
            raise Refusal((*path, "networks", role), must, but)


def _check_compatible(path: Parts, setting: Setting) -> None:
    try:
        check_compatible(setting.objective, setting.networks, setting.training)
    except ValueError as error:
        key, _, sentence = str(error).partition(": ")
        raise Refusal((*path, *key.split(".")), sentence) from None


def _check_conditional(path: Parts, setting: Setting, data: AnyData, evaluation: EvaluationSettings) -> None:
    """Check that conditional networks fit the classes of the data, each of which needs a fake in an evaluation."""
    classes = setting.networks.generator.label_width
    if not classes:
        return
    try:
        check_conditional(setting.networks, load_samples(data))
    except ValueError as error:
        key, _, sentence = str(error).partition(": ")
        raise Refusal((*path, *key.split(".")), sentence) from None
    if evaluation.samples < classes:
        must = f"must be >= {classes}, a fake of each of networks.classes"
        raise Refusal(("evaluation", "samples"), must, f"is {evaluation.samples}")


def _check_user_networks(path: Parts, setting: Setting, shape: Callable[[], SampleShape]) -> None:
    """Call each network of a user's class once, so that an error in it is found before the study starts."""
    for role in ("generator", "critic"):
        network: AnyGenerator | AnyCritic = getattr(setting.networks, role)
        if is_reference(network.kind):
            parts, sample = (*path, "networks", role), shape()
            try:
                try_network(network, sample)
            except ValueError as error:
                raise Refusal(parts, f"{network.kind} cannot be used: {error}") from None
            except Exception as error:
                must = f"{network.kind} must run on samples of the shape {list(sample.shape)}"
                raise Refusal(parts, must, f"it {describe_error(error)}") from None


def _check_measurements(path: Parts, setting: Setting, budget: Budget, measurements: int) -> None:
    """Check that the budget holds at least one generator step, and one iteration between any two evaluations."""
    training, condition = setting.training, ".".join(path)
    iterations = budget.iterations(training)
    generator_steps = training.generator_steps(iterations)
    if generator_steps == 0:
        least = training.critic_steps(training.pretrain_steps + 1)
        must = f"must be >= {least}, the critic steps of {condition} up to its first generator step"
        raise Refusal(("budget", "steps"), must, f"is {budget.steps}")
    if measurements > generator_steps:
        must = f"must be <= {generator_steps}, the generator steps of the budget"
        if budget.unit == "critic_steps":
            must += f" at {condition}.training.n_critic = {training.n_critic}"
        raise Refusal(("evaluation", "measurements"), must, f"is {measurements}")
    due = budget.evaluation_iterations(training, measurements)
    if len(set(due)) < len(due):
        # after the warm-up one of two consecutive steps has n_critic critic steps, unless all of them are warm
        steps = (0, training.warmup_steps, training.warmup_steps + 1, generator_steps - 1)
        most = max(training.critic_steps_at(step) for step in steps if step < generator_steps)
        must = f"must be <= {budget.steps // most}, since {condition} takes {most} critic steps in one iteration"
        raise Refusal(("evaluation", "measurements"), must, f"is {measurements}")
