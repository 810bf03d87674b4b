"""The lecture in pictures: each claim computed by gan_core's own parts, with its closed form where it has one.

`LECTURE` holds the pictures by name; `LECTURE[name].write(folder, theme_name)` computes one and writes it.
"""

from collections.abc import Mapping
from typing import Any

from gan_core.constraints import GradientPenalty, SpectralNorm, WeightClipping
from gan_core.data import Segments
from gan_core.objectives import (
    BoundaryEquilibrium,
    EnergyMargin,
    LeastSquares,
    LossSensitive,
    Minimax,
    NonSaturating,
)
from studies.reporting.lecture.clipping import clipping, draw_clipping
from studies.reporting.lecture.divergences import divergences, draw_divergences
from studies.reporting.lecture.energies import draw_energies, energies
from studies.reporting.lecture.margins import draw_margins, margins
from studies.reporting.lecture.picture import Picture, WrittenPicture
from studies.reporting.lecture.saturation import draw_saturation, saturation
from studies.reporting.lecture.slopes import draw_slopes, slopes

LECTURE: Mapping[str, Picture[Any]] = {
    "divergences": Picture(
        claim="The Jensen-Shannon divergence of two segments is log 2 at every distance but 0; the earth "
        "mover's distance is their distance.",
        parts=(Segments(),),
        compute=divergences,
        draw=draw_divergences,
    ),
    "clipping": Picture(
        claim="Weight clipping pushes the weights of a critic to the clip value, and gradients vanish or explode from "
        "layer to layer.",
        parts=(WeightClipping(), GradientPenalty()),
        compute=clipping,
        draw=draw_clipping,
    ),
    "slopes": Picture(
        claim="Between a real sample and a fake the optimal critic has slope 1; the gradient penalty comes near it, "
        "weight clipping does not.",
        parts=(GradientPenalty(), WeightClipping(), SpectralNorm()),
        compute=slopes,
        draw=draw_slopes,
    ),
    "saturation": Picture(
        claim="The gradient of log(1 - D) vanishes for a fake that the critic rejects; that of LSGAN grows in a "
        "straight line.",
        parts=(Minimax(), NonSaturating(), LeastSquares()),
        compute=saturation,
        draw=draw_saturation,
    ),
    "energies": Picture(
        claim="An EBGAN critic can be good before the game starts; BEGAN's balance k keeps the ratio of the energies "
        "at gamma.",
        parts=(EnergyMargin(), BoundaryEquilibrium()),
        compute=energies,
        draw=draw_energies,
    ),
    "margins": Picture(
        claim="The margin of the loss-sensitive GAN shrinks with the distance, so that near fakes are left alone.",
        parts=(LossSensitive(), EnergyMargin()),
        compute=margins,
        draw=draw_margins,
    ),
}
"""The pictures by name, in the order of the lecture."""

__all__ = ["LECTURE", "Picture", "WrittenPicture"]
