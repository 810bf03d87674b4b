"""Exported studies: generators that gan_core alone samples, and Optuna storages."""

import json
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from PIL import Image
from tiny import clean_environment, run_without_ray, study_in

from gan_core import load_generator
from studies.api import export_generator, export_optuna
from studies.errors import InputError
from studies.exporting.exported_generator import exported_generator
from studies.exporting.optuna_storage import write_optuna
from studies.file.study import Study
from studies.ledger.unfinished import TrialEnd
from studies.locate import results
from studies.reporting.figures.median_member import median_member
from studies.tables.results import Results

ROOT = Path(__file__).parent.parent
SHORT = ("search.explore=1", "search.exploit.trials=0", "budget.steps=6", "evaluation.measurements=3")
OWN = """
from dataclasses import dataclass
from torch import nn
from gan_core import ModuleGenerator


@dataclass(frozen=True, kw_only=True)
class Layers(ModuleGenerator):
    latent: int = 4
    width: int = 5

    def module(self, shape):
        return nn.Sequential(nn.Linear(self.latent, self.width), nn.ReLU(), nn.Linear(self.width, shape.dim), nn.Tanh())
"""
IN_A_FRESH_PROCESS = """
import json, runpy, sys
runpy.run_path(sys.argv[1])
heavy = ["studies", "services", "ray", "mlflow", "optuna", "pandas", "pydantic", "jinja2", "matplotlib", "sklearn"]
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


@pytest.fixture
def tiny(finished_study: Study) -> Results:
    return results("tiny", root=finished_study.ledger.root)


# -- generators -----------------------------------------------------------------------------------------------------


def test_the_generator_of_the_median_seed_samples_as_in_the_study(
    tiny: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Results, "data", property(lambda self: pytest.fail("the images are not needed")))
    export_generator(tiny, "wgan", tmp_path)
    read, found, median = load_generator(tmp_path), tiny.best("wgan"), median_member(tiny, "wgan")
    assert median is not None
    assert read.seeds == (median.seed,)
    np.testing.assert_array_equal(read.sample(9, seed=4), found.generator(median.index)(9, seed=4))


def test_the_description_says_where_the_generators_come_from(tiny: Results, tmp_path: Path) -> None:
    export_generator(tiny, "gan", tmp_path, seeds="all", which="best")
    read, found, members = load_generator(tmp_path), tiny.best("gan", "best"), tiny.members
    assert list(read.seeds) == found.seeds
    for member in range(3):
        np.testing.assert_array_equal(read.sample(3, member=member), found.generator(member)(3))
    about = read.about
    assert (about["study"], about["condition"], about["trial"]) == ("tiny", "gan", "gan-confirm-0")
    assert (about["which"], about["configuration"]) == ("best", found.configuration)
    assert about["address"] == tiny.found("gan").address
    assert set(about["versions"]) == {"gan-studies", "torch"}
    rows = members[(members["condition"] == "gan") & (members["phase"] == "confirm")]
    for described, (_, row) in zip(about["members"], rows.iterrows(), strict=True):
        assert (described["seed"], described["outcome"]) == (row["seed"], row["outcome"])
        assert described["late_distance"] == pytest.approx(row["late_distance"])
        curves = tiny.curves[(tiny.curves["condition"] == "gan") & (tiny.curves["phase"] == "confirm")]
        last = curves[(curves["seed"] == row["seed"]) & (curves["step"] == 36)].set_index("metric")["value"]
        assert described["last_metrics"][about["distance"]] == last[about["distance"]]


def test_the_script_needs_gan_core_alone(tiny: Results, tmp_path: Path) -> None:
    """A fresh process in another folder, in which the study is not to be found, writes the samples as pictures."""
    export_generator(tiny, "wgan", tmp_path / "exported")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    call = [sys.executable, "-c", IN_A_FRESH_PROCESS, str(tmp_path / "exported" / "sample.py")]
    environment = clean_environment(PYTHONPATH=str(ROOT))
    done = subprocess.run(call, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    expected = load_generator(tmp_path / "exported")
    shown = expected.in_units(expected.sample(16, seed=0))
    assert len(list(elsewhere.iterdir())) == 16
    with Image.open(elsewhere / "sample-03.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), shown[3])
    assert len((tmp_path / "exported" / "sample.py").read_text().splitlines()) < 15


def test_rows_of_a_table_come_in_its_units_unless_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(0)
    rows = np.stack([draws.normal(170, 10, 200), draws.normal(65, 4, 200)], axis=1)
    np.savetxt("people.csv", rows, delimiter=",", header="height,the mass", comments="")
    study = study_in(tmp_path, *SHORT, "data={kind='table',path='people.csv'}")
    run_without_ray(study)
    found = results("tiny", root=study.ledger.root)
    export_generator(found, "wgan", tmp_path / "out")
    runpy.run_path("out/sample.py")
    assert Path("samples.csv").read_text().splitlines()[0] == "height,the mass"
    read = load_generator("out")
    assert read.units is not None
    written, train = np.loadtxt("samples.csv", delimiter=",", skiprows=1), found.data
    np.testing.assert_allclose(written, read.units.offset + read.units.scale * read.sample(16), rtol=1e-6)
    assert train.train.mean(0) == pytest.approx([0, 0], abs=1e-6)
    back = read.in_units(np.concatenate([train.train, train.validation, train.test]))
    np.testing.assert_allclose(np.sort(back, axis=0), np.sort(rows, axis=0), rtol=1e-5)
    np.savetxt("people.csv", rows**2, delimiter=",", header="height,the mass", comments="")
    changed = exported_generator(results("tiny", root=study.ledger.root), "wgan")
    assert changed.generator.units is None
    assert re.fullmatch(r"its samples stay standardised, since .*people.csv does not hold .*", changed.notes[0])
    Path("people.csv").unlink()
    assert exported_generator(results("tiny", root=study.ledger.root), "wgan").notes == changed.notes


@pytest.mark.usefixtures("fresh_imports")
def test_a_network_of_ones_own_is_sampled_where_its_module_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_layers.py").write_text(OWN)
    study = study_in(tmp_path, *SHORT, "networks.generator={kind='my_layers:Layers',width=6}")
    run_without_ray(study)
    exported = exported_generator(results("tiny", root=study.ledger.root), "gan", folder=tmp_path)
    outcome = str(exported.generator.about["members"][0]["outcome"])
    assert outcome != "stable"
    assert exported.file_notes == (
        f"its training failed, with the outcome {outcome}",
        "its network is Layers of the module my_layers, which must be importable where it is sampled",
    )
    assert "my_layers" in exported.generator.about["module_sources"]
    exported.write(tmp_path / "out")
    with pytest.raises(ValueError, match="its module my_layers is needed; import Layers from there"):
        load_generator("out")
    monkeypatch.syspath_prepend(tmp_path)
    runpy.run_path("out/sample.py")
    assert len(list(tmp_path.glob("sample-*.png"))) == 16


@pytest.mark.parametrize(
    ("condition", "options", "sentence"),
    [
        ("lsgan", {}, "condition: must be one of wgan, gan"),
        ("wgan", {"seeds": "some"}, 'seeds: must be median or all, but is "some"'),
        ("wgan", {"which": "average"}, "which: must be last or best"),
    ],
)
def test_what_cannot_be_exported_is_refused(tiny: Results, condition: str, options: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}"):
        exported_generator(tiny, condition, **options)


# -- Optuna ---------------------------------------------------------------------------------------------------------


def test_optuna_reads_hyperparameters_and_scores_of_the_search(tiny: Results, tmp_path: Path) -> None:
    """The export works in a folder whose name holds characters such as ? and %, which database addresses interpret."""
    folder = tmp_path / "50% of? it"
    folder.mkdir()
    export_optuna(tiny, folder / "o.db")
    address = f"sqlite:///{shutil.copy(folder / 'o.db', tmp_path)}"
    assert optuna.get_all_study_names(address) == ["tiny:wgan", "tiny:gan"]
    for condition in tiny.study.conditions:
        study = optuna.load_study(study_name=f"tiny:{condition.name}", storage=address)
        rows = tiny.trials[
            (tiny.trials["condition"] == condition.name) & tiny.trials["phase"].isin(["explore", "exploit"])
        ]
        assert len(study.trials) == len(rows) == 4
        assert study.metric_names == ["search score"]
        for trial, row in zip(study.trials, rows.to_dict("records"), strict=True):
            assert trial.params == {path: row[path] for path in condition.hyperparameters}
            assert trial.distributions.keys() == condition.hyperparameters.keys()
            assert trial.value == row["search_score"]
            assert trial.user_attrs["name"] == f"{condition.name}-{row['phase']}-{row['trial']}"
            assert trial.user_attrs["failure_rate"] == row["failure_rate"]
            assert sum(n for key, n in trial.user_attrs.items() if key.startswith("members ")) == 2
            assert trial.duration is not None
            assert trial.duration.total_seconds() == pytest.approx(row["elapsed_seconds"], abs=1e-5)
        ranked = tiny.ranking.set_index("condition").loc[condition.name]
        assert study.user_attrs["confirmed"]["distance"] == ranked["distance"]
        importances = optuna.importance.get_param_importances(study)
        assert importances.keys() == condition.hyperparameters.keys()
        assert sum(importances.values()) == pytest.approx(1)


def test_a_trial_without_a_result_has_failed_in_optuna(tiny: Results, tmp_path: Path) -> None:
    first, second, *others = tiny.trial_records
    failed = replace(first, state="out_of_memory", entry=None, end=TrialEnd(state="out_of_memory", reason="no room"))
    running = replace(second, state="running", entry=None)
    tiny.__dict__["trial_records"] = [failed, running, *others]
    counts = write_optuna(tiny, tmp_path / "o.db")
    assert sum(counts.values()) == 7  # the running trial has not ended
    study = optuna.load_study(study_name=f"tiny:{first.spec.condition}", storage=f"sqlite:///{tmp_path / 'o.db'}")
    trial = study.trials[0]
    assert (trial.state, trial.value) == (optuna.trial.TrialState.FAIL, None)
    assert trial.params == first.spec.configuration
    assert (trial.user_attrs["state"], trial.user_attrs["reason"]) == ("out_of_memory", "no room")
    assert "failure_rate" not in trial.user_attrs
