"""Plans of the studies that ship: every trial that the design can determine is accepted when it is read back."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest
from simulated import PROVENANCE

import studies
from studies.design import Design, TrialSpec, least
from studies.errors import DamagedError
from studies.file.study import Study
from studies.ledger.plans import planned_trials

NO_PATH = ("a-a", "best-and-late", "dirac-map", "penalty-place", "segments", "stability-map")
"""Studies without an authors' setting in which a searched hyperparameter has a value, or without a setting found."""
CATALOG = sorted((Path(studies.__file__).parent / "catalog").glob("*.toml"))


def all_trials(study: Study, *, seed: int = 0) -> list[TrialSpec]:
    """The trials of all phases; each searched trial has a random score."""
    design, random = Design(study, PROVENANCE), Random(seed)
    scores: dict[str, float] = {}
    while pending := [trial for trial in design.trials(scores) if trial.key not in scores]:
        scores |= {trial.key: random.random() for trial in pending}
    return list(design.trials(scores))


def recorded(study: Study) -> Study:
    """The study as it is read from its record in a ledger."""
    return Study.from_record(json.loads(json.dumps(study.table())), {})


def plan_of(trials: list[TrialSpec]) -> list[dict]:
    """The trials as a plan in a ledger holds them."""
    return json.loads(json.dumps([asdict(trial) for trial in trials]))


@pytest.mark.parametrize(
    "file",  # a map has thousands of trials
    [pytest.param(file, marks=[pytest.mark.soak] if "map" in file.stem else [], id=file.stem) for file in CATALOG],
)
def test_every_trial_of_a_shipped_study_is_one_that_its_record_can_have(
    file: Path, shipped_images: Callable[[str], list[str]]
) -> None:
    # two suggestions of Optuna for each condition are enough
    authors = [] if file.stem == "segments" else ["search.confirm.authors=true"]  # it searches its networks
    exploit = [] if file.stem == "dirac-map" else ["search.exploit.trials=2"]  # it ties hyperparameters to one value
    path = [] if file.stem in NO_PATH else ["search.confirm.path=true"]
    study = Study.load(file, overrides=[*exploit, *authors, *path, *shipped_images(file.stem)])
    trials = all_trials(study)
    assert len(trials) == least(study)  # without distances no condition gets further groups of fresh seeds
    assert planned_trials(plan_of(trials), recorded(study), PROVENANCE, "plan") == trials


@pytest.mark.parametrize("phase", ["explore", "exploit", "confirm", "authors", "path_choice", "path"])
def test_a_trial_whose_configuration_is_that_of_another_is_refused(phase: str) -> None:
    file = next(file for file in CATALOG if file.stem == "first-study")
    confirm = ("search.confirm.authors=true", "search.confirm.path=true")
    study = Study.load(file, overrides=["search.explore=3", "search.exploit.trials=2", *confirm])
    plan = plan_of([trial for trial in all_trials(study) if trial.phase == phase])
    plan[0]["identity"]["training"]["batch"] += 1
    with pytest.raises(
        DamagedError, match=r"^plan: is damaged or foreign \(its trial .* is not one that the study can"
    ):
        planned_trials(plan, recorded(study), PROVENANCE, "plan")


@pytest.mark.parametrize("file", CATALOG, ids=lambda file: file.stem)
def test_every_shipped_study_but_the_first_says_how_long_it_takes(file: Path) -> None:
    said = re.search(r"^# Takes up to [a-z -]+ on two cores\.$", file.read_text(), re.MULTILINE)
    assert (said is None) == (file.stem == "first-study")


@pytest.mark.parametrize(
    ("name", "trials", "gans", "steps"),
    [("images-mnist", 9, 15, 3000), ("images-emoji", 12, 16, 2000), ("best-and-late", 8, 16, 3000)],
)
def test_the_image_studies_train_what_their_minutes_were_measured_with(
    name: str, trials: int, gans: int, steps: int, shipped_images: Callable[[str], list[str]]
) -> None:
    study = Study.load(name, overrides=shipped_images(name))
    planned = all_trials(study)
    assert (len(planned), sum(len(trial.identity["seeds"]) for trial in planned)) == (trials, gans)
    assert (study.budget.steps, study.distance) == (steps, "frechet_distance")
