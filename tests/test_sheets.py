"""Files with pictures of a study's samples."""

from pathlib import Path

from studies.analysis.comparison import Comparison
from studies.reporting.figures import SampleSheets, sheets, write_pictures
from studies.tables.results import Results


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))


def noted(monkeypatch) -> list[str]:
    """The conditions whose sheets are drawn from now on."""
    drawn, original = [], sheets.sample_sheet

    def draw(results: Results, condition: str, path: Path) -> Path | None:
        drawn.append(condition)
        return original(results, condition, path)

    monkeypatch.setattr(sheets, "sample_sheet", draw)
    return drawn


def test_a_study_of_images_has_three_pictures_of_each_condition(on_images: Results, tmp_path: Path) -> None:
    assert SampleSheets(tmp_path).draw(on_images) == {"gan": tmp_path / "gan.png"}
    assert files_in(tmp_path) == ["gan.png", "interpolations/gan.png", "nearest/gan.png"]


def test_a_study_of_points_has_one(on_ring: Results, tmp_path: Path) -> None:
    assert SampleSheets(tmp_path).draw(on_ring) == {name: tmp_path / f"{name}.png" for name in ("wgan", "gan")}
    assert files_in(tmp_path) == ["gan.png", "wgan.png"]


def test_sheets_of_the_same_trials_are_drawn_once_and_copied_with_their_names(
    on_images: Results, tmp_path: Path, monkeypatch
) -> None:
    drawn = noted(monkeypatch)
    written = SampleSheets(tmp_path / "first")
    written.copy(on_images, tmp_path / "second")
    assert written.draw(on_images) == {"gan": tmp_path / "first" / "gan.png"}
    assert drawn == ["gan"]
    assert files_in(tmp_path / "second") == files_in(tmp_path / "first")
    for name in files_in(tmp_path / "first"):
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_sheets_are_drawn_again_after_another_trial_was_confirmed(
    on_images: Results, tmp_path: Path, monkeypatch
) -> None:
    drawn = noted(monkeypatch)
    written = SampleSheets(tmp_path)
    written._drawn_of = []
    written.draw(on_images)
    written.draw(on_images)
    assert drawn == ["gan"]


def test_pictures_of_the_same_results_are_kept_and_a_changed_one_is_drawn_again(
    on_images: Results, tmp_path: Path, monkeypatch
) -> None:
    drawn, comparison = noted(monkeypatch), Comparison(on_images)
    first = write_pictures(comparison, tmp_path, SampleSheets(tmp_path / "samples"))
    assert (first.ranking, first.sheets) == (tmp_path / "ranking.png", {"gan": tmp_path / "samples" / "gan.png"})
    assert write_pictures(comparison, tmp_path, SampleSheets(tmp_path / "samples")) == first
    assert drawn == ["gan"]
    whole = (tmp_path / "samples" / "nearest" / "gan.png").read_bytes()
    (tmp_path / "samples" / "nearest" / "gan.png").write_bytes(whole[:100])
    write_pictures(comparison, tmp_path, SampleSheets(tmp_path / "samples"))
    assert (tmp_path / "samples" / "nearest" / "gan.png").read_bytes() == whole
    assert drawn == ["gan", "gan"]


def test_pictures_are_drawn_again_after_another_trial_has_ended(on_ring: Results, tmp_path: Path, monkeypatch) -> None:
    drawn = noted(monkeypatch)
    write_pictures(Comparison(on_ring), tmp_path, SampleSheets(tmp_path / "samples"))
    monkeypatch.setitem(
        on_ring.__dict__,
        "trial_records",
        [trial for trial in on_ring.trial_records if trial.spec.phase == "confirm"],
    )
    write_pictures(Comparison(on_ring), tmp_path, SampleSheets(tmp_path / "samples"))
    assert drawn == ["wgan", "gan"] * 2
