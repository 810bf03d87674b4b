"""User-defined kinds: references in a study file, errors, addresses, trials and results."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import clean_environment, command, ledger_of, run_without_ray

from gan_core.objectives import AnyObjective
from services.package import pack
from studies.design import Design, Packs, TrialSpec, payload
from studies.errors import InputError
from studies.execution.pack_training import PackTraining
from studies.execution.runner import _provenance
from studies.file import modules
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.ledger.trial_records import TrialRecord
from studies.locate import results
from studies.progress.events import Listener
from studies.reporting.terminal.outline import outline

OBJECTIVE = '''
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt
from gan_core import Stateless
from torch.nn.functional import softplus


@dataclass(frozen=True, kw_only=True)
class Sharp(Stateless):
    """Non-saturating, with scores multiplied by `sharpness`."""

    sharpness: Annotated[float, Gt(0)] = 1.0
    side: Literal["left", "right"] = "left"
    critic_form = "score"

    def critic_loss(self, real, fake, state):
        s = self.sharpness
        return (softplus(-s * real.value) + softplus(s * fake.value)).mean(-1)

    def generator_loss(self, real, fake, state):
        return softplus(-self.sharpness * fake.value).mean(-1)
'''

REST = '''
from dataclasses import dataclass

import numpy as np
import torch
from gan_core import AnyConstraint, AnyData, Dataset, MLPCritic, MLPGenerator, Sizes, WeightClipping


@dataclass(frozen=True, kw_only=True)
class Halved(MLPGenerator):
    """A fully connected generator whose output is halved."""

    def generate(self, parameters, z, shape):
        return super().generate(parameters, z, shape) / 2


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
        return Sizes(train=self.points, held_out=80)

    def load(self):
        cloud = np.random.default_rng(7).standard_normal((self.points + 160, 2)).astype(np.float32)
        cloud = cloud * np.array(self.spread, dtype=np.float32)
        train, validation, test = np.split(cloud, [self.points, self.points + 80])
        return Dataset(name="blob", train=train, validation=validation, test=test, shape=(2,), bounded=False)
'''

HEAD = """
# Is it sharp?
name = "own"
seeds = 2
budget = {unit = "generator_steps", steps = 12}
search = {explore = 2, packs = false, exploit = {trials = 1}, confirm = {best = 1, seeds = 2}}
evaluation = {measurements = 4, samples = 64, directions = 16, cells = 4}
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
def _restore_imports(fresh_imports: None) -> None:
    """Undo a test's imports and changes of the path."""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "my_sharp.py").write_text(OBJECTIVE)
    (tmp_path / "my_rest.py").write_text(REST)

    def load_text(text: str = ONE, *overrides: str, **files: str) -> Study:
        for name, content in files.items():
            (tmp_path / f"{name}.py").write_text(content)
        (tmp_path / "study.toml").write_text(HEAD + text)
        return Study.load(tmp_path / "study.toml", overrides=[f"ledger.root={tmp_path / 'ledger'}", *overrides])

    return load_text


def refusal(load: Load, *arguments: str, **files: str) -> str:
    with pytest.raises(InputError) as refused:
        load(*arguments, **files)
    return str(refused.value)


def specs_by_name(study: Study) -> dict[str, TrialSpec]:
    return {trial.name: trial for trial in Design(study, _provenance(study)).trials({})}


def imitate_other_process() -> None:
    """Forget all users' modules and folders, as in a process that has read no study file."""
    for name in list(modules._imported):
        modules._forget(name)
    sys.path[:] = [entry for entry in sys.path if "pytest-of" not in entry]


# -- references ----------------------------------------------------------------------------------------------------


def test_a_kind_may_be_a_class_of_a_module_next_to_the_study_file(load: Load) -> None:
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


