"""A user's own kinds: what a study file may name, what it is told otherwise, and what becomes of its trials."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny import clean_environment, command, ledger_of, run_without_ray

from gan_core.objectives import AnyObjective
from services.package import pack
from studies import modules
from studies.design import Design, Planned
from studies.errors import InputError
from studies.ledger import Entry
from studies.results import results
from studies.runner import Listener, _surroundings
from studies.samples import loaded
from studies.study import Study, load_study
from studies.trial import TrialRun

OBJECTIVE = '''
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt
from gan_core import Memoryless
from torch.nn.functional import softplus


@dataclass(frozen=True, kw_only=True)
class Sharp(Memoryless):
    """Non-saturating, with scores that count `sharpness` times."""

    sharpness: Annotated[float, Gt(0)] = 1.0
    side: Literal["left", "right"] = "left"
    critic_form = "score"

    def critic_loss(self, real, fake, memory):
        s = self.sharpness
        return (softplus(-s * real.value) + softplus(s * fake.value)).mean(-1)

    def generator_loss(self, real, fake, memory):
        return softplus(-self.sharpness * fake.value).mean(-1)
'''

REST = '''
from dataclasses import dataclass

import numpy as np
import torch
from gan_core import AnyConstraint, AnyData, Dataset, MLPCritic, MLPGenerator, Sizes, WeightClipping


@dataclass(frozen=True, kw_only=True)
class Halved(MLPGenerator):
    """Half of what a fully connected generator makes."""

    def generate(self, parameters, z, space):
        return super().generate(parameters, z, space) / 2


@dataclass(frozen=True, kw_only=True)
class Plain(MLPCritic):
    """A critic under another name."""


@dataclass(frozen=True, kw_only=True)
class Tight(WeightClipping):
    """Clipping with a bound of its own."""

    clip_value: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Blob(AnyData):
    """A cloud of points."""

    points: int = 200
    spread: tuple[float, float] = (0.5, 0.9)

    @property
    def sizes(self):
        return Sizes(train=self.points, reference=80)

    def load(self):
        cloud = np.random.default_rng(7).standard_normal((self.points + 160, 2)).astype(np.float32)
        cloud = cloud * np.array(self.spread, dtype=np.float32)
        train, search, confirm = np.split(cloud, [self.points, self.points + 80])
        return Dataset(name="blob", train=train, search=search, confirm=confirm, shape=(2,), bounded=False)
'''

HEAD = """
# Is it sharp?
name = "own"
seeds = 2
budget = {steps = 12, measurements = 4}
search = {explore = 2, exploit = 1, confirm = {best = 1, seeds = 2}}
measures = {samples = 64, directions = 16, cells = 4}
training.batch = 8
networks = {generator = {kind = "mlp", width = 8, depth = 1, latent = 4}, critic = {kind = "mlp", width = 8, depth = 1}}
"""

ONE = """
[[conditions]]
name = "mine"
objective = {kind = "my_sharp:Sharp", sharpness = {uniform = [0.5, 2.0]}}

[[conditions]]
name = "ours"
objective.kind = "non_saturating"
"""

ALL = """
[data]
kind = "my_rest:Blob"
points = 150

