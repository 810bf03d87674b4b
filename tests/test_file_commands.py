import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import command_line
import pytest
from command_line import Answer, Call, assert_refused
from tiny import TINY, gan_study

from gan_core.citations import citation, papers
from gan_core.presets import PRESETS
from studies.file.source import catalog
from studies.file.study import Study

call, tiny_file = command_line.call, command_line.tiny_file

# -- objectives ------------------------------------------------------------------------------------------------------


def test_objectives_lists_every_preset_with_its_paper(call: Call) -> None:
    answer = call("objectives")
    assert answer.code == 0
    text = " ".join(answer.out.replace("│", " ").split())
    for preset in PRESETS.values():
        assert f" {preset.name} " in text
        assert f" {papers(preset)[0]} " in text


@pytest.mark.parametrize("name", list(PRESETS))
def test_one_objective_is_shown_with_formula_settings_ranges_and_bibtex(call: Call, name: str) -> None:
    answer, preset = call("objectives", name), PRESETS[name]
    assert (answer.code, answer.err) == (0, "")
    lines = [line.strip() for line in answer.out.splitlines()]
    assert lines[:2] == [f"{name}: {preset.title}", preset.source]
    assert any(line.startswith("critic ") for line in lines)
    assert any(line.startswith("generator ") for line in lines)
    assert f"training.n_critic = {preset.table['training']['n_critic']}" in lines
    assert all(any(line.startswith(f"{path} = ") for line in lines) for path in preset.ranges)
    assert answer.out.rstrip().endswith(citation(preset))


def test_an_unknown_objective_is_refused_with_the_nearest_name(call: Call) -> None:
    answer = call("objectives", "dragn")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("gan-study: objectives: must be one of gan, nsgan, ")
    assert answer.err.endswith('but is "dragn"; did you mean dragan?\n')


def test_objectives_are_printed_as_json(call: Call) -> None:
    answer = call("objectives", "--json")
    listed = {preset["name"]: preset for preset in json.loads(answer.out)}
    assert list(listed) == list(PRESETS)
    assert listed["wgan"]["settings"]["constraint"] == {"kind": "weight_clipping", "clip_value": 0.01}
    assert listed["wgan"]["ranges"]["constraint.clip_value"] == {"log_uniform": [1e-3, 1.0]}
    assert (answer.code, answer.err) == (0, "")


# -- validate --------------------------------------------------------------------------------------------------------


def test_validate_prints_trials_and_hyperparameters_of_each_condition(call: Call, tiny_file: Path) -> None:
    answer = call("validate", tiny_file)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "tiny is valid: 2 conditions x (10 explore + 2 exploit + 1 confirm) = 26 trials, with 2 seeds "
        "each (3 to confirm), 36 generator steps.",
        "  With 3 fresh seeds for each condition no pair can be decided, however much it differs; "
        "search.confirm.seeds = 4 or more can.",
        # 892 parameters of 2 x (12 x 2 + 3) members at step 0 and the last 3 evaluations, 4 bytes each
        'Generators of 4 of 7 evaluations are kept (checkpoint.snapshots = "late"): at most 771 kB before compression.',
        "Data: 1797 images of 1 x 8 x 8 pixels (997 train, 400 validation, 400 test), float32, 460 kB.",
        "  10 classes: 0 (178), 1 (182), 2 (177), 3 (183), 4 (181), 5 (182), 6 (181), 7 (179), 8 (174), 9 (180)",
        "  wgan: wasserstein x weight_clipping",
        "    constraint.clip_value log_uniform [0.03, 1.0]",
        "  gan: minimax x none",
        "    training.critic_optimizer.lr log_uniform [0.001, 0.1]",
        "    training.n_critic grid [1, 2, 3]",
        "The conditions differ in training.critic_optimizer.lr (0.02 for wgan; drawn from {log_uniform = [0.001, 0.1]} "
        "for gan), so a difference in their results may be due to it.",
        "The conditions differ in training.n_critic (1 for wgan; drawn from {grid = [1, 2, 3]} for gan), so a "
        'difference in their results may be due to it; with budget.unit = "critic_steps" all would have the same '
        "number of critic steps.",
        f"gan-study plan {tiny_file} forecasts how long a run takes on this machine.",
    ]


