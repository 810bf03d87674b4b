"""How far the generated samples are from the real ones: one value per seed, for all seeds at once."""

from gan_core.metrics.box import Box, jensen_shannon
from gan_core.metrics.modes import mode_measures
from gan_core.metrics.neighbours import Balls, neighbour_measures
from gan_core.metrics.ruler import Lines, Measures, Ruler
from gan_core.metrics.sliced import (
    RULER_SEED,
    quantile_steps,
    sliced_wasserstein,
    sorted_projections,
    unit_directions,
)
from gan_core.metrics.transport import TransportPlan, transport_plan, wasserstein_1

__all__ = [
    "RULER_SEED",
    "Balls",
    "Box",
    "Lines",
    "Measures",
    "Ruler",
    "TransportPlan",
    "jensen_shannon",
    "mode_measures",
    "neighbour_measures",
    "quantile_steps",
    "sliced_wasserstein",
    "sorted_projections",
    "transport_plan",
    "unit_directions",
    "wasserstein_1",
]