[[conditions]]
name = "mine"
objective = {kind = "my_sharp:Sharp"}
constraint = {kind = "my_rest:Tight"}
networks.generator = {kind = "my_rest:Halved", width = {choice = [6, 7]}, depth = 1, latent = 3}
networks.critic = {kind = "my_rest:Plain", width = 5, depth = 1}
"""

Load = Callable[..., Study]


@pytest.fixture(autouse=True)
def _python_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports is not there for the next one."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(modules, "_imported", {})
    yield
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "my_sharp.py").write_text(OBJECTIVE)
    (tmp_path / "my_rest.py").write_text(REST)

    def load_text(text: str = ONE, *overrides: str, **files: str) -> Study:
        for name, content in files.items():
            (tmp_path / f"{name}.py").write_text(content)
        (tmp_path / "study.toml").write_text(HEAD + text)
        return load_study(tmp_path / "study.toml", overrides=[f"ledger.root={tmp_path / 'ledger'}", *overrides])

    return load_text


def refusal(load: Load, *arguments: str, **files: str) -> str:
    with pytest.raises(InputError) as refused:
        load(*arguments, **files)
    return str(refused.value)


def planned(study: Study) -> dict[str, Planned]:
    return {trial.name: trial for trial in Design(study, _surroundings(study)).trials({})}


def elsewhere() -> None:
    """Another process as far as this one can be: it has read no study file and imported no module of the user's."""
    for name in list(modules._imported):
        modules._forget(name)
    sys.path[:] = [entry for entry in sys.path if "pytest-of" not in entry]


# -- what a study file may name ------------------------------------------------------------------------------------


def test_a_kind_may_be_a_class_beside_the_study_file(load: Load) -> None:
    condition = load().condition("mine")
    setting = condition.setting({"objective.sharpness": 0.75})
    assert isinstance(setting.objective, AnyObjective)
    assert type(setting.objective).__name__ == "Sharp"
    assert setting.objective.sharpness == 0.75  # type: ignore[attr-defined]
    assert condition.table["objective"] == {
        "kind": "my_sharp:Sharp",
        "sharpness": {"uniform": [0.5, 2.0]},
        "side": "left",
    }


def test_every_contract_may_be_fulfilled_by_a_class_of_ones_own(load: Load) -> None:
    study = load(ALL)
    setting = next(study.condition("mine").extreme_settings())
    assert [type(part).__name__ for part in (setting.objective, setting.constraint)] == ["Sharp", "Tight"]
    assert type(setting.networks.generator).__name__ == "Halved"
    assert type(setting.networks.critic).__name__ == "Plain"
    assert study.data.kind == "my_rest:Blob"
    assert study.table()["data"] == {"kind": "my_rest:Blob", "points": 150, "spread": [0.5, 0.9]}
    assert loaded(study.data).train.shape == (150, 2)


def test_a_shared_table_may_name_it_and_a_condition_may_go_on(load: Load) -> None:
    text = """
    [objective]
    kind = "my_sharp:Sharp"
    sharpness = 3.0
    [[conditions]]
    name = "as-it-is"
    [[conditions]]
    name = "right"
    objective.side = "right"
    [[conditions]]
    name = "ours"
    preset = "gan"
    objective.kind = "minimax"
    """
    study = load(text)
    assert study.condition("right").table["objective"] == {"kind": "my_sharp:Sharp", "sharpness": 3.0, "side": "right"}
    assert study.condition("ours").table["objective"] == {"kind": "minimax"}
    assert refusal(load, text.replace("sharpness", "sharpnes")) == (
        "objective.sharpnes: unknown key; did you mean sharpness?"
    )