def test_every_contract_accepts_a_users_class(load: Load) -> None:
    study = load(ALL)
    setting = next(study.condition("mine").extreme_settings())
    assert [type(part).__name__ for part in (setting.objective, setting.constraint)] == ["Sharp", "Tight"]
    assert type(setting.networks.generator).__name__ == "Halved"
    assert type(setting.networks.critic).__name__ == "Plain"
    assert study.data.kind == "my_rest:Blob"
    assert study.table()["data"] == {"kind": "my_rest:Blob", "points": 150, "spread": [0.5, 0.9]}
    assert load_samples(study.data).train.shape == (150, 2)


def test_a_shared_table_may_name_a_users_class_and_a_condition_may_change_its_fields(load: Load) -> None:
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
def test_a_study_is_read_back_from_its_table_in_this_process_and_another(
    load: Load, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(text)
    table = json.loads(json.dumps(study.table(), allow_nan=False))
    assert Study.from_table(table) == study
    assert Study.from_table(table).table() == table
    imitate_other_process()
    monkeypatch.chdir(tmp_path)
    assert Study.from_table(table).table() == table


def test_a_class_may_be_in_a_package_and_define_a_kind(load: Load, tmp_path: Path) -> None:
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
    assert list(_provenance(study).sources) == ["my_package"]


def test_the_folder_is_appended_to_the_path_only_for_studies_with_a_users_class(load: Load, tmp_path: Path) -> None:
    before = list(sys.path)
    load('[[conditions]]\nname = "ours"\nobjective.kind = "minimax"')
    assert sys.path == before
    load()
    load()
    assert sys.path == [*before, str(tmp_path)]
    assert not (tmp_path / "__pycache__").exists()


def test_a_changed_module_is_imported_again_with_the_modules_that_it_imports(load: Load) -> None:
    helper = OBJECTIVE.replace("from annotated_types", "from my_helper import FACTOR\nfrom annotated_types")
    text = ONE.replace("{uniform = [0.5, 2.0]}", "1.0")
    load(text, my_sharp=helper.replace("Gt(0)] = 1.0", "Gt(0)] = FACTOR"), my_helper="FACTOR = 1.0")
    text = text.replace(", sharpness = 1.0", "")
    assert next(load(text).condition("mine").extreme_settings()).objective.sharpness == 1.0  # type: ignore[union-attr]
    study = load(text, my_helper="FACTOR = 2.0")
    assert next(study.condition("mine").extreme_settings()).objective.sharpness == 2.0  # type: ignore[union-attr]


# -- errors --------------------------------------------------------------------------------------------------------

KIND = "conditions.mine.objective.kind: "


def named(reference: str) -> str:
    return f'[[conditions]]\nname = "mine"\nobjective.kind = "{reference}"'


@pytest.mark.parametrize(
    "reference", ["my_sharp:", ":Sharp", "my sharp:Sharp", "my_sharp:Sharp:2", "../my_sharp:Sharp"]
)
def test_a_reference_must_be_a_module_and_a_class(load: Load, reference: str) -> None:
    assert refusal(load, named(reference)) == (
        f'{KIND}must be MODULE:CLASS, as in my_module:MyObjective, but is "{reference}"'
    )


def test_a_module_must_be_in_the_folder_of_the_study_file(load: Load, tmp_path: Path) -> None:
    must = f"{KIND}must name a module in the folder of the study file, but {tmp_path} has neither"
    assert refusal(load, named("my_shrap:Sharp")) == (
        f"{must} my_shrap.py nor my_shrap/__init__.py; did you mean my_sharp?"
    )
    assert refusal(load, named("torch.nn:Linear")) == f"{must} torch.py nor torch/__init__.py"
    assert refusal(load, named("my_sharp.deeper:Sharp")) == (
        f"{KIND}needs the module my_sharp.deeper, which Python does not find"
    )


def test_a_study_of_the_catalog_cannot_name_a_users_class() -> None:
    with pytest.raises(InputError) as refused:
        Study.load("first-study", overrides=['objective.kind="my_sharp:Sharp"'])
    assert str(refused.value) == (
        "objective.kind: must be a kind of this library in a study of the catalog, whose folder holds no modules"
    )


@pytest.mark.parametrize(
    ("source", "message"),
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
def test_a_module_that_cannot_be_imported_is_refused_with_the_line(load: Load, source: str, message: str) -> None:
    assert refusal(load, named("my_new:Sharp"), my_new=source) == (
        f"{KIND}needs the module my_new, which raises {message} when it is imported"
    )
    load(named("my_new:Sharp"), my_new=OBJECTIVE)  # once it is mended, in the same process


DATACLASS = "from dataclasses import dataclass\nfrom gan_core import *\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Sharpe: pass", "must name a class of my_new, but it has no Sharp; did you mean Sharpe?"),
        ("Sharp = 3", "must name a subclass of gan_core.AnyObjective, but Sharp is 3"),
        ("def Sharp(): pass", "must name a subclass of gan_core.AnyObjective, but Sharp is not a class"),
        ("class Sharp: pass", "must name a subclass of gan_core.AnyObjective, but Sharp is not one"),
        ("Sharp = WeightClipping", "must name a subclass of gan_core.AnyObjective, but Sharp is not one"),
        ("class Sharp(Wasserstein): pass", "must name a @dataclass(frozen=True), but Sharp is not a dataclass"),
        (
            "@dataclass(frozen=True)\nclass Sharp(Stateless): pass",
            "must name a class without abstract methods, but Sharp does not define critic_loss, generator_loss",
        ),
        (
            OBJECTIVE.replace('critic_form = "score"', 'critic_form = "scores"'),
            'my_new:Sharp must define critic_form, "score" or "energy", but it is "scores"',
        ),
        (
            OBJECTIVE.replace('critic_form = "score"', ""),
            'my_new:Sharp must define critic_form, "score" or "energy", but it is not defined',
        ),
    ],
)
def test_a_class_must_be_a_complete_frozen_dataclass_of_the_contract(load: Load, source: str, message: str) -> None:
    assert refusal(load, named("my_new:Sharp"), my_new=DATACLASS + source) == KIND + message


