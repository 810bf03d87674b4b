"""The pages of docs/ say what the code says."""

import runpy
from pathlib import Path
from typing import get_args

import pytest
from games import SMALL_CRITICS, SMALL_MEASURES

from gan_core.constraints import Constraint, Unconstrained
from gan_core.data import Data, Digits, Dirac, Ring
from gan_core.metrics import Measures
from gan_core.metrics.meanings import AVERAGE, MEANINGS
from gan_core.networks import DiracPair, MLPGenerator, NetworkPair
from gan_core.objectives import BoundaryEquilibrium, Objective, Wasserstein
from gan_core.presets import PRESETS
from gan_core.stability import OUTCOMES
from gan_core.training import Trainer, Training

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MADE = runpy.run_path(str(DOCS / "generate.py"))["pages"]()


# -- pages that are made from the code ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE)
def test_committed_page_is_what_the_code_says_now(name):
    assert (DOCS / name).read_text() == MADE[name], f"docs/{name} is older than the code: run `make docs` and commit it"


def test_every_kind_has_its_section():
    for page, union in {"objectives.md": Objective, "constraints.md": Constraint, "measures.md": Data}.items():
        headings = [line.lstrip("# ") for line in MADE[page].splitlines() if line.startswith("##")]
        for kind in get_args(union):
            assert f"`{kind.kind}`" in headings


def test_every_preset_and_every_outcome_stands_in_its_page():
    assert all(f"| `{name}` |" in MADE["objectives.md"] for name in PRESETS)
    assert all(f"`{outcome}`" in MADE["measures.md"] for outcome in OUTCOMES)


# -- metrics ------------------------------------------------------------------------------------------------------


def measured(data, objective, networks, **training):
    trainer = Trainer(
        objective=objective,
        constraint=Unconstrained(),
        networks=networks,
        training=Training(batch=4, **training),
        data=data.load(),
        seeds=[0],
        measures=Measures(samples=50, directions=4, cells=SMALL_MEASURES.cells, exact_points=16, resolution=4),
    )
    return set(trainer.measure())


def networks_for(objective):
    return NetworkPair(generator=MLPGenerator(width=8, depth=1, latent=4), critic=SMALL_CRITICS[objective.critic_form])


GAMES = {
    "digits": lambda: measured(Digits(reference=50), BoundaryEquilibrium(), networks_for(BoundaryEquilibrium)),
    "ring": lambda: measured(Ring(train=50, reference=50), Wasserstein(), networks_for(Wasserstein)),
    "averaged": lambda: measured(
        Ring(train=50, reference=50), Wasserstein(), networks_for(Wasserstein), generator_average=0.9
    ),
    "dirac": lambda: measured(Dirac(), Wasserstein(), DiracPair()),
}


@pytest.fixture(scope="module")
def metrics():
    """The names of all metrics that are measured, game by game."""
    return {name: play() for name, play in GAMES.items()}


@pytest.mark.parametrize("game", GAMES)
def test_every_metric_that_is_measured_is_explained(metrics, game):
    for metric in metrics[game]:
        name = metric.removesuffix(AVERAGE)
        assert name in MEANINGS, f"{metric}: say what it means in gan_core/metrics/meanings.py, then `make docs`"
        assert f"| `{name}` |" in MADE["measures.md"]


def test_every_metric_that_is_explained_is_measured(metrics):
    assert set(MEANINGS) <= set().union(*metrics.values())


def test_only_an_average_is_measured_under_its_ending(metrics):
    assert any(name.endswith(AVERAGE) for name in metrics["averaged"])
    assert not any(name.endswith(AVERAGE) for name in metrics["ring"] | metrics["digits"] | metrics["dirac"])