@pytest.mark.parametrize("text", [ONE, ALL], ids=["one", "all"])
def test_a_study_is_read_back_from_its_table_there_and_elsewhere(
    load: Load, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(text)
    table = json.loads(json.dumps(study.table(), allow_nan=False))
    assert Study.from_table(table) == study
    assert Study.from_table(table).table() == table
    elsewhere()
    monkeypatch.chdir(tmp_path)
    assert Study.from_table(table).table() == table


def test_a_class_may_stand_in_a_package_and_have_a_kind_of_its_own(load: Load, tmp_path: Path) -> None:
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").write_text("")
    (tmp_path / "my_package" / "losses.py").write_text(
        OBJECTIVE.replace("    sharpness:", '    kind: Literal["sharp"] = "sharp"\n    sharpness:')
    )
    study = load(ONE.replace("my_sharp", "my_package.losses"))
    objective = next(study.condition("mine").extreme_settings()).objective
    assert objective.kind == "my_package.losses:Sharp"
    assert study.condition("mine").table["objective"]["kind"] == "my_package.losses:Sharp"
    assert Study.from_table(study.table()) == study
    assert list(_surroundings(study).sources) == ["my_package"]


def test_the_folder_is_appended_to_the_path_and_only_for_studies_that_need_it(load: Load, tmp_path: Path) -> None:
    before = list(sys.path)
    load('[[conditions]]\nname = "ours"\nobjective.kind = "minimax"')
    assert sys.path == before
    load()
    load()
    assert sys.path == [*before, str(tmp_path)]
    assert not (tmp_path / "__pycache__").exists()


def test_a_module_that_was_changed_is_read_again_with_what_it_imports(load: Load) -> None:
    helper = OBJECTIVE.replace("from annotated_types", "from my_helper import FACTOR\nfrom annotated_types")
    text = ONE.replace("{uniform = [0.5, 2.0]}", "1.0")
    load(text, my_sharp=helper.replace("Gt(0)] = 1.0", "Gt(0)] = FACTOR"), my_helper="FACTOR = 1.0")
    text = text.replace(", sharpness = 1.0", "")
    assert next(load(text).condition("mine").extreme_settings()).objective.sharpness == 1.0  # type: ignore[attr-defined]
    study = load(text, my_helper="FACTOR = 2.0")
    assert next(study.condition("mine").extreme_settings()).objective.sharpness == 2.0  # type: ignore[attr-defined]


# -- what is refused, in one sentence -------------------------------------------------------------------------------

KIND = "conditions.mine.objective.kind: "


def named(reference: str) -> str:
    return f'[[conditions]]\nname = "mine"\nobjective.kind = "{reference}"'


@pytest.mark.parametrize(
    "reference", ["my_sharp:", ":Sharp", "my sharp:Sharp", "my_sharp:Sharp:2", "../my_sharp:Sharp"]
)
def test_a_reference_is_a_module_and_a_class(load: Load, reference: str) -> None:
    assert refusal(load, named(reference)) == (
        f'{KIND}must be MODULE:CLASS, as in my_module:MyObjective, but is "{reference}"'
    )


def test_a_module_must_stand_beside_the_study_file(load: Load, tmp_path: Path) -> None:
    must = f"{KIND}must name a module beside the study file, but {tmp_path} has neither"
    assert refusal(load, named("my_shrap:Sharp")) == (
        f"{must} my_shrap.py nor my_shrap/__init__.py; did you mean my_sharp?"
    )
    assert refusal(load, named("torch.nn:Linear")) == f"{must} torch.py nor torch/__init__.py"
    assert refusal(load, named("my_sharp.deeper:Sharp")) == (
        f"{KIND}needs the module my_sharp.deeper, which Python does not find"
    )


def test_no_module_stands_beside_a_study_of_the_catalog() -> None:
    with pytest.raises(InputError) as refused:
        load_study("first-study", overrides=['objective.kind="my_sharp:Sharp"'])
    assert str(refused.value) == (
        "objective.kind: must be a kind of ours in a study of the catalog, beside which no module of yours stands"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import nothing_of_this_name",
            "ModuleNotFoundError: No module named 'nothing_of_this_name' (my_new.py, line 1)",
        ),
        ("\n1 / 0", "ZeroDivisionError: division by zero (my_new.py, line 2)"),
        ("class Sharp(:", "SyntaxError: invalid syntax (my_new.py, line 1)"),
        ("raise SystemExit('bye')", "SystemExit: bye (my_new.py, line 1)"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_with_its_line(load: Load, source: str, said: str) -> None:
    assert refusal(load, named("my_new:Sharp"), my_new=source) == (
        f"{KIND}needs the module my_new, which raises {said} when it is imported"
    )
    load(named("my_new:Sharp"), my_new=OBJECTIVE)  # once it is mended, in the same process


DATACLASS = "from dataclasses import dataclass\nfrom gan_core import *\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Sharpe: pass", "must name a class of my_new, but it has no Sharp; did you mean Sharpe?"),
        ("Sharp = 3", "must name a subclass of gan_core.AnyObjective, but Sharp is 3"),
        ("def Sharp(): pass", "must name a subclass of gan_core.AnyObjective, but Sharp is no class"),
        ("class Sharp: pass", "must name a subclass of gan_core.AnyObjective, but Sharp is none"),
        ("Sharp = WeightClipping", "must name a subclass of gan_core.AnyObjective, but Sharp is none"),
        ("class Sharp(Wasserstein): pass", "must name a @dataclass(frozen=True), but Sharp is none"),
        (
            "@dataclass(frozen=True)\nclass Sharp(Memoryless): pass",
            "must name a class that is complete, but Sharp does not define critic_loss, generator_loss",
        ),
        (
            OBJECTIVE.replace('critic_form = "score"', 'critic_form = "scores"'),
            'my_new:Sharp must say critic_form, "score" or "energy", but it says "scores"',
        ),
        (
            OBJECTIVE.replace('critic_form = "score"', ""),
            'my_new:Sharp must say critic_form, "score" or "energy", but it says nothing',
        ),
    ],
)
def test_a_class_must_fulfil_the_contract(load: Load, source: str, said: str) -> None:
    assert refusal(load, named("my_new:Sharp"), my_new=DATACLASS + source) == KIND + said


