"""The evaluation of a study in words: the distance that decides, features of images, further metrics."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gan_core.features import Features
from gan_core.metrics import METRICS, SAMPLE_METRICS
from gan_core.metrics.sliced import FEWEST_DIRECTIONS, MOST_DIRECTIONS, PLANE_DIRECTIONS
from gan_core.networks import DiracPair
from studies.analysis.comparison import Comparison
from studies.analysis.metric_rankings import MODES_AND_QUALITY, OF_TWO, PRECISION_AND_COVERAGE
from studies.file.study import Study
from studies.numbers import format_distance
from studies.reporting.paper.latex_text import Tex, code, listed, percent, scientific
from studies.reporting.paper.paper_citations import Citations, class_of
from studies.reporting.paper.real_data import RealData
from studies.reporting.text.answer import late_evaluations
from studies.tables.results import Results

_NAMES: Mapping[str, str] = {
    "sliced_wasserstein": "sliced Wasserstein distance of order 1",
    "wasserstein_1": "exact Wasserstein-1 distance",
    "frechet_distance": r"Fr\'echet distance",
    "kernel_distance": "squared maximum mean discrepancy with a cubic kernel",
    "jensen_shannon": "Jensen-Shannon divergence of histograms",
    "mode_kl": "Kullback-Leibler divergence over the modes",
    "high_quality": "share of samples within three standard deviations of a mode",
    "modes_covered": "number of modes covered",
    "classes_covered": "number of classes covered",
    "class_distance": "total variation between shares of classes",
    "recognised": "share of recognised images",
    "class_sliced_wasserstein": "mean over the classes of the sliced Wasserstein distance of order 1",
    "worst_class_distance": "largest sliced Wasserstein distance of order 1 of a class",
    "label_agreement": "share of images in which a classifier finds their label",
    "mode_agreement": "share of samples nearest to the mode of their label",
    "distance_to_equilibrium": "Euclidean distance of both parameters to the equilibrium",
}
_ALONG_DIRECTIONS = ("sliced_wasserstein", "class_sliced_wasserstein", "worst_class_distance")
"""Metrics that are means over fixed directions."""
_BY_NAME = {metric.name: metric for metric in SAMPLE_METRICS}
_OF_OUTCOMES = ("cells", "spread")
"""Metrics that the rules of the outcomes use, which the text describes there."""


def metric_name(name: str) -> Tex:
    """A metric in words; the name of a user's own as code."""
    if name in _NAMES:
        return Tex(_NAMES[name])
    return Tex(name.replace("_", " ")) if name in METRICS else code(name)


def deciding_distance(results: Results, real: RealData) -> dict[str, Any]:
    """Name, metric, details and turned scale of the distance that decides."""
    name = results.study.distance
    metric = _BY_NAME.get(name)
    details = _directions(results.study, real) if name in _ALONG_DIRECTIONS else ""
    return {
        "kind": name,
        "name": metric_name(name),
        "metric": DiracPair if name == "distance_to_equilibrium" else metric,
        "details": details,
        "highest": metric is not None and metric.direction == "higher",
    }


def _directions(study: Study, real: RealData) -> str:
    count = study.evaluation.directions
    if count != "auto":
        return f" over {count} fixed random directions"
    if real.dataset is None:
        return " over fixed directions"
    dim = real.dataset.sample_shape.dim
    if dim == 1:
        return ""
    if dim == 2:
        return f" over {PLANE_DIRECTIONS} equally spaced directions"
    directions = min(max(dim, FEWEST_DIRECTIONS), MOST_DIRECTIONS)
    return f" over {directions} fixed directions, orthogonal to each other in blocks"


def origin_of_progress(study: Study) -> Tex:
    """The point at which progress is 0, in words."""
    if study.distance == "distance_to_equilibrium":
        return Tex("the start")
    metric = _BY_NAME.get(study.distance)
    if metric is not None and metric.trivial is not None:
        return Tex("a generator that learned nothing")
    return Tex("a constant sample at the mean of the data,")