def test_validate_prints_brackets_unchanged(call: Call, tiny_file: Path) -> None:
    orders = 'conditions.gan.training.update_order={choice=["critic_first", "alternating"]}'
    answer = call("validate", tiny_file, "--set", orders)
    assert 'training.update_order choice ["critic_first", "alternating"]' in answer.out


def test_validate_prints_the_resolved_study_as_json(call: Call, tiny_file: Path) -> None:
    answer = call("validate", tiny_file, "--json", "--set", "seeds=7", "--set", "conditions.gan.training.n_critic=4")
    study = Study.from_table(json.loads(answer.out))
    assert study == Study.load(tiny_file, overrides=["seeds=7", "conditions.gan.training.n_critic=4"])
    assert study.seeds == 7
    assert study.condition("gan").table["training"]["n_critic"] == 4


def test_a_study_that_fits_on_no_machine_is_valid_and_cannot_be_run(call: Call) -> None:
    wide = ("first-study", "--set", "networks.generator.width=1000000")
    needs = "conditions.gan.networks: must leave room in memory, but 10 GANs of conditions.gan that train side by side"
    answer, as_json = call("validate", *wide), call("validate", *wide, "--json")
    assert (answer.code, answer.err, as_json.code) == (0, "", 0)
    assert f"\nThis machine cannot run it: {needs}" in answer.out
    assert f"\nThis machine cannot run it: {needs}" in as_json.err
    assert json.loads(as_json.out)["conditions"][0]["networks"]["generator"]["width"] == 1000000
    assert_refused(call("plan", *wide), needs)
    assert_refused(call("run", *wide), needs)


def test_validate_smoke_is_the_smallest_study(call: Call) -> None:
    answer = call("validate", "first-study", "--smoke")
    assert answer.code == 0
    assert answer.out.startswith("first-study-smoke is valid: 5 conditions x (2 explore + 1 exploit + 1 confirm)")
    assert "100 critic steps" in answer.out


@pytest.mark.parametrize(
    "name",  # a classifier is trained for those on MNIST
    [
        pytest.param(name, marks=pytest.mark.soak) if name in ("best-and-late", "images-mnist") else name
        for name in catalog()
    ],
)
def test_every_study_of_the_catalog_is_valid(
    call: Call, name: str, tmp_path: Path, shipped_images: Callable[[str], list[str]]
) -> None:
    images = [word for assignment in shipped_images(name) for word in ("--set", assignment)]
    answer = call("validate", name, *images)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{name} is valid: ")
    assert os.listdir(tmp_path) == []


