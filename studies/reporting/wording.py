"""Words of captions, labels and titles."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gan_core.metrics import METRICS
from studies.file.budget import Budget
from studies.file.messages import count_noun
from studies.file.study import Study

if TYPE_CHECKING:
    import pandas as pd

TITLE_LENGTH = 18
"""Characters that fit above a panel where two are in a row."""
_UNITS = {
    "data": "unit of the data",
    "parameters": "unit of the parameters",
    "critic's / data": "critic's unit per unit of the data",
    "loss / parameters": "loss per unit of the parameters",
}


def shortened(text: str, length: int = TITLE_LENGTH) -> str:
    """The text, with an ellipsis in place of its middle if it is longer than `length`."""
    end = length // 3
    return text if len(text) <= length else f"{text[: length - end - 1]}…{text[-end:]}"


def metric_label(metric: str) -> str:
    """A metric's name in words, as in "sliced Wasserstein distance"."""
    if metric == "jensen_shannon":
        return "Jensen-Shannon divergence"
    words = metric.replace("_", " ").replace("wasserstein", "Wasserstein").replace("frechet", "Frechet")
    return f"{words} distance" if words.endswith("Wasserstein") else words


def metric_unit(metric: str) -> str:
    """A metric's unit in words; that of a user's metric is not known here."""
    unit = METRICS[metric].unit if metric in METRICS else "in its own unit"
    return _UNITS.get(unit, unit)


_REFERENCES = {
    "real": "other real samples",
    "gaussian": "a Gaussian of the data's mean and covariance",
    "constant": "the constant at the data's mean",
}


def references_in_words(names: Iterable[str]) -> str:
    """Meaning of the lines at reference distances, as a sentence; empty without such lines."""
    meanings = [f"to {_REFERENCES[name]}" for name in names]
    if not meanings:
        return ""
    return (
        f"Lines: distances from test samples {', '.join(meanings[:-1])}{' and ' if meanings[1:] else ''}{meanings[-1]}."
    )


def budget_label(budget: Budget) -> str:
    """The unit of the budget, as in "generator steps"."""
    return budget.unit.replace("_", " ")


def sampled_seeds(study: Study, members: int) -> str:
    """The seeds whose samples are shown, as in "10 seeds", or "first 10 seeds" if a setting can have further ones."""
    return f"{'first ' if study.search.confirm.groups > 1 else ''}{count_noun(members, 'seed')}"


def count_seeds(counts: "pd.Series[int]") -> str:
    """Numbers of seeds of several conditions, as in "10 seeds" and "5 to 10 seeds"."""
    low, high = int(counts.min()), int(counts.max())
    return count_noun(low, "seed") if low == high else f"{low} to {high} seeds"
