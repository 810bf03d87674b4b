"""Data sets: real samples in a training, a validation and a test split."""

from gan_core.data.dataset import AnyData, Dataset, Modes, Pairs, Part, Sizes, Split, coordinates
from gan_core.data.digits import Digits
from gan_core.data.dirac import Dirac
from gan_core.data.planar import Grid, Ring, Segments, SwissRoll, TwoMoons

Data = Digits | Ring | Grid | TwoMoons | SwissRoll | Segments | Dirac

__all__ = [
    "AnyData",
    "Data",
    "Dataset",
    "Digits",
    "Dirac",
    "Grid",
    "Modes",
    "Pairs",
    "Part",
    "Ring",
    "Segments",
    "Sizes",
    "Split",
    "SwissRoll",
    "TwoMoons",
    "coordinates",
]
