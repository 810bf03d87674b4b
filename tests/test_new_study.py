"""Study files that are written for somebody: valid for every kind of data, and equal to the setting that was found."""

import runpy
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_folders import pictures, write_folder
from tiny import TINY, run_without_ray, study_in

from gan_core.data import Images, Table
from gan_core.presets import PRESETS
from gan_core.shapes import SampleShape
from studies.design import Design, Provenance, TrialSpec
from studies.errors import InputError
from studies.file.source import question
from studies.file.study import Study
from studies.forecast.run_forecast import Range
from studies.locate import results
from studies.new_study.chosen_data import chosen_data
from studies.new_study.chosen_parts import DEFAULT_PRESETS
from studies.new_study.durations import duration_text, read_duration
from studies.new_study.found_study import _beside_script, expression, found_study
from studies.new_study.sized_study import StudyWish, study_text
from studies.new_study.study_sizes import StudySizes, sizes_for
from studies.new_study.study_text import toml
from studies.tables.results import Results

OWN_DATA = """
from dataclasses import dataclass
import numpy as np
from gan_core import AnyData, Dataset, Sizes

@dataclass(frozen=True, kw_only=True)
class Noise(AnyData):
    sizes = Sizes(train=60, held_out=20)

    def load(self):
        rows = np.random.default_rng(0).standard_normal((100, 3)).astype(np.float32)
        return Dataset(name="noise", train=rows[:60], validation=rows[60:80], test=rows[80:], shape=(3,), bounded=False)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with data of every kind."""
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "photos", pictures(70, side=40))
    grey = np.random.default_rng(0).integers(0, 256, (80, 28, 28), dtype=np.uint8)
    np.save("images.npy", grey)
    np.savez("labelled.npz", x=grey[:, :8, :8], y=np.arange(80) % 2)
    rows = np.random.default_rng(1).normal(size=(90, 2))
    lines = ["size,name,weight,always", *(f"{a},thing,{b},1" for a, b in rows)]
    Path("things.csv").write_text("\n".join(lines))
    Path("own.py").write_text(OWN_DATA)
    return tmp_path


def wish(
    data: str, presets: tuple[str, ...] = DEFAULT_PRESETS, *, conditional: bool = False, label: str = ""
) -> StudyWish:
    chosen = chosen_data(data, Path(), label)
    return StudyWish(
        name=chosen.name, data=chosen, presets=presets, budget=600.0, folder=Path(), conditional=conditional
    )


def sizes_at(shape: SampleShape, budget: float) -> StudySizes:
    """The sizes for a budget where a training step takes a microsecond, or 50 with convolutions."""

    def seconds(sizes: StudySizes) -> float:
        members = sizes.explore * sizes.seeds + sizes.confirm_seeds
        return members * sizes.steps * {"mlp": 1e-6, "conv": 5e-5}[sizes.networks]

    return sizes_for(shape, seconds, budget)


DATA = {
    "ring": ((2,), 15000, "ring-study"),
    "grid": ((2,), 15000, "grid-study"),
    "two_moons": ((2,), 15000, "two_moons-study"),
    "swiss_roll": ((2,), 15000, "swiss_roll-study"),
    "segments": ((2,), 15000, "segments-study"),
    "digits": ((1, 8, 8), 1797, "digits-study"),
    "mnist": ((1, 28, 28), 5000, "mnist-study"),
    "folder:photos": ((3, 32, 32), 70, "photos"),
    "photos": ((3, 32, 32), 70, "photos"),
    "array:images.npy": ((1, 28, 28), 80, "images"),
    "labelled.npz": ((1, 8, 8), 80, "labelled"),
    "table:things.csv": ((2,), 90, "things"),
    "things.csv": ((2,), 90, "things"),
    "own:Noise": ((3,), 100, "Noise"),
}


@pytest.mark.parametrize("data", DATA)
def test_every_kind_of_data_gives_a_valid_file(folder: Path, data: str) -> None:
    shape, count, name = DATA[data]
    wanted = wish(data)
    assert (wanted.data.samples.shape, wanted.data.samples.count, wanted.name) == (shape, count, name)
    small, large = (sizes_at(wanted.data.samples.sample_shape, budget) for budget in (0.2, 1e9))
    for sizes in (small, large):
        study = Study.parse(study_text(wanted, sizes, Range(1.0, 2.0, 3.0)), folder)
        assert [condition.name for condition in study.conditions] == list(DEFAULT_PRESETS)
        assert (study.name, study.seeds, study.budget.steps) == (name, sizes.seeds, sizes.steps)
        assert (study.search.explore, study.search.exploit.trials) == (sizes.explore, sizes.exploit)
        assert (study.search.confirm.seeds, study.evaluation.measurements) == (
            sizes.confirm_seeds,
            sizes.measurements,
        )


