"""Settings that the metrics of samples read."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from gan_core.features import AutoFeatures, Features
from gan_core.fields import check_fields


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """Features, and numbers of samples, directions, cells and neighbours, of an evaluation.

    `EvaluationSettings` explains each.

    Errors: `ValueError` for a number below the minimum in its annotation.
    """

    features: Features = AutoFeatures()
    samples: Annotated[int, Ge(50)] = 800
    directions: Annotated[int, Ge(1), Le(100_000)] | Literal["auto"] = "auto"
    cells: Annotated[int, Ge(2)] = 20
    exact: Literal["last", "every"] = "last"
    exact_points: Annotated[int, Ge(2), Le(100_000)] = 512
    resolution: Annotated[int, Ge(2), Le(1000)] = 50
    neighbours: Annotated[int, Ge(1)] = 5

    def __post_init__(self) -> None:
        check_fields(self)