def test_a_class_that_is_not_frozen_is_refused(load: Load) -> None:
    loose = DATACLASS + "@dataclass\nclass Sharp(Stateless):\n    critic_form = 'score'\n"
    loose += "    def critic_loss(self, real, fake, state): ...\n    def generator_loss(self, real, fake, state): ...\n"
    assert refusal(load, named("my_new:Sharp"), my_new=loose) == (
        f"{KIND}must name a @dataclass(frozen=True), but Sharp is not frozen"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("sharpnes = 1.0", "sharpnes: unknown key; did you mean sharpness?"),
        ("other = 1.0", "other: unknown key; the keys of my_sharp:Sharp are kind, sharpness, side"),
        ("sharpness = 0.0", "sharpness: must be > 0, but is 0.0"),
        ('sharpness = "much"', 'sharpness: must be a number, but is "much"'),
        ("sharpness = {uniform = [-1.0, 1.0]}", "sharpness: must be > 0, but uniform = [-1.0, 1.0] gives -1.0"),
        ('side = "up"', 'side: must be one of left, right, but is "up"'),
    ],
)
def test_fields_are_validated_by_their_annotations(load: Load, fields: str, message: str) -> None:
    text = f'[[conditions]]\nname = "mine"\nobjective = {{kind = "my_sharp:Sharp", {fields}}}'
    assert refusal(load, text) == f"conditions.mine.objective.{message}"


@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        ("needed: float", "", ".needed: must be given"),
        (
            "wild: Stateless = None",
            "wild = 3",
            ".wild: must be annotated as a number, text, true or false, or a tuple of those",
        ),
        (
            "wild: object = object",
            "",
            ": must be a table that my_new:Sharp accepts, but it raises TypeError: "
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
            ": must be a table that my_new:Sharp accepts, but it raises AttributeError: "
            "'Sharp' object has no attribute 'missing'",
        ),
    ],
)
def test_a_users_class_that_cannot_be_instantiated_is_refused(
    load: Load, field: str, written: str, message: str
) -> None:
    source = OBJECTIVE.replace("    critic_form", f"    {field}\n    critic_form")
    text = f'[[conditions]]\nname = "mine"\nobjective = {{kind = "my_new:Sharp"{"," if written else ""} {written}}}'
    assert refusal(load, text, my_new=source).startswith(f"conditions.mine.objective{message}")