@pytest.mark.parametrize("data", ["ring", "photos"])
@pytest.mark.parametrize("budget", [0.2, 1e9])
def test_every_preset_is_searched_over_its_own_range_and_both_learning_rates(
    folder: Path, data: str, budget: float
) -> None:
    wanted = wish(data, tuple(PRESETS))
    sizes = sizes_at(wanted.data.samples.sample_shape, budget)
    study = Study.parse(study_text(wanted, sizes, Range(1.0, 2.0, 3.0)), folder)
    rates = {f"training.{role}_optimizer.lr" for role in ("critic", "generator")}
    for condition in study.conditions:
        preset = PRESETS[condition.name]
        own = set(preset.ranges) - rates - {"training.n_critic"}
        assert set(condition.hyperparameters) == own | rates
        assert all(condition.hyperparameters[path].table() == preset.ranges[path] for path in own)
        setting = next(condition.extreme_settings())
        assert setting.objective.kind == preset.table["objective"]["kind"]
        assert setting.training.batch == sizes.batch
        assert ("conv" in setting.networks.critic.kind) is (sizes.networks == "conv")
    assert study.budget.unit == "critic_steps"


def test_a_file_opens_with_its_question_and_has_no_path_of_this_machine(folder: Path) -> None:
    wanted = wish("photos")
    text = study_text(wanted, sizes_at(wanted.data.samples.sample_shape, 1e9), Range(60.0, 90.0, 100.0))
    (folder / "photos.toml").write_text(text)
    first, second = question(folder / "photos.toml").split("\n")
    assert first.startswith("Which of wgan-gp, lsgan, ebgan and r3gan stays stable on the images in photos when ")
    assert first.endswith("?")
    assert "The critic of ebgan gives an energy" in second
    assert "for 10m. By its forecast a run takes 1:30 (1:00 to 1:40)" in " ".join(text.replace("#", " ").split())
    assert str(folder) not in text
    assert 'path = "photos"' in text
    assert max(map(len, text.splitlines())) <= 120
    assert "\n\n\n" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_columns_that_are_no_numbers_are_left_out_and_named(folder: Path) -> None:
    wanted = wish("things.csv")
    assert wanted.data.table["columns"] == ["size", "weight"]
    text = study_text(wanted, sizes_at(wanted.data.samples.sample_shape, 1e9), Range(1.0, 2.0, 3.0))
    assert "# left out, since they hold no finite numbers that differ: name, always" in text


CONDITIONAL = {"ring": 8, "digits": 10, "labelled.npz": 2, "classed": 3}


@pytest.mark.parametrize("budget", [0.2, 1e9])
@pytest.mark.parametrize("data", CONDITIONAL)
def test_conditional_networks_get_the_classes_of_the_data(folder: Path, data: str, budget: float) -> None:
    write_folder(folder / "classed", pictures(90, side=20), labels=np.arange(90) % 3)
    wanted = wish(data, conditional=True)
    sizes = sizes_at(wanted.data.samples.sample_shape, budget)
    study = Study.parse(study_text(wanted, sizes, Range(1.0, 2.0, 3.0)), folder)
    assert {condition.classes for condition in study.conditions} == {CONDITIONAL[data]}
    unconditional = Study.parse(study_text(wish(data), sizes, Range(1.0, 2.0, 3.0)), folder)
    assert {condition.classes for condition in unconditional.conditions} == {0}


def test_the_classes_of_a_table_are_in_the_column_that_is_named(folder: Path) -> None:
    rows = [f"{number % 5},{number},{'tree' if number % 3 else 'bush'}" for number in range(90)]
    Path("plants.csv").write_text("\n".join(["height,age,kind", *rows]))
    wanted = wish("table:plants.csv", conditional=True, label="kind")
    assert wanted.data.samples.classes == ("bush", "tree")
    text = study_text(wanted, sizes_at(wanted.data.samples.sample_shape, 1e9), Range(1.0, 2.0, 3.0))
    assert "left out" not in text
    assert Study.parse(text, folder).data == Table(path=str(folder / "plants.csv"), label="kind")
    counted = wish("plants.csv", conditional=True, label="age").data
    assert counted.table["columns"] == ["height"]
    assert len(counted.samples.classes) == 90


