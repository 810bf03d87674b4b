"""Fakes along great circles between two z: gradual changes or jumps."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gan_core.training.randomness import stream
from studies.errors import InputError
from studies.reporting.figures.canvas import DrawnFigure, finish, write_png
from studies.reporting.figures.image_grid import PER_LINE, ImageRow, image_grid
from studies.reporting.figures.image_pixels import colours
from studies.reporting.figures.median_member import MedianMember, median_member
from studies.reporting.figures.themes import THEMES, Theme, ThemeName
from studies.tables.results import Results
from studies.tables.trained_generators import TrainedGenerator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATHS = 4
"""Number of pairs of z between which fakes are drawn."""


def interpolation_sheet(results: Results, condition: str, path: Path) -> Path | None:
    """Write the figure of `interpolations` as a PNG file with a title.

    Nothing is written, and None returned, for a condition without such a figure.
    """
    found = _found(results, condition)
    if found is None:
        return None
    title = f"{results.study.name}: from z to z with a generator of {condition}"
    return write_png(_figure(results, found[1], THEMES["light"], title), path)


def interpolations(results: Results, condition: str, theme_name: ThemeName = "light") -> DrawnFigure | None:
    """Fakes of the member of median late distance, in each row along a great circle from one z to another.

    None for a condition that is not confirmed, for data that are no images, for fakes that are not finite, and if the
    class of a user's generator cannot be imported.
    """
    found = _found(results, condition)
    if found is None:
        return None
    member, fakes = found
    return finish(
        _figure(results, fakes, THEMES[theme_name]),
        f"interpolations-{condition}",
        f"Images generated with the setting found for {condition} by {member.in_words}. On each path z goes in equal "
        f"steps along a great circle from one random z to another of the same norm{_one_class(results, condition)}. "
        "Gradual changes "
        "suggest that the generator learned what lies between its training images; jumps from one image to another "
        "suggest that it did not.",
        f"{PATHS} rows of {PER_LINE} images",
    )


def _one_class(results: Results, condition: str) -> str:
    return ", with one label" if results.study.condition(condition).classes else ""


def _found(results: Results, condition: str) -> tuple[MedianMember, Float[np.ndarray, "paths steps dim"]] | None:
    member = median_member(results, condition)
    if member is None or not results.data.of_images:
        return None
    try:
        fakes = between(results.best(condition).generator(member.index))
    except InputError:  # the class of the user's generator is not on this machine, or has changed
        return None
    return (member, fakes) if np.isfinite(fakes).all() else None


def between(generator: TrainedGenerator) -> Float[np.ndarray, "paths steps dim"]:
    """Flattened fakes along `PATHS` great circles, always from the same z; a path of labels has one class."""
    ends = torch.randn((2, PATHS, generator.origin.network.latent), generator=stream(0, "interpolations_z"))
    z = great_circles(ends[0], ends[1], PER_LINE)
    classes = generator.origin.classes
    if classes is None:
        return generator.of(z.flatten(0, 1)).reshape(PATHS, PER_LINE, -1)
    labels = [path % len(classes.names) for path in range(PATHS) for _ in range(PER_LINE)]
    return generator.of(z.flatten(0, 1), labels).reshape(PATHS, PER_LINE, -1)


def great_circles(
    start: Float[Tensor, "paths latent"], end: Float[Tensor, "paths latent"], steps: int
) -> Float[Tensor, "paths steps latent"]:
    """z in equal angles from each start to the end, which is scaled to the norm of the start.

    z(t) = (sin((1 - t) a) start + sin(t a) end) / sin(a),  a = angle between start and end,  t from 0 to 1

    All z of a path have the norm of its start, unlike those of a straight line, which passes near 0, where a standard
    normal z of many coordinates never lies. Parallel ends are joined by a straight line.

    Source: Shoemake 1985, doi:10.1145/325165.325242; White 2016, arXiv:1609.04468.
    """
    norm = start.norm(dim=1, keepdim=True)
    end = end * (norm / end.norm(dim=1, keepdim=True))
    t = torch.linspace(0, 1, steps, dtype=start.dtype)
    cosine = ((start * end).sum(1, keepdim=True) / norm.square()).clamp(-1, 1)
    angle, sine = cosine.acos(), (1 - cosine.square()).sqrt()
    parallel = sine < PARALLEL
    first = torch.where(parallel, 1 - t, ((1 - t) * angle).sin() / sine)
    last = torch.where(parallel, t, (t * angle).sin() / sine)
    return first[..., None] * start[:, None] + last[..., None] * end[:, None]


PARALLEL = 1e-3
"""Sine of an angle below which rounding would show."""


def _figure(results: Results, fakes: Float[np.ndarray, "paths steps dim"], theme: Theme, title: str = "") -> "Figure":
    images = colours(results.data, fakes)
    return image_grid([ImageRow(row, f"path {path}") for path, row in enumerate(images, 1)], theme, title)