@pytest.mark.parametrize(
    ("key", "reference", "contract"),
    [
        ("data", "my_sharp:Sharp", "AnyData"),
        ("constraint", "my_sharp:Sharp", "AnyConstraint"),
        ("networks.generator", "my_rest:Plain", "AnyGenerator"),
        ("networks.critic", "my_rest:Halved", "AnyCritic"),
    ],
)
def test_each_key_requires_its_own_contract(load: Load, key: str, reference: str, contract: str) -> None:
    name = reference.partition(":")[2]
    assert f"{key}.kind: must name a subclass of gan_core.{contract}, but {name} is not one" in refusal(
        load, ONE, f'{key}.kind="{reference}"'
    )


def test_an_optimizer_cannot_be_a_users_class(load: Load) -> None:
    message = refusal(load, ONE, 'training.critic_optimizer.kind="my_sharp:Sharp"')
    assert message.startswith("training.critic_optimizer.kind: must be one of adam, rmsprop, sgd, but is ")


def test_a_users_data_class_must_define_its_sizes(load: Load) -> None:
    source = REST.replace("return Sizes(train=self.points, held_out=80)", "return 7")
    assert (
        refusal(load, ALL, my_rest=source) == "data.kind: my_rest:Blob must define sizes, a gan_core.Sizes, but it is 7"
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


def test_a_module_that_another_one_imports_must_not_replace_pythons_own(load: Load, tmp_path: Path) -> None:
    message = refusal(load, my_sharp="import random\n" + OBJECTIVE, random="")
    assert message.startswith(
        f"{KIND}{tmp_path / 'random'}.py must have another name, since it would replace Python's own"
    )


def test_two_modules_of_one_name_cannot_be_used_in_one_process(load: Load, tmp_path: Path) -> None:
    load()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "my_sharp.py").write_text(OBJECTIVE)
    (tmp_path / "other" / "study.toml").write_text(HEAD + ONE)
    with pytest.raises(InputError, match=r"since Python finds .*my_sharp.py before it$"):
        Study.load(tmp_path / "other" / "study.toml")


# -- addresses --------------------------------------------------------------------------------------------------------


def test_the_address_depends_on_the_source_of_the_modules_that_the_trial_uses(load: Load) -> None:
    first = specs_by_name(load())
    assert list(first["mine-explore-0"].identity["provenance"]["sources"]) == ["my_sharp"]
    assert "sources" not in first["ours-explore-0"].identity["provenance"]
    then = specs_by_name(load(ONE, my_sharp=OBJECTIVE + "\n# another thought\n"))
    assert then["mine-explore-0"].address != first["mine-explore-0"].address
    assert then["ours-explore-0"].address == first["ours-explore-0"].address
    back = specs_by_name(load(ONE, my_sharp=OBJECTIVE))
    assert {name: trial.address for name, trial in back.items()} == {n: trial.address for n, trial in first.items()}


def test_the_source_includes_imported_modules_of_the_folder_and_no_others(load: Load) -> None:
    before = _provenance(load(ONE, my_sharp="import my_helper\n" + OBJECTIVE, my_helper="X = 1", my_other="Y = 1"))
    assert _provenance(load(ONE, my_other="Y = 2")) == before
    assert _provenance(load(ONE, my_helper="X = 2")) != before


def test_the_source_of_a_package_is_all_its_files_except_hidden_ones(load: Load, tmp_path: Path) -> None:
    package = tmp_path / "my_package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(OBJECTIVE)
    (package / "inner" / "part.py").write_text("X = 1")
    text = ONE.replace("my_sharp", "my_package")
    before = _provenance(load(text))
    (package / ".checkpoints").mkdir()
    (package / ".checkpoints" / "part.py").write_text("X = 2")
    assert _provenance(load(text)) == before
    (package / "inner" / "part.py").write_text("X = 2")
    assert _provenance(load(text)) != before