def test_classes_that_data_do_not_have_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="--conditional: must be left out, since there are no classes in the images "):
        wish("photos", conditional=True)
    with pytest.raises(InputError, match="--label: must name a column of a table, but --data is ring"):
        wish("ring", label="kind")
    with pytest.raises(InputError, match=r"--label: must name a column of .*things.csv, which has size, name, .* kind"):
        wish("things.csv", label="kind")


def test_a_few_files_that_cannot_be_read_are_left_out_and_named(folder: Path) -> None:
    for number in range(2):
        (folder / "photos" / f"broken-{number}.png").write_text("no image")
    chosen = chosen_data("folder:photos", folder)
    assert chosen.table["broken"] == 2
    assert any(
        "left out, since they cannot be read: broken-0.png (not an image)" in one for one in chosen.samples.notes
    )
    for number in range(20):
        (folder / "photos" / f"broken-{number}.png").write_text("no image")
    with pytest.raises(InputError, match=r"--data\.broken: must be >= 20, the number of files that cannot be read"):
        chosen_data("folder:photos", folder)


def test_few_samples_are_compared_with_as_many_fakes(folder: Path) -> None:
    assert wish("photos").data.evaluation == {"samples": 50}  # of 56, some of which may be removed
    assert wish("ring").data.evaluation == {}


REFUSED = {
    "rign": "--data: must be folder:PATH, array:PATH, table:PATH, the path of a folder or file, MODULE:CLASS, ",
    "dirac": "--data: must be data for networks of any kind; gan-study run dirac-map runs the Dirac pair",
    "folder:nothing": "--data: must be a folder of images or a file, but ",
    "folder:": "--data: must name a path after folder:, but names none",
    "folder:images.npy": "--data: must be a folder after folder:, but images.npy is a file",
    "array:photos": "--data: must be a file after array:, but photos is a folder",
    "table:nothing.csv": "--data: must be a file, but ",
    "table:own.py": "--data: must be a .csv, .tsv or .parquet file, but is ",
    "table:words.csv": "--data: must hold a column of finite numbers that differ, but ",
    "caf\udce9.csv": "--data: must be a path in UTF-8, but is ",
    "few": "--data: must hold at least 63 samples, but there are 12 (the images in few)",
    "empty": "--data: must hold images (.png, ",
    "own:Missing": "--data.kind: ",
}


@pytest.mark.parametrize("data", REFUSED)
def test_data_that_cannot_be_used_are_refused_in_one_sentence(folder: Path, data: str) -> None:
    Path("words.csv").write_text("word\n" + "tree\n" * 20)
    Path("empty").mkdir()
    write_folder(folder / "few", pictures(12, side=8))
    Path("caf\udce9.csv").write_text("1,2\n")
    with pytest.raises(InputError) as refused:
        chosen_data(data, folder)
    assert str(refused.value).startswith(REFUSED[data])
    assert "\n" not in str(refused.value)


def test_durations_are_read_and_written() -> None:
    assert [read_duration(text) for text in ("90s", "30m", "2h", "1h30m", "0.5m")] == [90, 1800, 7200, 5400, 30]
    assert [duration_text(seconds) for seconds in (90, 1800, 7200, 44.2, 601)] == ["1m30s", "30m", "2h", "45s", "11m"]
    for wrong in ("", "soon", "30", "-5m", "0s", "5d"):
        with pytest.raises(InputError, match="--budget: must be a duration, as in 90s, 30m or 2h, but is "):
            read_duration(wrong)


@pytest.mark.parametrize(
    "value", [1e-5, 3, True, 'a "quote"\n\x7f and ü', [1, [2.5]], {"a-b": {"c d": ["x"]}, "e.f": 1}, 1e300, -0.0]
)
def test_what_is_written_as_toml_is_read_as_it_was(value: Any) -> None:
    assert tomllib.loads(f"value = {toml(value)}")["value"] == value


# -- the setting that a study has found ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny_results(finished_root: Path) -> Results:
    """Results of the finished study on digits."""
    return results("tiny", root=finished_root)


def confirm_trial(study: Study, provenance: Provenance) -> TrialSpec:
    """The confirm trial of a study with one setting."""
    design = Design(study, provenance)
    (explore,) = design.trials({})
    return list(design.trials({explore.key: 1.0}))[-1]


def trained(trial: TrialSpec) -> dict[str, Any]:
    return {key: value for key, value in trial.identity.items() if key != "seeds"}


