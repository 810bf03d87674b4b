"""Data sets: real samples in a training, a validation and a test split."""

from gan_core.data.class_labels import Classes, labels_in_shares
from gan_core.data.dataset import (
    PARTS,
    AnyData,
    Augmentation,
    Dataset,
    Modes,
    Pairs,
    Part,
    Sizes,
    Split,
    Units,
    as_coordinates,
    coordinates,
    evaluation_labels,
)
from gan_core.data.digits import Digits
from gan_core.data.dirac import Dirac
from gan_core.data.images import Images
from gan_core.data.mnist import Mnist
from gan_core.data.planar import Grid, Ring, Segments, SwissRoll, TwoMoons
from gan_core.data.table import Table

Data = Digits | Mnist | Images | Table | Ring | Grid | TwoMoons | SwissRoll | Segments | Dirac

__all__ = [
    "PARTS",
    "AnyData",
    "Augmentation",
    "Classes",
    "Data",
    "Dataset",
    "Digits",
    "Dirac",
    "Grid",
    "Images",
    "Mnist",
    "Modes",
    "Pairs",
    "Part",
    "Ring",
    "Segments",
    "Sizes",
    "Split",
    "SwissRoll",
    "Table",
    "TwoMoons",
    "Units",
    "as_coordinates",
    "coordinates",
    "evaluation_labels",
    "labels_in_shares",
]
