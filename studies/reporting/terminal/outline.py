"""Outline of a study before it runs: its trials, kept generators, conditions and searched hyperparameters."""

from collections.abc import Iterator
from math import comb

from gan_core.features import SMALL_SIDE, AutoFeatures, PixelFeatures
from gan_core.metrics import RealSamples
from gan_core.networks import MLPGenerator, NetworkPair, without_labels
from studies.design import Packs, counts, least, most_groups, total
from studies.execution.disk_space import kept_evaluations, snapshot_bytes
from studies.file.condition import LOOP, Condition
from studies.file.map_axes import map_axes
from studies.file.messages import count_noun
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.numbers import format_bytes, format_share
from studies.reporting.guessing import accuracy_of_guessing
from studies.reporting.terminal.data_text import data_text
from studies.reporting.terminal.preset_text import format_distribution
from studies.reporting.text.sentences import sentences
from studies.reporting.text.unequal_conditions import unequal_conditions
from studies.statistics.group_sequential import smallest_p_value
from studies.statistics.permutation import LEVEL
from studies.statistics.power import fewest_deciding_seeds


def outline(study: Study) -> str:
    """The numbers of trials, of bytes for kept generators and of samples; per condition kinds and searched ranges."""
    search, authors_trials = study.search, sum(condition.authors is not None for condition in study.conditions)
    authors = f" + {authors_trials} trials at authors' settings" if authors_trials else ""
    profile_trials = sum(counts(study, condition).get("profile", 0) for condition in study.conditions)
    profile = f" + {profile_trials} profile trials" if profile_trials else ""
    of_paths = [counts(study, condition) for condition in study.conditions if study.search.confirm.path]
    path_trials = sum(trials["path"] for trials in of_paths)
    choices = sum(trials["path_choice"] for trials in of_paths)
    path = f" + {path_trials} trials on paths from authors' settings and {choices} to choose them" if of_paths else ""
    seeds, confirm, trials = count_noun(study.seeds, "seed"), str(search.confirm.best), str(total(study))
    if (groups := most_groups(study)) > 1:
        confirm, trials = f"1 to {groups}", f"{least(study)} to {trials}"
    lines = [
        f"{study.name} is valid: {len(study.conditions)} conditions x ({search.explore_trials} explore + "
        f"{search.exploit.trials} exploit + {confirm} confirm){authors}{profile}{path} = {trials} "
        f"trials, with {seeds} each ({search.confirm.seeds} to confirm), {study.budget.steps} "
        f"{study.budget.unit.replace('_', ' ')}.",
        *fresh_seed_lines(study),
        *_kept_generators(study),
        data_text(load_samples(study.data)),
    ]
    lines += feature_lines(study)
    lines += _fully_connected(study)
    packs = Packs(study, "cpu")
    for condition in study.conditions:
        together = packs.explore_trials(condition)
        beside = f", {together} explore trials side by side on a processor" if together > 1 else ""
        parts = f"{condition.kind('objective')} x {condition.kind('constraint')}{beside}"
        lines.append(f"  {condition.name}: {_loop(condition) if condition.own_loop else parts}")
        lines += [
            f"    {path} {format_distribution(distribution.table())}"
            for path, distribution in condition.hyperparameters.items()
        ]
        lines += [
            f"    map: {axis.cells} cells along {axis.name}, {' = '.join(axis.paths)}"
            for axis in map_axes(search, condition)
        ]
    lines += sentences(unequal_conditions(study))
    lines += [f"conditions.{name}.{reason}; its trials train one by one." for name, reason in packs.unpacked().items()]
    return "\n".join(lines)


def _kept_generators(study: Study) -> Iterator[str]:
    """A line on the generators that are kept; none if users' loops train all conditions, whose generators are not."""
    if not all(condition.own_loop for condition in study.conditions):
        yield (
            f"Generators of {len(kept_evaluations(study))} of {study.evaluation.measurements + 1} evaluations are kept "
            f'(checkpoint.snapshots = "{study.checkpoint.snapshots}"): at most {format_bytes(snapshot_bytes(study))} '
            "before compression."
        )


def _loop(condition: Condition) -> str:
    """The loop of the user's own that trains a condition, and its behaviour when a trial is interrupted."""
    resumes = all(loop.resumes for loop in condition.extreme_loops())
    interrupted = "continues from its checkpoint" if resumes else "starts again from zero"
    return f"the training loop {condition.kind(LOOP)}; an interrupted trial {interrupted}"


def fresh_seed_lines(study: Study) -> Iterator[str]:
    """Lines on the further groups of fresh seeds, if the study allows them, and on numbers too small to decide."""
    confirm, groups = study.search.confirm, study.search.confirm.groups
    if most_groups(study) == 1:
        yield from _too_few_to_decide(study)
        return
    yield f"Conditions in an undecided pair get {confirm.seeds} further fresh seeds at a time, up to {confirm.most}."
    pairs = comb(len(study.conditions), 2)
    smallest = {stage: pairs * smallest_p_value(confirm.seeds, stage, groups) for stage in range(1, groups + 1)}
    deciding = [stage for stage, p_value in smallest.items() if p_value < LEVEL]
    if not deciding:
        yield f"  With groups of {confirm.seeds} seeds no pair can be decided; larger groups can."
    elif deciding[0] > 1:
        yield (
            f"  The first pair can be decided with {deciding[0] * confirm.seeds} seeds at the earliest, with larger "
            "groups earlier."
        )


def _too_few_to_decide(study: Study) -> Iterator[str]:
    """A warning if `search.confirm.seeds` is so small that no test can decide any pair of conditions."""
    seeds, enough = study.search.confirm.seeds, fewest_deciding_seeds(len(study.conditions))
    if study.search.confirm.best and seeds < enough:
        yield (
            f"  With {count_noun(seeds, 'fresh seed')} for each condition no pair can be decided, however much it "
            f"differs; search.confirm.seeds = {enough} or more can."
        )


def feature_lines(study: Study) -> Iterator[str]:
    """A line that names the features in which images are compared, unless they are pixels; a classifier is trained."""
    evaluation = study.evaluation
    if isinstance(evaluation.features, AutoFeatures | PixelFeatures):
        return
    data = load_samples(study.data)
    facts = RealSamples(data, "validation", evaluation).feature_map.facts()
    accuracy = f", {format_share(facts['accuracy'])} of the validation images right" if "accuracy" in facts else ""
    yield f"Images are compared in the features {facts['name']} {facts['hash']}{accuracy}; {study.distance} decides."
    guessed = accuracy_of_guessing(data, facts.get("accuracy"))
    if guessed is not None:
        yield (
            f"  The largest class has {format_share(guessed)} of them: this classifier hardly tells the "
            'classes apart. With data.labels = "none" images are compared in the features random_conv instead.'
        )


def _fully_connected(study: Study) -> Iterator[str]:
    """A line if the generator of images larger than 8 x 8 pixels is fully connected, which the user may not intend."""
    data = load_samples(study.data)
    if not data.of_images or max(data.shape[1:]) <= SMALL_SIDE:
        return
    networks = [next(one.extreme_settings()).networks for one in study.conditions if not one.own_loop]
    generators = [without_labels(pair.generator) for pair in networks if isinstance(pair, NetworkPair)]
    if any(isinstance(generator, MLPGenerator) for generator in generators):
        yield 'The generator is fully connected (kind = "mlp"); networks of the kind conv are made for images.'
