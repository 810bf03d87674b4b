"""Versions and hashes that determine a trial's numbers besides the study file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gan_core.evaluation import EVALUATION_VERSION
from studies.file.modules import module_names

NUMERICS_VERSION = 7
"""Increased by hand with every change of the code that changes what a trial trains."""
FINGERPRINTS = ("data_fingerprint", "labels_fingerprint")
"""Fields of a provenance that change with the data."""
_OPTIONAL = ("sources", "labels_fingerprint", "features")
"""Fields of a provenance that its table lacks if they are empty."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Versions and hashes that determine a trial's numbers besides the study file.

    data_fingerprint    hash of the real samples
    torch_version       version of PyTorch, without a build suffix such as +cu121
    device              kind of device: "cpu" or "cuda"
    numerics_version    the `NUMERICS_VERSION` of the code that trains
    evaluation_version  the `EVALUATION_VERSION` of the code that computes the metrics
    sources             hash of the source of each user's module, by module name
    labels_fingerprint  hash of the classes of the real samples, empty without classes; they determine metrics, and the
                        training of conditional GANs
    features            kind and hash of the features in which fakes are compared, empty for pixels
    """

    data_fingerprint: str
    torch_version: str
    device: str
    numerics_version: int = NUMERICS_VERSION
    evaluation_version: int = EVALUATION_VERSION
    sources: Mapping[str, str] = field(default_factory=dict)
    labels_fingerprint: str = ""
    features: str = ""

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Provenance":
        """The provenance that `table` returned."""
        return cls(**{"sources": {}, **table})

    def table(self) -> dict[str, Any]:
        """The provenance as a JSON-serialisable table, without hashes of what there is none of."""
        table = {name: value for name, value in vars(self).items() if value or name not in _OPTIONAL}
        return {**table, "sources": dict(self.sources)} if self.sources else table

    def of_training(self, trained: Any) -> dict[str, Any]:
        """The part that determines a training described by these tables, as a JSON-serialisable table."""
        labels = () if trained.get("networks", {}).get("classes") else ("labels_fingerprint",)
        return self._part_of(trained, without=("evaluation_version", *labels, "features"))

    def of_evaluation(self, evaluation: Any) -> dict[str, Any]:
        """The part that determines an evaluation with these settings, as a JSON-serialisable table."""
        return self._part_of(evaluation, without=("numerics_version",))

    def _part_of(self, tables: Any, without: tuple[str, ...]) -> dict[str, Any]:
        table = self._naming_only_modules_of(tables).table()
        return {name: value for name, value in table.items() if name not in without}

    def _naming_only_modules_of(self, tables: Any) -> "Provenance":
        if not self.sources:  # the search for names takes longer than all else in the specification of a trial
            return self
        used = module_names(tables)
        return replace(self, sources={name: source for name, source in self.sources.items() if name in used})
