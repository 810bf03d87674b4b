"""Points of the plane: densities, the critic's values and the transport plan."""

import numpy as np
import pytest
from drawn import is_whole, title_of
from matplotlib.axes import Axes

from gan_core.metrics import transport_plan
from studies.errors import InputError
from studies.file.study import Study
from studies.locate import results
from studies.reporting.figures import plane
from studies.reporting.figures.median_member import median_member
from studies.tables.results import Results


def cells_of(axis: Axes) -> np.ndarray:
    """Densities of the cells, 0 for a cell that is not drawn."""
    return np.ma.asarray(axis.images[0].get_array()).filled(0)


def test_densities_critic_values_and_plan_are_those_of_the_median_member(on_ring: Results) -> None:
    drawn, member = plane(on_ring, "gan", "dark"), median_member(on_ring, "gan")
    assert drawn is not None
    assert member is not None
    assert member.in_words in drawn.caption
    assert is_whole(drawn.figure)
    box, surfaces = on_ring.critic_surface("gan")
    fake = on_ring.samples("gan")[member.index]
    real, fakes, critic, plan = (axis for axis in drawn.figure.axes if title_of(axis))
    np.testing.assert_allclose(cells_of(real), box.density(on_ring.data.test))
    np.testing.assert_allclose(cells_of(fakes), box.density(fake))
    np.testing.assert_array_equal(critic.images[0].get_array(), surfaces[member.index])
    expected = transport_plan(on_ring.data.test[:100], fake[:100])
    lines = plan.collections[0].get_segments()  # type: ignore[attr-defined]
    assert len(lines) == len(expected.mass)
    lengths = np.array([np.linalg.norm(line[1] - line[0]) for line in lines])
    assert expected.mass @ lengths == pytest.approx(expected.distance)


def test_a_member_without_a_finite_fake_is_not_drawn(on_ring: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, member = on_ring.samples("gan").copy(), median_member(on_ring, "gan")
    assert member is not None
    fake[member.index, :-3] = np.inf
    monkeypatch.setattr(on_ring, "samples", lambda condition: fake)
    assert plane(on_ring, "gan") is not None
    fake[member.index] = np.nan
    assert plane(on_ring, "gan") is None


def test_critic_values_come_with_the_box_of_their_grid(on_ring: Results, finished_study: Study) -> None:
    box, surface = on_ring.critic_surface("wgan")
    assert surface.shape == (3, 50, 50)
    assert box.centers.shape == (2500, 2)
    images = results(finished_study.name, root=finished_study.ledger.root)
    with pytest.raises(
        InputError, match=r"^wgan: must be trained on 2-D data: of other data no critic surface is kept$"
    ):
        images.critic_surface("wgan")
