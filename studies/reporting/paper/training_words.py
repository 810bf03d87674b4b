"""The training of a study's conditions in words: batches, critic steps, optimizers, numbers of steps."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from studies.reporting.paper.latex_text import Tex, escape, number
from studies.reporting.paper.paper_citations import Citations
from studies.reporting.paper.part_words import by_condition, optimizer_words, value
from studies.tables.results import Results


def each_condition(results: Results, words: Callable[[Mapping[str, Any]], str]) -> Tex:
    """The words for the table of each condition, joined by `by_condition`; none for those with a loop of their own."""
    trained = [condition for condition in results.study.conditions if not condition.own_loop]
    return by_condition({condition.name: words(condition.table) for condition in trained})


def training_facts(results: Results, citations: Citations) -> dict[str, Any]:
    """Values for the template: one text for what is the same for all conditions, else a text for each."""

    def each(words: Callable[[Mapping[str, Any]], str]) -> Tex:
        return each_condition(results, lambda table: words(table["training"]))

    precision = {"float32": "single", "float64": "double"}
    tables = [condition.table["training"] for condition in results.study.conditions if not condition.own_loop]
    return {
        "unit": results.study.budget.unit.replace("_", " "),
        "batch": each(lambda training: value(training["batch"])),
        "dtype": each(lambda training: precision[training["dtype"]]),
        "critic_steps": _critic_steps(each(lambda training: value(training["n_critic"]))),
        "loop_sentences": list(_loop_sentences(tables, each)),
        "optimizers": {
            name: each(lambda training, name=name: optimizer_words(training[f"{name}_optimizer"], citations))  # type: ignore[misc]
            for name in ("critic", "generator")
        },
        "steps": _steps(results.trials),
    }


def _critic_steps(per_generator_step: Tex) -> Tex:
    if per_generator_step == "searched":
        return Tex("The number of critic steps per generator step was searched.")
    if per_generator_step == "1":
        return Tex("The critic took 1 step per generator step.")
    return Tex(f"Critic steps per generator step: {per_generator_step}.")


def _loop_sentences(tables: list[Mapping[str, Any]], each: Callable[..., Tex]) -> list[Tex]:
    """Sentences on settings of the training loop that some condition changes."""
    texts = {
        "update_order": "Order of updates: {}.",
        "pretrain_steps": "Steps of pre-training of the critic on real samples: {}.",
        "generator_average": "Decay of the moving average of the generator's parameters: {}.",
    }
    plain = {"update_order": "critic_first", "pretrain_steps": 0, "generator_average": 0.0}
    sentences = [
        Tex(text.format(each(lambda training, key=key: _setting(training[key]))))
        for key, text in texts.items()
        if any(table[key] != plain[key] for table in tables)
    ]
    if any(table["warmup_steps"] != 0 or table["warmup_every"] != 0 for table in tables):
        sentences.append(Tex(f"Warm-up of the critic: {each(_warmup)}."))
    return sentences


def _setting(of_training: Any) -> Tex:
    if isinstance(of_training, str):
        return escape(of_training.replace("_", " "))
    return value(of_training)


def _warmup(training: Mapping[str, Any]) -> str:
    if training["warmup_steps"] == 0 and training["warmup_every"] == 0:
        return "none"
    text = (
        f"{value(training['warmup_n_critic'])} critic steps in the first {value(training['warmup_steps'])} iterations"
    )
    return text if training["warmup_every"] == 0 else f"{text} and in every {value(training['warmup_every'])}th"


def _steps(trials: pd.DataFrame) -> dict[str, Tex] | None:
    """Generator and critic steps of the finished trials, each as a number or a range; None without a finished trial.

    The authors' settings, which may have other critic steps than the condition, are left out, and so are those between
    them and the settings found.
    """
    apart = trials["phase"].isin(("authors", "path_choice", "path"))
    counted = trials["critic_steps"].notna()  # those of a loop of the user's own are unknown
    finished = trials[(trials["state"] == "finished") & ~apart & counted]
    if finished.empty:
        return None
    return {name: _range_of(finished[f"{name}_steps"]) for name in ("generator", "critic")}


def _range_of(counts: pd.Series) -> Tex:
    low, high = int(counts.min()), int(counts.max())
    return number(low) if low == high else Tex(f"{number(low)} to {number(high)}")