def test_a_study_without_a_users_module_has_no_sources() -> None:
    study = Study.load("first-study")
    assert _provenance(study).sources == {}
    assert all("sources" not in trial.identity["provenance"] for trial in specs_by_name(study).values())


def test_a_submitted_package_gives_the_same_study_and_addresses(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(ALL)
    content = pack(study, tmp_path / "study.toml", attempt=1, versions={}, git=None)
    specs = specs_by_name(study)
    imitate_other_process()
    (tmp_path / "job").mkdir()
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path / "job")
    monkeypatch.chdir(tmp_path / "job")
    submission = json.loads(Path("submission.json").read_text())
    with modules.modules_in(Path()):  # as services.driver does
        received = Study.from_table(submission["study"])
    assert received.table() == study.table()
    assert {name: trial.address for name, trial in specs_by_name(received).items()} == {
        n: t.address for n, t in specs.items()
    }
    assert modules.folder_of(received.table()) == str(tmp_path / "job")


# -- trials -----------------------------------------------------------------------------------------------------------


class Record(Listener):
    def __init__(self) -> None:
        self.ran: list[str] = []

    def ended(self, trial: TrialRecord) -> None:
        self.ran.append(trial.spec.name)


@pytest.mark.parametrize("text", [ONE, ALL], ids=["one", "all"])
def test_a_study_with_users_classes_runs_again_only_the_trials_whose_source_changed(load: Load, text: str) -> None:
    def run(**files: str) -> set[str]:
        record = Record()
        ending = run_without_ray(load(text, **files), record)
        assert (ending.without_result, ending.interrupted) == ([], False)
        return {name.partition("-")[0] for name in record.ran}

    conditions = {condition.name for condition in load(text).conditions}
    assert run() == conditions
    assert run() == set()
    assert run(my_sharp=OBJECTIVE + "\n# another thought\n") == {"mine"}


def test_a_worker_trains_with_a_module_of_the_studys_folder(load: Load, tmp_path: Path) -> None:
    study = load(ALL)
    trial = specs_by_name(study)["mine-explore-0"]
    imitate_other_process()
    modules.add_module_folder(tmp_path)
    run = PackTraining(json.loads(payload([trial])), ledger_of(study).unfinished(trial.key))
    run.advance(0.5)
    assert run.iteration > 0


def test_a_worker_refuses_a_missing_or_changed_module_in_one_sentence(load: Load, tmp_path: Path) -> None:
    study = load()
    trial = specs_by_name(study)["mine-explore-0"]
    known = trial.identity["provenance"]["sources"]["my_sharp"]
    sent, unfinished = json.loads(payload([trial])), ledger_of(study).unfinished(trial.key)
    imitate_other_process()
    with pytest.raises(InputError, match=r"^the study: needs the module my_sharp, which Python does not find$"):
        PackTraining(sent, unfinished)
    modules.add_module_folder(tmp_path)
    (tmp_path / "my_sharp.py").write_text(OBJECTIVE + "\n# another thought\n")
    for _ in range(2):
        with pytest.raises(InputError) as refused:
            PackTraining(sent, unfinished)
        assert str(refused.value).startswith(
            f"my_sharp: must have the source that the study was started with ({known})"
        )
    (tmp_path / "my_sharp.py").write_text(OBJECTIVE)
    PackTraining(sent, unfinished)


