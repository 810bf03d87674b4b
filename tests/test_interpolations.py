"""Interpolations: great circles between two z, and the fakes on them."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import assert_legible

from studies.errors import InputError
from studies.file.study import Study
from studies.locate import results
from studies.reporting.figures import ThemeName, interpolations
from studies.reporting.figures.interpolations import PATHS, between, great_circles, interpolation_sheet
from studies.tables.results import Results


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_quarter_circle_has_equal_angles() -> None:
    z = great_circles(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 5.0]]), 4)
    angles = [0, math.pi / 6, math.pi / 3, math.pi / 2]
    expected = [[2 * math.cos(angle), 2 * math.sin(angle)] for angle in angles]
    np.testing.assert_allclose(z[0], expected, atol=1e-6)


def test_the_norm_is_kept_and_the_ends_are_the_two_z() -> None:
    start, end = normal(6, 32), normal(6, 32, seed=1)
    z = great_circles(start, end, 8)
    norm = start.norm(dim=1, keepdim=True)
    torch.testing.assert_close(z.norm(dim=2), norm.expand(-1, 8), rtol=1e-12, atol=0)
    torch.testing.assert_close(z[:, 0], start, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(z[:, -1], end * norm / end.norm(dim=1, keepdim=True), rtol=1e-12, atol=1e-12)


def test_ends_on_one_line_are_joined_by_it() -> None:
    z = great_circles(torch.tensor([[1.5], [1.5]]), torch.tensor([[3.0], [-3.0]]), 3)
    assert z.squeeze(-1).tolist() == [[1.5, 1.5, 1.5], [1.5, 0.0, -1.5]]


def test_the_first_fakes_of_the_paths_are_those_of_their_starts(finished_study: Study) -> None:
    generator = results(finished_study.name, root=finished_study.ledger.root).best("gan").generator(1)
    asked: list[torch.Tensor] = []

    class Recording(type(generator)):  # type: ignore[misc]
        def of(self, z: torch.Tensor) -> np.ndarray:
            asked.append(z)
            return super().of(z)

    fakes = between(Recording(generator.origin, generator.parameters, generator.seed))
    (z,) = asked
    assert fakes.shape == (PATHS, 8, 64)
    np.testing.assert_allclose(fakes[:, 0].reshape(-1, 1, 8, 8), generator.of(z[::8]), atol=1e-6)
    np.testing.assert_allclose(fakes[:, -1].reshape(-1, 1, 8, 8), generator.of(z[7::8]), atol=1e-6)
    np.testing.assert_allclose(z.norm(dim=1).reshape(PATHS, 8), z[::8].norm(dim=1)[:, None].expand(-1, 8), rtol=1e-5)
    assert len(np.unique(z[::8], axis=0)) == PATHS


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_is_whole_and_legible(on_images: Results, theme: ThemeName) -> None:
    drawn = interpolations(on_images, "gan", theme)
    assert drawn is not None
    assert_legible(drawn, theme)
    assert [axis.get_ylabel() for axis in drawn.figure.axes] == ["path 1", "path 2", "path 3", "path 4"]
    assert "the median of its 3 seeds by late distance" in drawn.caption


def test_the_member_is_the_one_of_the_nearest_images(on_images: Results) -> None:
    drawn = interpolations(on_images, "gan")
    late = on_images.members.query("phase == 'confirm'")["late_distance"].to_numpy()
    assert drawn is not None
    assert f"(seed {2_000_000 + int(np.argsort(late)[1])})" in drawn.caption


def test_there_is_none_for_points_and_for_fakes_that_are_not_finite(
    on_ring: Results, on_images: Results, tmp_path: Path
) -> None:
    assert interpolations(on_ring, "gan") is None
    assert interpolation_sheet(on_ring, "gan", tmp_path / "gan.png") is None
    broken = results("conv", root=on_images.place)
    best = broken.best("gan")
    for value in best.parameters.values():
        value.fill_(math.nan)
    broken.best = lambda condition, which="last": best  # type: ignore[method-assign]
    assert interpolations(broken, "gan") is None


def test_there_is_none_without_the_class_of_a_users_generator(
    on_images: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(condition: str, which: str = "last") -> None:
        raise InputError("the study: needs the module my_torch")

    read = results("conv", root=on_images.place)
    monkeypatch.setattr(read, "best", refuse)
    assert interpolations(read, "gan") is None