def test_a_class_that_is_not_frozen_is_refused(load: Load) -> None:
    loose = DATACLASS + "@dataclass\nclass Sharp(Memoryless):\n    critic_form = 'score'\n"
    loose += (
        "    def critic_loss(self, real, fake, memory): ...\n    def generator_loss(self, real, fake, memory): ...\n"
    )
    assert refusal(load, named("my_new:Sharp"), my_new=loose) == (
        f"{KIND}must name a @dataclass(frozen=True), but Sharp is not frozen"
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("sharpnes = 1.0", "sharpnes: unknown key; did you mean sharpness?"),
        ("other = 1.0", "other: unknown key; my_sharp:Sharp knows kind, sharpness, side"),
        ("sharpness = 0.0", "sharpness: must be > 0, but is 0.0"),
        ('sharpness = "much"', 'sharpness: must be a number, but is "much"'),
        ("sharpness = {uniform = [-1.0, 1.0]}", "sharpness: must be > 0, but uniform = [-1.0, 1.0] gives -1.0"),
        ('side = "up"', 'side: must be one of left, right, but is "up"'),
    ],
)
def test_fields_are_validated_by_their_annotations(load: Load, fields: str, said: str) -> None:
    text = f'[[conditions]]\nname = "mine"\nobjective = {{kind = "my_sharp:Sharp", {fields}}}'
    assert refusal(load, text) == f"conditions.mine.objective.{said}"


@pytest.mark.parametrize(
    ("field", "written", "said"),
    [
        ("needed: float", "", ".needed: must be given"),
        (
            "wild: Memoryless = None",
            "wild = 3",
            ".wild: must be annotated as a number, text, true or false, or a tuple of those",
        ),
        (
            "wild: object = object",
            "",
            ": must be a table that my_new:Sharp can be made of, but it raises TypeError: "
            "Object of type type is not JSON serializable",
        ),
        (
            'wild: "Unknown" = None',
            "",
            ": the annotations of my_new:Sharp must be readable, but it raises NameError: name 'Unknown' is not",
        ),
        ("def __post_init__(self): raise ValueError('sharpness: must be even')", "", ".sharpness: must be even"),
        (
            "def __post_init__(self): self.missing",
            "",
            ": must be a table that my_new:Sharp can be made of, but it raises AttributeError: "
            "'Sharp' object has no attribute 'missing'",
        ),
    ],
)
def test_a_description_that_cannot_be_made_is_told(load: Load, field: str, written: str, said: str) -> None:
    source = OBJECTIVE.replace("    critic_form", f"    {field}\n    critic_form")
    text = f'[[conditions]]\nname = "mine"\nobjective = {{kind = "my_new:Sharp"{"," if written else ""} {written}}}'
    assert refusal(load, text, my_new=source).startswith(f"conditions.mine.objective{said}")


