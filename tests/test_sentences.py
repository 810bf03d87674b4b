"""Sentences: every kind of finding has one, and those about four kinds of study are pinned word by word."""

import importlib
import pkgutil
import random
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from mapped import mapped
from simulated import RISING, STUDY, simulate
from test_verdict import LR, works_below_a_thousandth

from studies.analysis.comparison import Comparison
from studies.file.budget import Budget
from studies.file.distributions import Value
from studies.ledger.unfinished import TrialEnd
from studies.reporting import text
from studies.reporting.text.finding import Finding
from studies.reporting.text.headline import FirstUndecided
from studies.reporting.text.method_comparison import Obstacle
from studies.reporting.text.sentences import sentence
from studies.reporting.text.verdict import ANSWER, verdict

for module in pkgutil.iter_modules(text.__path__):
    importlib.import_module(f"{text.__name__}.{module.name}")
KINDS = sorted(Finding.__subclasses__(), key=lambda kind: kind.__name__)
EXAMPLES = 60
"""Number of findings of each kind that are phrased."""
NAMES = tuple(f"condition-{i}" for i in range(30))


# -- examples ----------------------------------------------------------------------------------------------------------


def example(hint: Any, rng: random.Random) -> Any:
    """A random value of a type; lists are not empty."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Budget:
        return Budget(unit=rng.choice(["generator_steps", "critic_steps"]), steps=750)
    if hint is TrialEnd:
        return TrialEnd(state=rng.choice(["error", "timed_out", "out_of_memory"]), reason="RuntimeError: out of luck.")
    if hint is Obstacle:
        return rng.choice([Obstacle("fixed"), Obstacle("listed"), Obstacle("few", rng.choice([1, 3]))])
    if hint == Value:
        return rng.choice([0.01, 3, "relu", True, (0.5, 0.9)])
    if origin is Literal:
        return rng.choice(arguments)
    if origin in (Union, UnionType):
        return example(rng.choice(arguments), rng)
    if origin is tuple and arguments[-1] is Ellipsis:
        return tuple(example(arguments[0], rng) for _ in range(rng.choice([1, 2, 3, 8, 25])))
    if origin is tuple:
        return tuple(example(argument, rng) for argument in arguments)
    if is_dataclass(hint) or hasattr(hint, "_fields"):
        return hint(**{name: example(own, rng) for name, own in get_type_hints(hint).items()})
    choices = {str: NAMES, int: (1, 2, 3, 10), float: (0.0, 0.0314, 0.25, 1.0, 12.5), bool: (True, False)}
    return None if hint is NoneType else rng.choice(choices[hint])


def examples(kind: type[Finding]) -> Iterator[Finding]:
    rng = random.Random(kind.__name__)
    for _ in range(EXAMPLES):
        found = example(kind, rng)
        if not isinstance(found, FirstUndecided) or (found.p is None) == (found.reason != "only pair"):
            yield found


# -- every kind --------------------------------------------------------------------------------------------------------


def test_kinds_have_different_names() -> None:
    assert len({kind.__name__ for kind in KINDS}) == len(KINDS) > 100


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_finding_of_every_kind_is_one_sentence_or_more(kind: type[Finding]) -> None:
    assert all(field.default is MISSING or isinstance(field.default, int | float) for field in fields(kind))
    for finding in examples(kind):
        stated = sentence(finding)
        assert stated[0].isupper() or stated[0].isdigit() or stated.startswith(NAMES), stated
        assert stated.endswith("."), stated
        assert not re.search(r" [ ,;.:)]|\(\s|[,;:.][,;:.]|(?<!^)\bNone\b|\bnan\b|\n|[{}]|<[^=]", stated), stated
        depth = 0
        for character in stated:
            depth += (character == "(") - (character == ")")
            assert 0 <= depth <= 2, stated
        assert depth == 0, stated


def test_every_macro_with_the_name_of_a_kind_has_its_fields() -> None:
    for kind in KINDS:
        template = Path(text.__path__[0], "templates", f"{kind.__module__.rpartition('.')[2]}.jinja").read_text()
        assert f"{{% macro {kind.__name__}({', '.join(field.name for field in fields(kind))}) %}}" in template
    names = {kind.__name__ for kind in KINDS}
    templates = Path(text.__path__[0], "templates").glob("*.jinja")
    macros = {name for path in templates for name in re.findall(r"macro ([A-Z]\w+)\(", path.read_text())}
    assert macros == names


# -- four studies, word by word ----------------------------------------------------------------------------------------


def sentences_by_topic(compared: Comparison) -> dict[str, tuple[str, ...]]:
    return {topic.title: topic.sentences for topic in verdict(compared)}


BUDGET = (
    "Every GAN had a budget of 20 generator steps; its distance is its late distance, the median over the last 3 of "
    "its 10 evaluations."
)


def test_the_sentences_about_a_comparison(tmp_path: Path) -> None:
    results = simulate(tmp_path, works_below_a_thousandth, "search.explore=16", "search.confirm.seeds=8")
    topics = sentences_by_topic(Comparison(results))
    assert topics[ANSWER] == (
        "If 4 random settings of each method are tried, the best of gan comes closer to the real data than that of "
        "wgan (p = 0.002; seeds that fail count as no progress).",
        "The setting found for gan ends closer to the real data than the one found for wgan (p = 0.00016).",
        "For each of gan and wgan, 10 of 16 randomly drawn settings are stable and end within 0.100 of the real data.",
        "The setting found for gan ends at a distance of 1.160 from the real data (95% interval 1.160 to 1.160).",
        "Other real samples have a distance of 1.000 from the real data.",
        "0 of 8 fresh seeds of the setting found for gan failed (95% interval of the failure rate 0% to 32%).",
        BUDGET,
    )
    assert topics["Share of settings that work"] == (
        "A setting works if all 2 of its seeds are stable and end within 0.100 of the real data, 90% of the way from a "
        "constant to real data (of the validation split).",
        "Target distances tried: 0.250, 0.100 and 0.050 (75%, 90% and 95% of the way from a constant to real data).",
        "The smallest that settings of at least two conditions reach is used: 0.100.",
        "The shares are therefore those at a target chosen after the fact.",
        "Randomly drawn settings that work, with the 95% interval of their share: 10 of 16 for each of gan and wgan "
        "(39% to 82%).",
        "The difference between the two shares is undecided (p = 1, adjusted for 3 tests).",
    )


def test_the_sentences_about_a_single_condition_with_listed_values(tmp_path: Path) -> None:
    def progress_of(trial: Any, seed: int) -> tuple[float, ...]:
        return (0, -0.2) if trial.configuration.get("training.n_critic") == 5 else (*RISING, 0.97)

    fixed = (f"{LR}=1e-3", "conditions.wgan.constraint.clip_value=0.01")
    n_critic = "conditions.wgan.training.n_critic={grid=[1,2,5]}"
    one = STUDY[: STUDY.rindex("[[conditions]]")]
    topics = sentences_by_topic(Comparison(simulate(tmp_path, progress_of, n_critic, *fixed, text=one)))
    assert topics[ANSWER][0] == (
        "wgan is stable and ends within 0.250 of the real data at n_critic = 1 and 2 (best: 1), of 3 values from 1 to "
        "5; the most frequent outcome is diverged at the larger value."
    )
    assert topics["Ranges of hyperparameters"] == ("wgan: n_critic works at 1 and 2, but not at 5.",)


def test_the_sentences_about_maps(tmp_path: Path) -> None:
    topics = sentences_by_topic(Comparison(mapped(tmp_path)))
    assert re.fullmatch(
        r"wgan-gp is stable on 62% \(\d+% to \d+%\) of its map, against 50% \(\d+% to \d+%\) for clipped; which share "
        "is the largest is undecided: the 95% interval of the difference includes 0.",
        topics[ANSWER][0],
    )
    assert topics["Stability maps"][1:] == (
        "The commonest failure, with its share of the seeds: wgan-gp diverged (38%) and clipped diverged (50%).",
        "Outcome of the cell with the authors' values of the axes, whose other settings may differ from theirs: "
        "wgan-gp stable (10, 0.0001).",
    )


def test_the_sentences_about_a_study_in_which_nothing_is_confirmed(tmp_path: Path) -> None:
    topics = sentences_by_topic(Comparison(simulate(tmp_path, works_below_a_thousandth, trials=6)))
    assert topics[ANSWER] == (
        "No setting has been confirmed on fresh seeds yet.",
        "For each of gan and wgan, 1 of 3 randomly drawn settings are stable and end within 0.100 of the real data.",
        BUDGET,
    )