def goal_of_progress(study: Study) -> Tex:
    """The point at which progress is 1, in words."""
    if study.distance == "distance_to_equilibrium":
        return Tex("the equilibrium, $s_r = 0$")
    metric = _BY_NAME.get(study.distance)
    if metric is not None and metric.best is not None:
        return Tex("the best attainable value $s_r$")
    return Tex("the mean distance $s_r$ between disjoint random sets of real samples")


def reference_numbers(results: Results) -> dict[str, Tex] | None:
    """Reference distances on the test split; None before a confirm trial finished."""
    if results.ranking.empty:
        return None
    return {
        name: scientific(format_distance(value))
        for name, value in results.reference_distances.items()
        if value is not None
    } | {"gaussian": _gaussian(results)}


def _gaussian(results: Results) -> Tex:
    value = results.reference_distances.get("gaussian")
    return Tex("") if value is None else scientific(format_distance(value))


def late_and_rough(study: Study) -> dict[str, int]:
    """Number of evaluations in the late window, and in the window of the trend."""
    rules, evaluations = study.outcomes, study.evaluation.measurements
    rough = max(math.ceil(round(rules.rough_share * evaluations, 9)), rules.least)
    return {"late": late_evaluations(rules, evaluations), "rough": rough}


def features(results: Results, citations: Citations) -> Tex:
    """The features in which images are compared; empty if no metric of features was measured."""
    if not {"precision", "frechet_distance"} & measured(results):
        return Tex("")
    kind = results.features.get("name", "pixels")
    cited = citations.cite(class_of(Features, kind))
    texts = {
        "pixels": "vectors of their pixels",
        "classifier": "the last hidden layer of a small convolutional classifier, trained on the training split",
        "random_conv": "the outputs of random convolutions",
        "file": "the outputs of a fixed network",
    }
    accuracy = results.features.get("accuracy")
    reached = f" (accuracy {percent(accuracy)} on real samples that it was not trained on)" if accuracy else ""
    return Tex(f"{texts.get(kind, kind)}{cited}{reached}")


def measured(results: Results) -> set[str]:
    """Names of the metrics that finished trials measured."""
    return set(map(str, results.curves["metric"].unique()))


def compared_metrics(compared: Comparison, citations: Citations) -> Tex:
    """The measures besides the distance that decides under which the settings found are ranked."""
    rankings = compared.metric_rankings["metric"].unique().tolist()
    others = [measure for measure in rankings if measure != compared.results.study.distance]
    return listed([_measure(compared, measure, citations) for measure in others]) if others else Tex("")


def _measure(compared: Comparison, measure: str, citations: Citations) -> Tex:
    cited = _cited(OF_TWO.get(measure, (measure,)), citations)
    if measure == MODES_AND_QUALITY:
        return Tex(f"the harmonic mean of the share of the modes covered and the {_NAMES['high_quality']}{cited}")
    if measure == PRECISION_AND_COVERAGE:
        neighbours = compared.results.study.evaluation.neighbours
        return Tex(f"the harmonic mean of precision and coverage{cited} with $k = {neighbours}$ neighbours")
    return Tex(f"the {metric_name(measure)}{cited}")


def _cited(metrics: Sequence[str], citations: Citations) -> Tex:
    """Citations of metrics of the library; none of a user's own."""
    return citations.cite(*(_BY_NAME[name] for name in metrics if name in _BY_NAME))


def recorded_metrics(compared: Comparison, citations: Citations) -> Tex:
    """Metrics of samples that were measured and neither decide nor rank, with their citations."""
    results = compared.results
    ranked = {*compared.metric_rankings["metric"], results.study.distance, *_OF_OUTCOMES}
    ranked |= {metric for measure, metrics in OF_TWO.items() if measure in ranked for metric in metrics}
    others = [name for name in _BY_NAME if name in measured(results) - ranked]
    return (
        listed([Tex(f"{metric_name(name)}{citations.cite(_BY_NAME[name])}") for name in others]) if others else Tex("")
    )


def own_metrics(study: Study) -> Tex:
    """Names of the classes of the user's own metrics."""
    return listed([code(metric.kind) for metric in study.evaluation.metrics]) if study.evaluation.metrics else Tex("")