@pytest.mark.parametrize(
    ("key", "reference", "contract"),
    [
        ("data", "my_sharp:Sharp", "AnyData"),
        ("constraint", "my_sharp:Sharp", "AnyConstraint"),
        ("networks.generator", "my_rest:Plain", "AnyGenerator"),
        ("networks.critic", "my_rest:Halved", "AnyCritic"),
    ],
)
def test_each_place_has_its_own_contract(load: Load, key: str, reference: str, contract: str) -> None:
    name = reference.partition(":")[2]
    assert f"{key}.kind: must name a subclass of gan_core.{contract}, but {name} is none" in refusal(
        load, ONE, f'{key}.kind="{reference}"'
    )


def test_what_has_no_contract_takes_no_class_of_ones_own(load: Load) -> None:
    said = refusal(load, ONE, 'training.critic_optimizer.kind="my_sharp:Sharp"')
    assert said.startswith("training.critic_optimizer.kind: must be one of adam, rmsprop, sgd, but is ")


def test_a_generator_must_say_its_latent_and_data_their_sizes(load: Load) -> None:
    source = REST.replace("return Sizes(train=self.points, reference=80)", "return 7")
    assert (
        refusal(load, ALL, my_rest=source) == "data.kind: my_rest:Blob must say sizes, a gan_core.Sizes, but it says 7"
    )


@pytest.mark.parametrize(
    ("name", "other"),
    [("json", "Python's own json"), ("studies", "the package studies of gan-studies")],
)
def test_a_module_that_would_replace_another_is_refused(load: Load, tmp_path: Path, name: str, other: str) -> None:
    assert refusal(load, named(f"{name}:Sharp"), **{name: OBJECTIVE}) == (
        f"{KIND}{tmp_path / name}.py must have another name, since it would replace {other} on the workers"
    )


def test_a_module_that_python_finds_elsewhere_is_refused(load: Load, tmp_path: Path) -> None:
    import pandas

    assert refusal(load, named("pandas:Sharp"), pandas=OBJECTIVE) == (
        f"{KIND}{tmp_path / 'pandas'}.py must have another name, since Python finds {pandas.__file__} before it"
    )
    (tmp_path / "pandas.py").unlink()
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "my_sharp.py").write_text("")
    sys.path.insert(0, str(tmp_path / "front"))
    assert refusal(load).endswith(f"since Python finds {tmp_path / 'front' / 'my_sharp.py'} before it")


def test_what_a_module_imports_from_beside_must_not_be_found_elsewhere_either(load: Load, tmp_path: Path) -> None:
    said = refusal(load, my_sharp="import random\n" + OBJECTIVE, random="")
    assert said.startswith(
        f"{KIND}{tmp_path / 'random'}.py must have another name, since it would replace Python's own"
    )


def test_one_process_holds_one_module_of_a_name(load: Load, tmp_path: Path) -> None:
    load()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "my_sharp.py").write_text(OBJECTIVE)
    (tmp_path / "other" / "study.toml").write_text(HEAD + ONE)
    with pytest.raises(InputError, match=r"since Python finds .*my_sharp.py before it$"):
        load_study(tmp_path / "other" / "study.toml")


# -- the address ------------------------------------------------------------------------------------------------------


def test_the_address_holds_the_source_of_what_a_trial_uses(load: Load) -> None:
    first = planned(load())
    assert list(first["mine-explore-0"].identity["surroundings"]["sources"]) == ["my_sharp"]
    assert "sources" not in first["ours-explore-0"].identity["surroundings"]
    then = planned(load(ONE, my_sharp=OBJECTIVE + "\n# another thought\n"))
    assert then["mine-explore-0"].address != first["mine-explore-0"].address
    assert then["ours-explore-0"].address == first["ours-explore-0"].address
    back = planned(load(ONE, my_sharp=OBJECTIVE))
    assert {name: trial.address for name, trial in back.items()} == {n: trial.address for n, trial in first.items()}


