"""The outline that `gan-study validate` prints: the bytes of the generators that the trials keep."""

from pathlib import Path

import numpy as np
import pytest
from image_folders import pictures, write_folder
from mapped import load
from simulated import STUDY

from gan_core.cache_folder import FOLDER_VARIABLE
from studies.execution.disk_space import snapshot_bytes
from studies.file.study import Study
from studies.reporting.terminal.outline import outline

PARAMETERS = (2 * 8 + 8) + (8 * 64 + 64)  # of a generator with latent 2, one hidden layer of width 8, and 64 pixels
WIDER = (2 * 16 + 16) + (16 * 64 + 64)
MEMBERS = 2 * (3 * 2 + 1 * 4)  # of two conditions: 3 explore trials with 2 seeds, 1 confirm trial with 4


def study_with(folder: Path, *overrides: str) -> Study:
    file = folder / "study.toml"
    file.write_text(STUDY)
    return Study.load(file, overrides=overrides)


@pytest.mark.parametrize(
    ("overrides", "numbers"),
    [
        ([], PARAMETERS * MEMBERS * 4),  # step 0, and at least three of the last evaluations
        (["evaluation.measurements=20"], PARAMETERS * MEMBERS * 5),
        (["checkpoint.snapshots=last"], PARAMETERS * MEMBERS),
        (["checkpoint.snapshots=all"], PARAMETERS * MEMBERS * 11),
        (["training.generator_average=0.9"], 2 * PARAMETERS * MEMBERS * 4),
        (["seeds=3"], PARAMETERS * (MEMBERS + 2 * 3) * 4),
        (["search.exploit.trials=5"], PARAMETERS * (MEMBERS + 2 * 5 * 2) * 4),
        # the widest generator that a condition may draw
        (["conditions.gan.networks.generator.width={choice=[4,8,16]}"], (PARAMETERS + WIDER) * MEMBERS // 2 * 4),
        (["data={kind='ring'}"], ((2 * 8 + 8) + (8 * 2 + 2)) * MEMBERS * 4),
    ],
)
def test_the_bytes_of_kept_generators_are_parameters_times_members_times_evaluations(
    tmp_path: Path, overrides: list[str], numbers: int
) -> None:
    assert snapshot_bytes(study_with(tmp_path, *overrides)) == 4 * numbers


def test_the_authors_trials_keep_generators_with_the_seeds_of_confirm(tmp_path: Path) -> None:
    plain, with_authors = (
        snapshot_bytes(study_with(tmp_path, *overrides)) for overrides in ([], ["search.confirm.authors=true"])
    )
    assert with_authors - plain == 4 * PARAMETERS * 2 * 4 * 4


def test_the_outline_says_how_many_generators_are_kept_and_their_bytes(tmp_path: Path) -> None:
    assert outline(study_with(tmp_path)).splitlines()[1] == (
        'Generators of 4 of 11 evaluations are kept (checkpoint.snapshots = "late"): at most 192 kB before compression.'
    )


def test_the_outline_of_a_map_names_the_axes(tmp_path: Path) -> None:
    lines = outline(load(tmp_path)).splitlines()
    assert lines[0].startswith("mapped is valid: 2 conditions x (12 explore + 0 exploit + 0 confirm) = 24 trials")
    assert lines[-3:-1] == [
        "    map: 3 cells along x, constraint.clip_value",
        "    map: 4 cells along y, training.critic_optimizer.lr",
    ]


@pytest.mark.parametrize(("size", "network", "lines"), [(12, "mlp", 1), (8, "mlp", 0), (12, "conv", 0)])
def test_the_outline_says_that_the_generator_of_large_images_is_fully_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, network: str, lines: int
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    write_folder(tmp_path / "photos", pictures(150))
    data = f"data={{kind='images',path='photos',size={size}}}"
    networks = f"networks.generator={{kind='{network}'}}"
    text = outline(study_with(tmp_path, data, networks, "evaluation.samples=50"))
    assert text.count('\nThe generator is fully connected (kind = "mlp"); networks of the kind conv') == lines


@pytest.mark.parametrize(("follow", "lines"), [(True, 0), (False, 1)])
def test_the_outline_says_that_classes_do_not_follow_from_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follow: bool, lines: int
) -> None:
    """Half of the images are dark; the classes are these, or alternate."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    images = pictures(150)
    images[:75] //= 4
    number = np.arange(150)
    write_folder(tmp_path / "photos", images, number < 75 if follow else number % 2)
    features = "evaluation.features={kind='classifier',steps=40}"
    data = "data={kind='images',path='photos',size=12}"
    text = outline(study_with(tmp_path, data, features, "evaluation.samples=50"))
    assert text.count("of them: this classifier hardly tells the classes apart.") == lines


@pytest.mark.parametrize(("seeds", "enough"), [(2, 4), (3, 4), (4, None)])
def test_the_outline_says_that_too_few_seeds_decide_no_pair(tmp_path: Path, seeds: int, enough: int | None) -> None:
    text = outline(study_with(tmp_path, f"search.confirm.seeds={seeds}"))
    said = f"With {seeds} fresh seeds for each condition no pair can be decided, however much it differs; "
    assert (said in text) == (enough is not None)
    assert enough is None or f"{said}search.confirm.seeds = {enough} or more can." in text
    assert "no pair can be decided" not in outline(study_with(tmp_path, "search.confirm.best=0"))