@pytest.mark.parametrize("studied", ["tiny_results", "on_ring", "on_images"])
def test_the_setting_found_trains_the_same_but_for_its_seeds(
    studied: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    read: Results = request.getfixturevalue(studied)
    for condition in read.study.conditions:
        found = found_study(read, condition.name, name="again", folder=tmp_path)
        before, again = read.found(condition.name), confirm_trial(found.study, read.provenance)
        assert trained(again) == trained(before)
        assert again.evaluation == before.evaluation
        assert found.study.outcomes == read.study.outcomes
        assert not set(again.seeds) & set(before.seeds)
        assert len(again.seeds) == len(before.seeds)
        assert Study.parse(found.text, tmp_path) == found.study
        assert "\n\n\n" not in found.text


@pytest.mark.parametrize("studied", ["tiny_results", "on_ring", "on_images"])
def test_the_script_trains_the_setting_with_gan_core_alone(
    studied: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read: Results = request.getfixturevalue(studied)
    condition = read.study.conditions[-1].name
    found = found_study(read, condition, name="again", folder=tmp_path)
    script = tmp_path / "again.py"
    script.write_text(found.script)
    assert "studies" not in found.script.replace("the study", "")
    assert len(found.script.splitlines()) <= 45
    ran = runpy.run_path(str(script))
    trainer, before = ran["trainer"], read.found(condition)
    setting = found.study.conditions[0].setting({})
    assert (trainer.objective, trainer.constraint) == (setting.objective, setting.constraint)
    assert (trainer.networks, trainer.training) == (setting.networks, setting.training)
    assert trainer.generator_steps == setting.training.generator_steps(trainer.iteration) > 0
    assert trainer.iteration == read.study.budget.iterations(setting.training)
    assert ran["data"].fingerprint == before.identity["provenance"]["data_fingerprint"]
    assert list(trainer.seeds) == confirm_trial(found.study, read.provenance).seeds[:3]
    out = capsys.readouterr().out
    assert f"samples ({len(trainer.seeds)}, 64, " in out
    assert "\n90%\n100%\n" in out
    assert np.load(tmp_path / "again.npy").shape == ran["samples"].shape
    distances = ran["values"][ran["evaluator"].distance_name]
    assert np.isfinite(distances).all()


OWN_OBJECTIVE = """
from dataclasses import dataclass
from typing import ClassVar
from gan_core import Stateless

@dataclass(frozen=True, kw_only=True)
class Scaled(Stateless):
    scale: float = 1.0
    critic_form: ClassVar = "score"

    def critic_loss(self, real, fake, state):
        return self.scale * (fake.value - real.value).mean(-1)

    def generator_loss(self, real, fake, state):
        return -self.scale * fake.value.mean(-1)
"""
OWN_CONDITION = """
[[conditions]]
name = "own"
objective = {kind = "scaled:Scaled", scale = {uniform = [0.5, 2.0]}}
constraint = {kind = "weight_clipping", clip_value = 0.1}
"""


def test_a_setting_of_ones_own_class_is_written_and_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scaled.py").write_text(OWN_OBJECTIVE)
    overrides = ("search.explore=1", "search.exploit.trials=0")
    study = study_in(tmp_path, *overrides, text=TINY.partition("[[conditions]]")[0] + OWN_CONDITION)
    run_without_ray(study)
    read = results(study.name, root=study.ledger.root)
    found = found_study(read, "own", name="again", folder=tmp_path)
    assert trained(confirm_trial(found.study, read.provenance)) == trained(read.found("own"))
    (tmp_path / "again.py").write_text(found.script)
    monkeypatch.syspath_prepend(str(tmp_path))
    ran = runpy.run_path(str(tmp_path / "again.py"))
    assert ran["trainer"].objective.scale == read.found("own").configuration["objective.scale"]


def test_what_is_not_found_yet_cannot_be_written(tiny_results: Results, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be one of wgan, gan, but is"):
        found_study(tiny_results, "lsgan", name="again", folder=tmp_path)


def test_the_script_finds_its_data_from_every_working_folder(
    on_images: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(on_images.study.table()["data"]["path"]), tmp_path / "beside")
    given = expression(Images(path="beside", size=8))
    assert _beside_script(given, "beside") == given.replace("'beside'", "str(Path(__file__).parent / 'beside')")
    monkeypatch.chdir("/")
    (tmp_path / "load.py").write_text(
        f"from pathlib import Path\nfrom gan_core.data import Images\ndata = {_beside_script(given, 'beside')}.load()"
    )
    assert runpy.run_path(str(tmp_path / "load.py"))["data"].fingerprint
    assert _beside_script("Ring()", "") == "Ring()"
    assert _beside_script("Images(path='/x')", "/x") == "Images(path='/x')"
