"""Files with pictures of a study's samples."""

from pathlib import Path

from studies.reporting.figures import write_sheets
from studies.tables.results import Results


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))


def test_a_study_of_images_has_three_pictures_of_each_condition(on_images: Results, tmp_path: Path) -> None:
    assert write_sheets(on_images, tmp_path) == {"gan": tmp_path / "gan.png"}
    assert files_in(tmp_path) == ["gan.png", "interpolations/gan.png", "nearest/gan.png"]


def test_a_study_of_points_has_one(on_ring: Results, tmp_path: Path) -> None:
    assert write_sheets(on_ring, tmp_path) == {name: tmp_path / f"{name}.png" for name in ("wgan", "gan")}
    assert files_in(tmp_path) == ["gan.png", "wgan.png"]
