"""The page metrics.md: metrics, data and outcomes."""

from collections.abc import Iterable
from typing import get_args

from gan_core import outcomes
from gan_core.data import Data
from gan_core.data.planar import PlanarData
from gan_core.evaluation import EvaluationSettings, ReferenceDistances, references
from gan_core.metrics import AVERAGE, METRICS, SAMPLE_METRICS
from pages_from_code.field_tables import fields_table
from pages_from_code.markdown import table, words


def metrics_page() -> Iterable[str]:
    """Paragraphs of the page."""
    yield from _metrics()
    yield from _data()
    yield from _outcomes()


def _metrics() -> Iterable[str]:
    yield "# Metrics"
    yield (
        "Metrics of every member, under these names in the table `curves`, in `Evaluator.evaluate` and in MLflow. An "
        "evaluation changes no number of the training."
    )
    rows = [
        [f"`{name}`", metric.unit, metric.direction, metric.applies_to, metric.description.replace("|", "\\|")]
        for name, metric in METRICS.items()
    ]
    yield table(("metric", "unit", "better is", "applies to", "meaning"), rows)
    yield (
        f"If `training.generator_average` is above 0, the metrics of the fakes are computed for the averaged generator "
        f"too; their names end in `{AVERAGE}`."
    )
    yield "## Metrics of samples"
    for metric in SAMPLE_METRICS:
        yield f"### `{metric.name}`"
        yield words(type(metric))
    yield "## Reference distances"
    yield words(ReferenceDistances)
    yield words(references)
    yield "## The table `[evaluation]` of a study"
    yield words(EvaluationSettings)
    yield fields_table(EvaluationSettings)


def _data() -> Iterable[str]:
    yield "## Data"
    yield "A study names one by `data.kind`."
    yield "### Points of the plane"
    planar = [f"`{kind.kind}`" for kind in get_args(Data) if issubclass(kind, PlanarData)]
    yield f"They are {', '.join(planar)}."
    yield words(PlanarData)
    for kind in get_args(Data):
        yield f"### `{kind.kind}`"
        yield words(kind)
        yield fields_table(kind)


def _outcomes() -> Iterable[str]:
    yield "## Outcomes"
    yield f"`{outcomes.progress.__name__}`: {words(outcomes.progress)}"
    yield f"Every member has one of the outcomes {', '.join(f'`{outcome}`' for outcome in outcomes.OUTCOMES)}."
    yield words(outcomes.classify)
    yield "## Numbers of a member"
    yield words(outcomes.MemberOutcomes)
    yield "## The search score"
    yield words(outcomes.search_score)
    yield "## The table `[outcomes]` of a study"
    yield words(outcomes.OutcomeRules)
    yield fields_table(outcomes.OutcomeRules)