def test_an_exception_of_a_users_class_ends_its_own_trials_alone(load: Load) -> None:
    study = load(ONE, my_sharp=OBJECTIVE.replace("s = self.sharpness", "s = self.sharpnes"))
    ending = run_without_ray(study)
    assert {trial.spec.condition for trial in ending.without_result} == {"mine"}
    assert {trial.state for trial in ending.without_result} == {"error"}
    end = ledger_of(study).unfinished(ending.without_result[0].spec.key).end()
    assert end is not None
    line = OBJECTIVE[: OBJECTIVE.index("s = self.sharpness")].count("\n") + 1
    assert end.reason == f"AttributeError: 'Sharp' object has no attribute 'sharpnes' (my_sharp.py, line {line})"
    assert re.search(r'File ".*my_sharp.py", line \d+, in ', end.detail)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return Dataset(", "return dict(", 'kind "my_rest:Blob" must load a gan_core.Dataset, but loads dict'),
        (
            ".astype(np.float32)",
            "",
            "float32 or uint8 samples, each flattened in a row, but train is float64 of shape (150, 2)",
        ),
        (
            "held_out=80",
            "held_out=90",
            "150 training, 90 validation and 90 test samples, as its sizes declare, but loads 150, 80 and 80",
        ),
        (
            "bounded=False",
            "bounded=True",
            "numbers in [-1, 1], since its samples are declared bounded, but train holds numbers from",
        ),
        (
            "return Dataset(",
            "cloud[:] = np.nan\n        return Dataset(",
            "must load finite numbers, but train holds NaN or infinity",
        ),
        (
            "return Dataset(",
            "1 / 0\n        return Dataset(",
            "must load samples, but it raises ZeroDivisionError: division by zero (my_rest.py, line",
        ),
    ],
)
def test_samples_that_differ_from_their_declaration_are_refused_before_the_study_starts(
    load: Load, old: str, new: str, message: str
) -> None:
    source = REST.replace(old, new).replace("cloud * np.array(self.spread, dtype=np.float32)", "cloud * 0.5")
    with pytest.raises(InputError) as refused:
        run_without_ray(load(ALL, my_rest=source))
    assert str(refused.value).startswith("data: ")
    assert message in str(refused.value)


def test_trials_are_lost_on_a_worker_whose_samples_differ(load: Load) -> None:
    study = load(ALL, my_rest=REST.replace("default_rng(7)", "default_rng()"))
    ending = run_without_ray(study)
    assert {trial.state for trial in ending.without_result} == {"lost"}
    end = ending.without_result[0].end
    assert end is not None
    assert end.reason.startswith("InputError: data: must be the samples that the study was started with (")


