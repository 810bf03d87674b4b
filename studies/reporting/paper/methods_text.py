"""The methods of a study as LaTeX: a template filled with the numbers of its record."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from gan_core.data import Data
from gan_core.metrics.modes import ModesCovered
from gan_core.networks.dense import dense_layers
from gan_core.outcomes import classify
from studies.analysis.comparison import Comparison
from studies.design import CONFIRMING
from studies.design.ended_trials import TIE
from studies.file.condition import LOOP, Condition
from studies.file.distributions import Grid, draw
from studies.file.map_settings import ExploreMap, paths_of
from studies.file.messages import count_noun, short_name
from studies.ledger.unfinished import END_NAMES
from studies.reporting.paper.evaluation_words import (
    compared_metrics,
    deciding_distance,
    features,
    goal_of_progress,
    late_and_rough,
    origin_of_progress,
    own_metrics,
    recorded_metrics,
    reference_numbers,
)
from studies.reporting.paper.latex_text import Tex, code, escape, listed, number, percent
from studies.reporting.paper.paper_citations import (
    PROGRAMS,
    SAMPLERS,
    Citations,
    authors_presets,
    class_of,
    optimizers_of_authors,
)
from studies.reporting.paper.part_words import (
    constraint_words,
    critic_words,
    generator_words,
    loop_words,
    objective_words,
)
from studies.reporting.paper.real_data import RealData
from studies.reporting.paper.statistics_words import statistics_used
from studies.reporting.paper.training_words import each_condition, training_facts
from studies.reporting.paper.unfinished_study import unfinished
from studies.reporting.text.template_environment import template_environment
from studies.tables.results import Results

_SAMPLERS = {
    "tpe": "the tree-structured Parzen estimator",
    "gp": "Bayesian optimisation with a Gaussian process",
    "random": "random draws",
}
_PHASES = {
    "explore": "at random configurations",
    "exploit": "at suggested configurations",
    "confirm": "at settings found",
    "authors": "at settings of the authors",
    "profile": "along ranges from the settings found",
    "path_choice": "to choose the changes from the authors' settings to those found",
    "path": "between the authors' settings and those found",
}
_PROGRAM_NAMES = {"torch": "PyTorch", "optuna": "Optuna", "ray": "Ray", "scipy": "SciPy"}


def methods(compared: Comparison, citations: Citations) -> str:
    """LaTeX source of the methods: data, conditions, training, search, evaluation, failures, statistics, software."""
    environment = template_environment(
        "studies.reporting.paper",
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        finalize=escape,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": code,
        "noun": lambda count, noun: Tex(f"{count:,} {count_noun(count, noun).partition(' ')[2]}"),
        "number": number,
        "percent": percent,
        "tex": Tex,
    }
    return environment.get_template("methods.tex.jinja").render(_facts(compared, citations))


def label(study: str, table: str) -> str:
    """The label of a table of a study."""
    return f"tab:{study}-{table}"


def _facts(compared: Comparison, citations: Citations) -> dict[str, Any]:
    results = compared.results
    study, real = results.study, RealData.of(results)
    return {
        "study": study,
        "search": study.search,
        "evaluation": study.evaluation,
        "rules": study.outcomes,
        "cite": citations.cite,
        "label": lambda table: Tex(label(study.name, table)),
        "missing": unfinished(results),
        **real.facts,
        "data_class": class_of(Data, getattr(study.data, "kind", "")),
        **_of_conditions(results, real.bounded, citations),
        **training_facts(results, citations),
        **_of_search(results, citations),
        "distance": deciding_distance(results, real),
        "origin": origin_of_progress(study),
        "goal": goal_of_progress(study),
        "references": reference_numbers(results),
        "further": results.evaluation_changes,
        **late_and_rough(study),
        "features": features(results, citations),
        "compared_metrics": compared_metrics(compared, citations),
        "recorded": recorded_metrics(compared, citations),
        "own_metrics": own_metrics(study),
        "modes_covered": ModesCovered,
        "classify": classify,
        "dense_layers": dense_layers,
        "draw": draw,
        **statistics_used(compared),
        **_of_software(results, citations),
    }


def _of_conditions(results: Results, bounded: bool, citations: Citations) -> dict[str, Any]:
    conditions = results.study.conditions
    return {
        "conditions": [_condition(condition, citations) for condition in conditions],
        "generator": each_condition(results, lambda table: generator_words(table["networks"], bounded, citations)),
        "critic": each_condition(results, lambda table: critic_words(table["networks"], bounded, citations)),
        "initialised": any(_draws_uniform_weights(one.table["networks"]) for one in conditions if not one.own_loop),
        "loops": listed([code(one.name) for one in conditions if one.own_loop]),
        "all_loops": all(one.own_loop for one in conditions),
    }


def _condition(condition: Condition, citations: Citations) -> Tex:
    if condition.own_loop:
        return Tex(f"{code(condition.name)} ({loop_words(condition.table[LOOP])})")
    parts = [
        objective_words(condition.table["objective"], citations),
        constraint_words(condition.table["constraint"], citations),
    ]
    preset = optimizers_of_authors(condition)
    if preset is not None:
        parts.append(Tex(f"optimizer settings of its authors{citations.cite(preset)}"))
    if condition.replicate:
        parts.append(Tex(f"replicate {condition.replicate}, with draws and seeds of its own"))
    return Tex(
        f"{code(condition.name)} ({'; '.join(parts)})" if preset else f"{code(condition.name)} ({', '.join(parts)})"
    )


def _draws_uniform_weights(networks: Mapping[str, Any]) -> bool:
    parts = [networks.get("generator", {}), networks.get("critic", {})]
    return any(part.get("kind") in ("mlp", "autoencoder") or part.get("initialisation") == "he" for part in parts)


def _of_search(results: Results, citations: Citations) -> dict[str, Any]:
    study = results.study
    search, conditions = study.search, study.conditions
    grids = {path for one in conditions for path, law in one.hyperparameters.items() if isinstance(law, Grid)}
    paths = [path for condition in conditions for path in condition.hyperparameters]
    suggested = (
        f"{_SAMPLERS[search.sampler]}{citations.cite(*SAMPLERS[search.sampler])} in Optuna"
        if search.exploit.trials
        else ""
    )
    return {
        "map": _map(search.explore.map) if isinstance(search.explore, ExploreMap) else None,
        "searched": bool(paths),
        "drawn": any(not isinstance(law, Grid) for one in conditions for law in one.hyperparameters.values()),
        "grids": listed([code(short_name(path)) for path in sorted(grids)]) if grids else "",
        "common": len(paths) > len(set(paths)) and not any(condition.replicate for condition in conditions),
        "sampler": Tex(f"{suggested}{citations.cite(PROGRAMS['optuna'])}") if suggested else "",
        "tie": TIE,
        "authors": authors_presets(conditions) if search.confirm.authors else [],
        "same_networks": all(one.authors["networks"] == one.table["networks"] for one in conditions if one.authors),
    }


def _map(settings: Any) -> dict[str, Tex]:
    axes = [code(" = ".join(short_name(path) for path in paths_of(axis))) for axis in (settings.x, settings.y) if axis]
    return {"cells": Tex(f"${' x '.join(map(str, settings.shape))}$".replace("x", r"\times")), "axes": listed(axes)}


def _of_software(results: Results, citations: Citations) -> dict[str, Any]:
    versions: Mapping[str, Any] = results.environment.get("versions", {})
    used = ["torch", "ray", "scipy"] + (["optuna"] if results.study.search.exploit.trials else [])
    programs = [
        Tex(f"{_PROGRAM_NAMES[name]} {escape(versions[name])}{citations.cite(PROGRAMS[name])}")
        for name in used
        if versions.get(name)
    ]
    members, trials = results.members, results.trials
    finished = trials[trials["state"] == "finished"]
    counts = members["phase"].value_counts(sort=False)
    by_phase = [Tex(f"{number(int(count))} {_PHASES[phase]}") for phase, count in counts.items() if count]
    return {
        "own_version": str(versions.get("gan-studies") or "of unknown version"),
        "numerics": results.provenance.numerics_version,
        "evaluation_version": results.provenance.evaluation_version,
        "programs": programs,
        "device": _device(results),
        "members": len(members),
        "trials": len(finished),
        "by_phase": listed(by_phase),
        "ends": _ends_without_result(trials),
        "hours": _hours(float(finished["elapsed_seconds"].sum())),
    }


def _ends_without_result(trials: pd.DataFrame) -> Tex:
    """Number of configurations that are counted, of which no GAN has an outcome, with the reasons; empty if none."""
    counts = trials.loc[~trials["phase"].isin(CONFIRMING), "state"].value_counts()
    ends = {name: int(counts.get(state, 0)) for state, name in END_NAMES.items()}
    if not sum(ends.values()):
        return Tex("")
    reasons = listed([f"{name}: {number}" for name, number in ends.items() if number])
    return Tex(f"{count_noun(sum(ends.values()), 'configuration')} ({reasons})")


def _device(results: Results) -> str:
    hardware: Mapping[str, Any] = results.environment.get("hardware", {})
    if results.provenance.device == "cuda":
        gpus = ", ".join(dict.fromkeys(hardware.get("gpus") or []))
        return f"GPUs ({gpus})" if gpus else "GPUs"
    processor = hardware.get("cpu")
    return f"processors ({processor})" if processor else "processors"


def _hours(seconds: float) -> str:
    """Hours or minutes with two significant digits, or more if they are whole numbers."""
    if seconds < 60:
        return f"{seconds:.0f} seconds"
    amount, unit = (seconds / 3600, "hours") if seconds >= 5400 else (seconds / 60, "minutes")
    return f"{amount:.1f} {unit}" if amount < 10 else f"{math.floor(amount + 0.5)} {unit}"
