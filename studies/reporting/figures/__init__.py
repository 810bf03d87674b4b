"""Figures of a study, each drawn from its `Results` or from a table of its `Comparison`.

A function with a parameter `theme_name` draws one figure and returns it with a caption and its numbers in words, or
None if there are no data for it. `save` writes such a figure as SVG and PNG; `svg` converts one in the theme "both" to
an element of an HTML page; `png_address` has one for notebooks. `ranking_picture`, `sample_sheet` and `draw_samples`
write a picture to a given path, `SampleSheets` those of the samples of all conditions into a folder, `write_maps` those
of stability maps, `write_pictures` all of these into a study's folder.
"""

from studies.reporting.figures.best_and_late import best_and_late
from studies.reporting.figures.canvas import DrawnFigure, save
from studies.reporting.figures.class_samples import class_samples
from studies.reporting.figures.class_shares import class_shares
from studies.reporting.figures.confirmed_distances import confirmed, ranking_picture
from studies.reporting.figures.found_fakes import found_fakes
from studies.reporting.figures.gradients import gradients
from studies.reporting.figures.growth_map import growth_map
from studies.reporting.figures.hyperparameter_maps import hyperparameter_pairs, outcome_map
from studies.reporting.figures.importance_bars import importances
from studies.reporting.figures.inline_png import png_address
from studies.reporting.figures.inline_svg import STYLE, css_variables, split_letters, svg
from studies.reporting.figures.interpolations import interpolations
from studies.reporting.figures.known_modes import modes
from studies.reporting.figures.learning_curves import learning_curves
from studies.reporting.figures.metric_map import metric_map
from studies.reporting.figures.nearest_images import nearest_images
from studies.reporting.figures.path_steps import path
from studies.reporting.figures.plane import plane
from studies.reporting.figures.precision_coverage import precision_coverage
from studies.reporting.figures.profile_curves import profiles
from studies.reporting.figures.ranked_samples import ranked_samples
from studies.reporting.figures.sample_sheets import sample_sheet, samples
from studies.reporting.figures.sheets import SampleSheets, write_maps, write_pictures
from studies.reporting.figures.snapshots import sample_snapshots
from studies.reporting.figures.stability_figure import stability_map
from studies.reporting.figures.stable_volumes import chance_of_success, stable_volume
from studies.reporting.figures.survival import survival
from studies.reporting.figures.themes import THEMES, ThemeName
from studies.reporting.figures.trial_samples import draw_samples
from studies.reporting.figures.tuning_curves import tuning_curves
from studies.reporting.figures.tuning_effect import tuning

__all__ = [
    "STYLE",
    "THEMES",
    "DrawnFigure",
    "SampleSheets",
    "ThemeName",
    "best_and_late",
    "chance_of_success",
    "class_samples",
    "class_shares",
    "confirmed",
    "css_variables",
    "draw_samples",
    "found_fakes",
    "gradients",
    "growth_map",
    "hyperparameter_pairs",
    "importances",
    "interpolations",
    "learning_curves",
    "metric_map",
    "modes",
    "nearest_images",
    "outcome_map",
    "path",
    "plane",
    "png_address",
    "precision_coverage",
    "profiles",
    "ranked_samples",
    "ranking_picture",
    "sample_sheet",
    "sample_snapshots",
    "samples",
    "save",
    "split_letters",
    "stability_map",
    "stable_volume",
    "survival",
    "svg",
    "tuning",
    "tuning_curves",
    "write_maps",
    "write_pictures",
]
