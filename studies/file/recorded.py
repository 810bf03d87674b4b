"""Users' data and metrics of a recorded study, whose classes are not imported when its results are read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from gan_core.data import AnyData, Data, Dataset, Sizes
from gan_core.evaluation import EvaluationSettings
from gan_core.metric_description import Direction, MetricDescription
from gan_core.metrics import AnyMetric, Fakes, RealSamples
from studies.file.messages import format_value
from studies.file.modules import is_reference, module_names, require_sources
from studies.file.refusal import Refusal
from studies.file.sent_samples import received_samples
from studies.file.trees import Tree
from studies.file.validation import RecordedTable, build


@dataclass(frozen=True)
class RecordedData(RecordedTable, AnyData):
    """A user's data description of a recorded study; its class is imported when its samples are first needed.

    It is not imported if this process has received the samples from the process that runs the study.

    kind     reference of the user's class, MODULE:CLASS
    table    the study's table `[data]`
    sources  hash of the source of each user's module when the study was recorded, by module name
    """

    kind: str
    table: Mapping[str, Any]
    sources: Mapping[str, str]

    @property
    def sizes(self) -> Sizes:
        samples = received_samples(self.table)
        return self._built().sizes if samples is None else Sizes(train=len(samples.train), held_out=len(samples.test))

    def load(self) -> Dataset:
        samples = received_samples(self.table)
        return self._built().load() if samples is None else samples

    def _built(self) -> AnyData:
        require_sources({name: source for name, source in self.sources.items() if name in module_names(self.table)})
        return build(Data | AnyData, self.table, ("data",))


@dataclass(frozen=True)
class RecordedMetric(RecordedTable, AnyMetric):
    """A user's metric of a recorded study; it measures nothing.

    kind   reference of the user's class, MODULE:CLASS
    table  the metric's table in `[evaluation] metrics`
    """

    kind: str
    table: Mapping[str, Any]
    name: ClassVar[str] = "recorded"
    unit: ClassVar[str] = ""
    direction: ClassVar[Direction] = "neither"
    description: ClassVar[str] = "a user's metric, read without its class"

    def measure(self, real: RealSamples, fake: Fakes) -> Tensor:
        raise NotImplementedError(f"{self.kind}: a metric of a recorded study measures nothing")


def recorded_evaluation(table: Mapping[str, Any]) -> EvaluationSettings:
    """The evaluation settings of a recorded study, without the classes of its users' metrics.

    Errors: `Refusal` for a wrong value.
    """
    numbers = {key: value for key, value in table.items() if key != "metrics"}
    settings, metrics = build(EvaluationSettings, numbers, ("evaluation",)), table["metrics"]
    listed = isinstance(metrics, list) and all(isinstance(one, Mapping) for one in metrics)
    if not listed or not all(is_reference(one.get("kind")) for one in metrics):
        raise Refusal(("evaluation", "metrics"), "must be tables of users' metrics", f"is {format_value(metrics)}")
    return replace(settings, metrics=tuple(RecordedMetric(one["kind"], one) for one in metrics))


def metric_tables(settings: EvaluationSettings) -> list[Tree]:
    """Descriptions of the users' metrics of an evaluation, as tables for a record; `recorded_metrics` reads them."""
    return [asdict(metric.described()) for metric in settings.metrics]


def recorded_metrics(tables: Sequence[Mapping[str, Any]]) -> tuple[MetricDescription, ...]:
    """The descriptions of users' metrics in a record.

    Errors: `Refusal` for a wrong value.
    """
    return tuple(build(MetricDescription, table, ("metrics", str(position))) for position, table in enumerate(tables))