# -- results without the class --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [ONE, ALL], ids=["one", "all"])
def test_results_are_read_without_the_users_class_except_where_it_computes(
    load: Load, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(text)
    run_without_ray(study)
    with_class = results("own", root=study.ledger.root)
    assert with_class.best("mine").generator()(3).shape[0] == 3
    imitate_other_process()
    (tmp_path / "my_sharp.py").rename(tmp_path / "gone.py")
    if text is ALL:
        (tmp_path / "my_rest.py").unlink()
    without_class = results("own", root=study.ledger.root)
    for table in ("ranking", "trials", "members", "curves"):
        assert getattr(without_class, table).equals(getattr(with_class, table))
    assert without_class.study.table() == study.table()
    with pytest.raises(InputError, match=r"^the study: needs the module my_"):
        without_class.best("mine").setting if text is ONE else without_class.data
    if text is ONE:
        assert without_class.best("mine").generator()(3).shape[0] == 3  # a network of ours
        (tmp_path / "gone.py").rename(tmp_path / "my_sharp.py")
        monkeypatch.chdir(tmp_path)
        assert without_class.best("mine").setting.objective.kind == "my_sharp:Sharp"


# -- command line ---------------------------------------------------------------------------------------------------


def test_the_command_prints_one_sentence_and_exits_with_2(load: Load, tmp_path: Path) -> None:
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
def test_the_command_runs_a_study_of_another_folder_with_its_modules(load: Load, tmp_path: Path) -> None:
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
    imitate_other_process()
    read = results("own", root=tmp_path / "ledger")
    assert set(read.trials["state"]) == {"finished"}
    assert list(read.ranking["condition"]) == ["mine"]


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

    def module(self, shape):
        norm = nn.BatchNorm1d if self.batch_norm else nn.LayerNorm
        first = nn.Sequential(nn.Flatten(), nn.Linear(shape.dim, self.width))
        return nn.Sequential(first, norm(self.width), nn.SiLU(), nn.Linear(self.width, 1))


@dataclass(frozen=True, kw_only=True)
class Drawn(ModuleGenerator):
    width: int = 8
    short: int = 0
    latent: int = 3

    def module(self, shape):
        layers = nn.Linear(self.latent, self.width), nn.SiLU(), nn.Linear(self.width, shape.dim - self.short)
        return nn.Sequential(*layers, nn.Tanh())


@dataclass(frozen=True, kw_only=True)
class Broken(AutogradCritic):
    form = "score"

    def initial(self, shape, generator):
        return {"weight": 1 / 0}

    def call(self, parameters, samples, shape):
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


def test_a_study_trains_torch_modules(load: Load) -> None:
    study = load(MODULES, my_torch=TORCH)
    run_without_ray(study)
    read = results("own", root=study.ledger.root)
    assert set(read.trials["state"]) == {"finished"}
    assert read.best("mine").generator()(5).shape == (5, 1, 8, 8)


@pytest.mark.parametrize(
    ("role", "network", "sentence"),
    [
        (
            "critic",
            '{kind = "my_torch:Normed", batch_norm = true}',
            "my_torch:Normed cannot be used: the module of a critic must not mix the samples of a batch, but has "
            "BatchNorm1d; use GroupNorm or LayerNorm",
        ),
        (
            "generator",
            '{kind = "my_torch:Drawn", short = 1}',
            "my_torch:Drawn cannot be used: the module must return samples of the shape (1, 8, 8), or flattened ones, "
            "but returns the shape (63,)",
        ),
        (
            "critic",
            '{kind = "my_torch:Broken"}',
            "my_torch:Broken must run on samples of the shape [1, 8, 8], but it raises ZeroDivisionError: division by "
            "zero (my_torch.py, line 36)",
        ),
    ],
)
def test_an_unusable_network_is_refused_before_the_study_starts(
    load: Load, role: str, network: str, sentence: str
) -> None:
    text = f'[[conditions]]\nname = "mine"\npreset = "wgan-gp"\nnetworks.{role} = {network}'
    assert refusal(load, text, my_torch=TORCH) == f"conditions.mine.networks.{role}: {sentence}"


# -- packs -------------------------------------------------------------------------------------------------------------


def test_an_objective_of_ones_own_trains_in_packs_with_a_number_for_each_trial(load: Load) -> None:
    study = load(ONE, "search.packs=true")
    assert Packs(study, "cpu").unpacked() == {}
    explored = [trial for trial in specs_by_name(study).values() if trial.phase == "explore"]
    assert [trial.place and (trial.place.pack, trial.place.slot) for trial in explored] == [
        (0, 0),
        (0, 0),
        (0, 1),
        (0, 1),
    ]
    assert run_without_ray(study).without_result == []


def test_a_number_that_decides_in_an_if_is_named_before_the_start_and_its_condition_trains_trial_by_trial(
    load: Load,
) -> None:
    branching = OBJECTIVE.replace("s = self.sharpness", "s = self.sharpness if self.sharpness > 1 else 1.0")
    study = load(ONE, "search.packs=true", my_sharp=branching)
    told = Told()
    assert run_without_ray(study, told).without_result == []
    (sentence,) = told.sentences
    assert sentence.startswith(
        "conditions.mine.objective.sharpness: cannot differ between the members of a pack, since"
    )
    assert sentence.endswith("; its trials train one by one")
    assert f"{sentence}." in outline(study)
    places = {trial.condition: trial.place for trial in specs_by_name(study).values() if trial.phase == "explore"}
    assert places["mine"] is None
    assert places["ours"] is not None


class Told(Listener):
    """The sentences that a run says."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def warned(self, sentence: str) -> None:
        self.sentences.append(sentence)
