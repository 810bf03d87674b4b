"""The training image and the test image nearest to each fake, which show a generator that copies."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gan_core.data import Part, as_coordinates
from gan_core.metrics import RealSamples
from studies.numbers import format_share
from studies.reporting.figures.canvas import DrawnFigure, finish, write_png
from studies.reporting.figures.image_grid import PER_LINE, ImageRow, image_grid
from studies.reporting.figures.image_pixels import colours
from studies.reporting.figures.median_member import MedianMember, median_member
from studies.reporting.figures.sample_sheets import confirmed_labels
from studies.reporting.figures.selection import condition_rows
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.tables.ranking import last_evaluations, winners
from studies.tables.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMPARED = 200
"""Largest number of test images whose distances from the training images give the usual distance."""
_PARTS: tuple[Part, Part] = ("train", "test")


@dataclass(frozen=True, eq=False)
class NearestImages:
    """Fakes of a condition's median member, and the real images nearest to each.

    label     outcome and late distance of the member
    fakes     flattened
    index     number of the nearest image in each split, by split
    distance  Euclidean distance from it, by split
    usual     median distance of test images from the nearest training image
    features  name of the features in which the distances are measured
    """

    member: MedianMember
    label: str
    fakes: Float[np.ndarray, "fakes dim"]
    index: dict[Part, Int[np.ndarray, "fakes"]]
    distance: dict[Part, Float[np.ndarray, "fakes"]]
    usual: float
    features: str

    def texts(self, distances: Iterable[float]) -> list[str]:
        """Distances as text, with the decimals that give the usual distance three digits; a copy has only zeros."""
        decimals = max(0, 2 - floor(log10(self.usual))) if self.usual > 0 else 2
        return [f"{distance:.{decimals}f}" for distance in distances]

    @property
    def usual_text(self) -> str:
        """The usual distance as text."""
        return self.texts([self.usual])[0]


def nearest_sheet(results: Results, condition: str, path: Path) -> Path | None:
    """Write the figure of `nearest_images` as a PNG file with a title.

    Nothing is written, and None returned, for a condition without such a figure.
    """
    found = find_nearest(results, condition)
    if found is None:
        return None
    title = f"{results.study.name}: real images nearest to the fakes of {condition}"
    return write_png(_figure(results, found, THEMES["light"], title), path)


def nearest_images(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Fakes of the member of median late distance, below each the nearest training and the nearest test image.

    None for a condition that is not confirmed, for data that are no images, for fakes that are not finite, and for
    features that cannot be computed on this machine.
    """
    found = find_nearest(results, condition)
    if found is None:
        return None
    to_train, to_test = (", ".join(found.texts(found.distance[part])) for part in _PARTS)
    return finish(
        _figure(results, found, THEMES[theme_name]),
        f"nearest-{condition}",
        f"Images generated with the setting found for {condition} by {found.member.in_words}, and below each the "
        f"nearest training image and the nearest test image, with their distances in the features {found.features}. "
        f"A test image is usually {found.usual_text} away from the nearest training image (median): a copy "
        f"of a training image is much nearer.{_memorisation(results, condition, found.member.seed)}",
        f"distances from the nearest training image {to_train}; from the nearest test image {to_test}",
    )


def find_nearest(results: Results, condition: str) -> NearestImages | None:
    """The real images nearest to the first finite fakes of a condition's median member; None as `nearest_images`."""
    data, member = results.data, median_member(results, condition)
    if member is None or not (data.of_images and data.varies):
        return None
    fakes = results.samples(condition)[member.index]
    fakes = fakes[np.isfinite(fakes).all(1)][:PER_LINE]
    real = RealSamples(data, "test", results.study.evaluation)
    try:
        features = {part: real.stored_features(part) for part in _PARTS}
    except ValueError:  # the file of the features is not on this machine
        return None
    if not len(fakes):
        return None
    of_fakes = real.feature_map.extract(torch.from_numpy(fakes))
    found = {part: nearest(features[part], of_fakes) for part in _PARTS}
    return NearestImages(
        member=member,
        label=confirmed_labels(results, condition)[member.index],
        fakes=fakes,
        index={part: index.numpy() for part, (index, _) in found.items()},
        distance={part: distance.numpy() for part, (_, distance) in found.items()},
        usual=float(nearest(features["train"], features["test"][:COMPARED])[1].median()),
        features=real.feature_map.name,
    )


def nearest(
    samples: Float[Tensor, "m features"], compared: Float[Tensor, "n features"]
) -> tuple[Int[Tensor, "n"], Float[Tensor, "n"]]:
    """Number of the nearest sample of each compared one, and its Euclidean distance."""
    # without matrix products, whose rounding would hide that a copy's distance is 0
    distances = [torch.cdist(row[None], samples, compute_mode="donot_use_mm_for_euclid_dist")[0] for row in compared]
    closest = [row.min(0) for row in distances]
    return torch.stack([row.indices for row in closest]), torch.stack([row.values for row in closest])


def _figure(results: Results, found: NearestImages, theme: Theme, title: str = "") -> "Figure":
    names = {"train": f"nearest\ntraining image\n(usually {found.usual_text})", "test": "nearest\ntest image"}
    rows = [ImageRow(colours(results.data, found.fakes), f"fakes of\n{found.label}")]
    for part in _PARTS:
        images = colours(results.data, as_coordinates(getattr(results.data, part)[found.index[part]], np.float32))
        rows.append(ImageRow(images, names[part], found.texts(found.distance[part])))
    return image_grid(rows, theme, title)


def _memorisation(results: Results, condition: str, seed: int) -> str:
    """The memorisation of a member at its last evaluation as a sentence; empty if it was not measured."""
    last = last_evaluations(condition_rows(winners(results.curves), condition))
    values = last[(last["metric"] == "memorisation") & (last["seed"] == seed)]["value"].dropna()
    if values.empty:
        return ""
    usual = results.real_values.get("memorisation")
    real = "" if usual is None else f" (other real images: {format_share(usual)})"
    return (
        f" Memorisation of this seed: {format_share(values.iloc[0])}{real}; about 0% for a generator that makes new "
        "images, 100% for one that copies."
    )