def test_the_source_holds_what_the_module_imports_from_beside_it_and_nothing_else(load: Load) -> None:
    before = _surroundings(load(ONE, my_sharp="import my_helper\n" + OBJECTIVE, my_helper="X = 1", my_other="Y = 1"))
    assert _surroundings(load(ONE, my_other="Y = 2")) == before
    assert _surroundings(load(ONE, my_helper="X = 2")) != before


def test_a_packages_source_is_every_file_of_it_but_hidden_ones(load: Load, tmp_path: Path) -> None:
    package = tmp_path / "my_package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(OBJECTIVE)
    (package / "inner" / "part.py").write_text("X = 1")
    text = ONE.replace("my_sharp", "my_package")
    before = _surroundings(load(text))
    (package / ".checkpoints").mkdir()
    (package / ".checkpoints" / "part.py").write_text("X = 2")
    assert _surroundings(load(text)) == before
    (package / "inner" / "part.py").write_text("X = 2")
    assert _surroundings(load(text)) != before


def test_studies_without_a_module_of_the_users_keep_their_addresses() -> None:
    study = load_study("first-study")
    assert _surroundings(study).sources == {}
    assert all("sources" not in trial.identity["surroundings"] for trial in planned(study).values())


def test_a_submit_ships_what_the_study_names_and_its_driver_finds_the_same(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(ALL)
    content = pack(study, tmp_path / "study.toml", attempt=1, versions={}, git=None)
    here = planned(study)
    elsewhere()
    (tmp_path / "job").mkdir()
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path / "job")
    monkeypatch.chdir(tmp_path / "job")
    submission = json.loads(Path("submission.json").read_text())
    with modules.beside(Path()):  # as services.driver does
        there = Study.from_table(submission["study"])
    assert there.table() == study.table()
    assert {name: trial.address for name, trial in planned(there).items()} == {n: t.address for n, t in here.items()}
    assert modules.folder_of(there.table()) == str(tmp_path / "job")


# -- trials -----------------------------------------------------------------------------------------------------------


class Diary(Listener):
    def __init__(self) -> None:
        self.ran: list[str] = []

    def ended(self, planned: Planned, entry: Entry) -> None:
        self.ran.append(planned.name)


@pytest.mark.parametrize("text", [ONE, ALL], ids=["one", "all"])
def test_a_study_runs_with_ones_own_kinds_and_again_only_where_their_source_changed(load: Load, text: str) -> None:
    def run(**files: str) -> set[str]:
        diary = Diary()
        ending = run_without_ray(load(text, **files), diary)
        assert (ending.failed, ending.interrupted) == ([], False)
        return {name.partition("-")[0] for name in diary.ran}

    conditions = {condition.name for condition in load(text).conditions}
    assert run() == conditions
    assert run() == set()
    assert run(my_sharp=OBJECTIVE + "\n# another thought\n") == {"mine"}


def test_a_worker_plays_a_trial_of_a_module_that_it_finds_in_the_studys_folder(load: Load, tmp_path: Path) -> None:
    study = load(ALL)
    trial = planned(study)["mine-explore-0"]
    elsewhere()
    modules.look_in(tmp_path)
    run = TrialRun(trial.identity, ledger_of(study).entry(trial.address))
    run.play(0.5)
    assert run.turn > 0