def test_validate_imports_no_ray() -> None:
    program = (
        "import sys; sys.argv[1:] = ['validate', 'first-study']\n"
        "from services.cli.app import main\n"
        "try: main()\n"
        "finally: print('ray' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert printed.stdout.splitlines()[-1] == "False"


# -- bad input -------------------------------------------------------------------------------------------------------

WGAN = "conditions.wgan"
CLIP = f"{WGAN}.constraint.clip_value"
LR = "training.critic_optimizer.lr"

BAD_ASSIGNMENTS = {
    "an unknown key": ("budget.stpes=3", "budget.stpes: unknown key; did you mean steps?"),
    "an unknown preset": (f"{WGAN}.preset=wgn", f"{WGAN}.preset: must be one of"),
    "an unknown objective": (f"{WGAN}.objective={{kind='wassertein'}}", f"{WGAN}.objective.kind: must be one of"),
    "a negative value": (f"{CLIP}=-0.01", f"{CLIP}: must be > 0, but is -0.01"),
    "not a number": (f"{CLIP}=nan", f"{CLIP}: must be a finite number"),
    "an infinite value": (f"{LR}=inf", f"{LR}: must be a finite number"),
    "an empty list": (f"{CLIP}={{choice=[]}}", f"{CLIP}.choice: must be a list of at least one value"),
    "an empty range": (f"{CLIP}={{uniform=[]}}", f"{CLIP}.uniform: must be two finite numbers"),
    "a number of exploit trials": (
        "search.exploit=3",
        "search.exploit: must be a table, as in {trials = 6, batch = 8}, but is 3",
    ),
    "a lag of exploit": (
        "search.exploit_lag=2",
        "search.exploit_lag: unknown key; it is called search.exploit.batch now",
    ),
    "a reversed range": (f"{CLIP}={{uniform=[2,1]}}", f"{CLIP}.uniform: must go from low to high"),
    "a three-ended range": (f"{CLIP}={{uniform=[1,2,3]}}", f"{CLIP}.uniform: must be two finite numbers"),
    "a zero-ended log": (f"{CLIP}={{log_uniform=[0,1]}}", f"{CLIP}.log_uniform: must start above 0"),
    "two distributions": (f"{CLIP}={{choice=[1],uniform=[1,2]}}", f"{CLIP}: must hold one distribution"),
    "a foreign field": (
        f"{WGAN}.objective.margin=1",
        f"{WGAN}.objective.margin: unknown key; the keys of wasserstein are kind",
    ),
    "energies from scores": (
        f"{WGAN}.objective={{kind='energy_margin'}}",
        f"{WGAN}.networks.critic: mlp outputs scores",
    ),
    "no budget": ("budget.steps=0", "budget.steps: must be >= 1, but is 0"),
    "too many measurements": ("evaluation.measurements=37", "evaluation.measurements: must be <= 36"),
    "no seeds": ("seeds=0", "seeds: must be >= 1, but is 0"),
    "a boolean": ("training.batch=true", "training.batch: must be an integer, but is true"),
    "text": ("budget.steps=many", 'budget.steps: must be an integer, but is "many"'),
    "a path as a name": ("name=../tiny", "name: must be 1 to 64 letters"),
    "no assignment": ("seeds", "seeds: must be an assignment"),
}
BAD_FILES = {
    "binary": (b"\xff\xfe\x00", "study.toml: must be text in UTF-8"),
    "broken": (b"name = ", "study.toml: must be TOML"),
    "no conditions": (TINY.split("[[")[0].encode() + b"[conditions]", "conditions: must be tables"),
    "an empty list of conditions": (b'conditions = []\nname = "a"\nbudget.steps = 9', "conditions: must hold at least"),
    "two of one name": (
        TINY.replace('"gan"\npreset', '"wgan"\npreset').encode(),
        "conditions.wgan: must be a unique name, but 2 conditions have it",
    ),
    "no name": (b'budget.steps = 99\n[[conditions]]\nname = "a"\npreset = "gan"', "name: must be given"),
}


@pytest.mark.parametrize("name", ["validate", "run"])
@pytest.mark.parametrize(("assignment", "sentence"), BAD_ASSIGNMENTS.values(), ids=BAD_ASSIGNMENTS)
def test_bad_input_is_one_sentence_and_nothing_is_started(
    call: Call, tiny_file: Path, name: str, assignment: str, sentence: str, tmp_path: Path
) -> None:
    assert_refused(call(name, tiny_file, "--set", assignment), sentence)
    assert os.listdir(tmp_path) == ["tiny.toml"]


@pytest.mark.parametrize("name", ["validate", "run"])
@pytest.mark.parametrize(("content", "sentence"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_one_sentence_and_nothing_is_started(
    call: Call, name: str, content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "study.toml").write_bytes(content)
    assert_refused(call(name, "study.toml"), sentence)
    assert os.listdir(tmp_path) == ["study.toml"]


@pytest.mark.parametrize("name", ["validate", "run"])
def test_a_missing_file_and_a_folder_are_refused(call: Call, name: str, tmp_path: Path) -> None:
    assert_refused(call(name, "frist-study"), "frist-study: no such file, and no such study in the catalog; did you")
    assert_refused(call(name, "two\nlines"), r'"two\nlines": no such file')
    assert_refused(call(name, "."), ".: must be a study file, but is a folder")
    assert os.listdir(tmp_path) == []


def test_the_installed_command_refuses_in_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    done = gan_study("run", "tiny.toml", "--set", f"{CLIP}=-0.01", folder=tmp_path)
    assert_refused(Answer(done.returncode, done.stdout, done.stderr), f"{CLIP}: must be > 0, but is -0.01")
    assert os.listdir(tmp_path) == ["tiny.toml"]