def test_a_worker_without_the_module_or_with_another_ends_the_trial_with_one_sentence(
    load: Load, tmp_path: Path
) -> None:
    study = load()
    trial = planned(study)["mine-explore-0"]
    known = trial.identity["surroundings"]["sources"]["my_sharp"]
    entry = ledger_of(study).entry(trial.address)
    elsewhere()
    with pytest.raises(InputError, match=r"^the study: needs the module my_sharp, which Python does not find$"):
        TrialRun(trial.identity, entry)
    modules.look_in(tmp_path)
    (tmp_path / "my_sharp.py").write_text(OBJECTIVE + "\n# another thought\n")
    for _ in range(2):
        with pytest.raises(InputError) as refused:
            TrialRun(trial.identity, entry)
        assert str(refused.value).startswith(
            f"my_sharp: must have the source that the study was started with ({known})"
        )
    (tmp_path / "my_sharp.py").write_text(OBJECTIVE)
    TrialRun(trial.identity, entry)


def test_a_fault_in_ones_own_code_ends_its_trials_and_no_others(load: Load) -> None:
    study = load(ONE, my_sharp=OBJECTIVE.replace("s = self.sharpness", "s = self.sharpnes"))
    ending = run_without_ray(study)
    assert {trial.condition for trial in ending.failed} == {"mine"}
    error = ledger_of(study).entry(ending.failed[0].address).error()
    assert error == "AttributeError: 'Sharp' object has no attribute 'sharpnes'"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return Dataset(", "return dict(", 'kind "my_rest:Blob" must load a gan_core.Dataset, but loads dict'),
        (".astype(np.float32)", "", "float32 samples, each flattened in a row, but train is float64 of shape (150, 2)"),
        (
            "reference=80",
            "reference=90",
            "150 samples to train with, 90 for the search and as many to confirm, as it says, but loads 150, 80 and 80",
        ),
        ("bounded=False", "bounded=True", "numbers in [-1, 1], since it says bounded, but train holds others"),
        (
            "return Dataset(",
            "cloud[:] = np.nan\n        return Dataset(",
            "must load finite numbers, but train holds others",
        ),
        (
            "return Dataset(",
            "1 / 0\n        return Dataset(",
            "must load samples, but it raises ZeroDivisionError: division by zero (my_rest.py, line",
        ),
    ],
)
def test_data_that_are_not_what_they_say_are_refused_before_the_study_starts(
    load: Load, old: str, new: str, said: str
) -> None:
    source = REST.replace(old, new).replace("cloud * np.array(self.spread, dtype=np.float32)", "cloud * 0.5")
    with pytest.raises(InputError) as refused:
        run_without_ray(load(ALL, my_rest=source))
    assert str(refused.value).startswith("data: ")
    assert said in str(refused.value)


def test_samples_that_are_others_on_a_worker_end_the_trial(load: Load) -> None:
    study = load(ALL, my_rest=REST.replace("default_rng(7)", "default_rng()"))
    ending = run_without_ray(study)
    error = ledger_of(study).entry(ending.failed[0].address).error()
    assert error is not None
    assert error.startswith("InputError: data: must be the samples that the study was started with (")


# -- results without the class --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [ONE, ALL], ids=["one", "all"])
def test_results_need_no_class_but_for_what_it_computes(
    load: Load, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(text)
    run_without_ray(study)
    there = results("own", root=study.ledger.root)
    assert there.best("mine").generator()(3).shape[0] == 3
    elsewhere()
    (tmp_path / "my_sharp.py").rename(tmp_path / "gone.py")
    if text is ALL:
        (tmp_path / "my_rest.py").unlink()
    here = results("own", root=study.ledger.root)
    for table in ("ranking", "trials", "members", "curves"):
        assert getattr(here, table).equals(getattr(there, table))
    assert here.study.table() == study.table()
    with pytest.raises(InputError, match=r"^the study: needs the module my_"):
        here.best("mine").setting if text is ONE else here.data
    if text is ONE:
        assert here.best("mine").generator()(3).shape[0] == 3  # a network of ours
        (tmp_path / "gone.py").rename(tmp_path / "my_sharp.py")
        monkeypatch.chdir(tmp_path)
        assert here.best("mine").setting.objective.kind == "my_sharp:Sharp"


# -- as a user would ------------------------------------------------------------------------------------------------


def test_the_command_says_one_sentence_and_leaves_with_2(load: Load, tmp_path: Path) -> None:
    load(named("my_sharp:Sharp"))
    (tmp_path / "my_sharp.py").write_text("1 / 0")
    done = subprocess.run(
        command(["validate", str(tmp_path / "study.toml")]), cwd="/", capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr == (
        "gan-study: conditions.mine.objective.kind: needs the module my_sharp, which raises ZeroDivisionError: "
        "division by zero (my_sharp.py, line 1) when it is imported\n"
    )


@pytest.mark.slow
def test_the_command_runs_a_study_of_another_folder_whose_workers_find_its_modules(load: Load, tmp_path: Path) -> None:
    load(ALL)
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        command(["run", "../study.toml", "--no-tracking", "--set", f"ledger.root={tmp_path / 'ledger'}"]),
        cwd=tmp_path / "work",
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    elsewhere()
    found = results("own", root=tmp_path / "ledger")
    assert set(found.trials["state"]) == {"finished"}
    assert list(found.ranking["condition"]) == ["mine"]


# -- networks -------------------------------------------------------------------------------------------------------

TORCH = """
from dataclasses import dataclass

from gan_core import AutogradCritic, ModuleCritic, ModuleGenerator
from torch import nn


@dataclass(frozen=True, kw_only=True)
class Normed(ModuleCritic):
    width: int = 8
    batch_norm: bool = False
    form = "score"

    def module(self, space):
        norm = nn.BatchNorm1d if self.batch_norm else nn.LayerNorm
        return nn.Sequential(nn.Linear(space.dim, self.width), norm(self.width), nn.SiLU(), nn.Linear(self.width, 1))


@dataclass(frozen=True, kw_only=True)
class Drawn(ModuleGenerator):
    width: int = 8
    short: int = 0
    latent: int = 3

    def module(self, space):
        layers = nn.Linear(self.latent, self.width), nn.SiLU(), nn.Linear(self.width, space.dim - self.short)
        return nn.Sequential(*layers, nn.Tanh())


@dataclass(frozen=True, kw_only=True)
class Broken(AutogradCritic):
    form = "score"

    def initial(self, space, generator):
        return {"weight": 1 / 0}

    def criticise(self, parameters, points, space):
        return None
"""
MODULES = """
[[conditions]]
name = "mine"
preset = "wgan-gp"
training.n_critic = 1
networks.generator = {kind = "my_torch:Drawn"}
networks.critic = {kind = "my_torch:Normed", width = {choice = [6, 7]}}
"""


def test_a_study_is_played_with_torch_modules(load: Load) -> None:
    study = load(MODULES, my_torch=TORCH)
    run_without_ray(study)
    found = results("own", root=study.ledger.root)
    assert set(found.trials["state"]) == {"finished"}
    assert found.best("mine").generator()(5).shape == (5, 1, 8, 8)


@pytest.mark.parametrize(
    ("role", "network", "sentence"),
    [
        (
            "critic",
            '{kind = "my_torch:Normed", batch_norm = true}',
            "my_torch:Normed must fit into a game: BatchNorm1d mixes the samples of a batch, which a network must "
            "treat one by one; use LayerNorm",
        ),
        (
            "generator",
            '{kind = "my_torch:Drawn", short = 1}',
            "my_torch:Drawn must fit into a game: the module must give 64 numbers a sample, but gives 63",
        ),
        (
            "critic",
            '{kind = "my_torch:Broken"}',
            "my_torch:Broken must fit into a game, but it raises ZeroDivisionError: division by zero "
            "(my_torch.py, line 35)",
        ),
    ],
)
def test_a_network_that_cannot_play_is_told_before_the_start(
    load: Load, role: str, network: str, sentence: str
) -> None:
    text = f'[[conditions]]\nname = "mine"\npreset = "wgan-gp"\nnetworks.{role} = {network}'
    assert refusal(load, text, my_torch=TORCH) == f"conditions.mine.networks.{role}: {sentence}"
