"""The command gan-study, as somebody at a terminal or a program meets it."""

import io
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from tiny import TINY, clean_environment, command, gan_study, run_without_ray, study_in

from gan_core.citations import citation
from gan_core.presets import PRESETS
from services.cli import Format, TableName, main
from studies.design import total
from studies.ledger import Ledger
from studies.results import results
from studies.source import catalog
from studies.study import Study, load_study

COMMANDS = ["objectives", "validate", "run", "results"]


class Answer:
    """What a command said and how it ended."""

    def __init__(self, code: object, out: str, err: str):
        self.code, self.out, self.err = code, out, err


Call = Callable[..., Answer]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """The entry point itself, in this process and in an empty working folder; MLflow has tests of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_STUDY_NO_TRACKING", "1")

    def answer(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["gan-study", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Answer(ended.value.code, *capsys.readouterr())

    return answer


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def copied_root(finished_root: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished_root, tmp_path / "gan-studies")
    return tmp_path / "gan-studies"


def of_finished(study: Study) -> list[str]:
    """The arguments that make the tiny file the finished study."""
    counts = {"search.explore": study.search.explore, "search.exploit": study.search.exploit}
    return [argument for key, value in counts.items() for argument in ("--set", f"{key}={value}")]


# -- help and usage --------------------------------------------------------------------------------------------------


def test_help_names_every_command_and_what_it_does(call: Call) -> None:
    answer = call("--help")
    assert answer.code == 0
    for name in COMMANDS:
        assert f"  {name}  " in answer.out
    assert "TOML" in answer.out
    assert "ledger" in answer.out
    bare = call()  # which a newcomer types first
    assert bare.err == answer.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(call: Call, name: str) -> None:
    answer = call(name, "--help")
    assert answer.code == 0
    assert f"Usage: gan-study {name} " in answer.out
    assert "--json" in answer.out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run"], "Missing argument 'FILE'"),
        (["validate", "first-study", "--smok"], "No such option"),
        (["results", "tiny", "--table", "winners"], "'winners' is not one of"),
        (["results", "tiny", "--format", "xlsx"], "'xlsx' is not one of"),
    ],
)
def test_a_wrong_command_line_is_told_with_its_usage(call: Call, arguments: list[str], complaint: str) -> None:
    answer = call(*arguments)
    assert answer.code == 2
    assert complaint in answer.err
    assert "Traceback" not in answer.err


# -- objectives ------------------------------------------------------------------------------------------------------


def test_objectives_lists_every_preset_with_its_paper(call: Call) -> None:
    answer = call("objectives")
    assert answer.code == 0
    text = " ".join(answer.out.replace("│", " ").split())
    for preset in PRESETS.values():
        assert f" {preset.name} " in text
        assert f" {preset.papers[0]} " in text


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


def test_an_objective_that_is_not_there_is_refused_with_the_nearest(call: Call) -> None:
    answer = call("objectives", "dragn")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("gan-study: objectives: must be one of gan, nsgan, ")
    assert answer.err.endswith('but is "dragn"; did you mean dragan?\n')


def test_objectives_are_json_for_a_program(call: Call) -> None:
    answer = call("objectives", "--json")
    listed = {preset["name"]: preset for preset in json.loads(answer.out)}
    assert list(listed) == list(PRESETS)
    assert listed["wgan"]["settings"]["constraint"] == {"kind": "weight_clipping", "clip_value": 0.01}
    assert listed["wgan"]["ranges"]["constraint.clip_value"] == {"log_uniform": [1e-3, 1.0]}
    assert (answer.code, answer.err) == (0, "")


# -- validate --------------------------------------------------------------------------------------------------------


def test_validate_says_what_would_run(call: Call, tiny_file: Path) -> None:
    answer = call("validate", tiny_file)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "tiny is valid: 2 conditions x (10 explore + 2 exploit + 1 confirm) = 26 trials, 2 seeds each and 3 to "
        "confirm, 36 generator steps.",
        "  wgan: wasserstein x weight_clipping",
        "    constraint.clip_value log_uniform [0.03, 1.0]",
        "  gan: minimax x none",
        "    training.critic_optimizer.lr log_uniform [0.001, 0.1]",
        "    training.n_critic grid [1, 2, 3]",
    ]


def test_validate_shows_what_stands_in_brackets(call: Call, tiny_file: Path) -> None:
    orders = 'conditions.gan.training.update_order={choice=["critic_first", "alternating"]}'
    answer = call("validate", tiny_file, "--set", orders)
    assert 'training.update_order choice ["critic_first", "alternating"]' in answer.out


def test_validate_gives_the_whole_resolved_study_as_json(call: Call, tiny_file: Path) -> None:
    answer = call("validate", tiny_file, "--json", "--set", "seeds=7", "--set", "conditions.gan.training.n_critic=4")
    study = Study.from_table(json.loads(answer.out))
    assert study == load_study(tiny_file, overrides=["seeds=7", "conditions.gan.training.n_critic=4"])
    assert study.seeds == 7
    assert study.condition("gan").table["training"]["n_critic"] == 4


def test_validate_smoke_is_the_tiny_study(call: Call) -> None:
    answer = call("validate", "first-study", "--smoke")
    assert answer.code == 0
    assert answer.out.startswith("first-study-smoke is valid: 5 conditions x (2 explore + 1 exploit + 1 confirm)")
    assert "20 generator steps" in answer.out


@pytest.mark.parametrize("name", list(catalog()))
@pytest.mark.parametrize("smoke", [[], ["--smoke"]])
def test_every_study_of_the_catalog_is_valid(call: Call, name: str, smoke: list[str], tmp_path: Path) -> None:
    answer = call("validate", name, *smoke)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{name}{'-smoke' if smoke else ''} is valid: ")
    assert os.listdir(tmp_path) == []


def test_validating_starts_no_ray() -> None:
    program = (
        "import sys; sys.argv[1:] = ['validate', 'first-study']\n"
        "from services.cli import main\n"
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
    "a range of nothing": (f"{CLIP}={{uniform=[1,1]}}", f"{CLIP}.uniform: must go from low to high"),
    "a reversed range": (f"{CLIP}={{uniform=[2,1]}}", f"{CLIP}.uniform: must go from low to high"),
    "a three-ended range": (f"{CLIP}={{uniform=[1,2,3]}}", f"{CLIP}.uniform: must be two finite numbers"),
    "a zero-ended log": (f"{CLIP}={{log_uniform=[0,1]}}", f"{CLIP}.log_uniform: must start above 0"),
    "two distributions": (f"{CLIP}={{choice=[1],uniform=[1,2]}}", f"{CLIP}: must hold one distribution"),
    "a foreign field": (f"{WGAN}.objective.margin=1", f"{WGAN}.objective.margin: unknown key; wasserstein knows"),
    "energies from scores": (f"{WGAN}.objective={{kind='energy_margin'}}", f"{WGAN}.networks.critic: mlp gives"),
    "no budget": ("budget.steps=0", "budget.steps: must be >= 1, but is 0"),
    "too many measurements": ("budget.measurements=37", "budget.measurements: must be <= 36"),
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
    "two of one name": (TINY.replace('"gan"\npreset', '"wgan"\npreset').encode(), "conditions.wgan: must be one"),
    "nothing": (b"", "name: must be given"),
}


def assert_refused(answer: Answer, sentence: str) -> None:
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith(f"gan-study: {sentence}")
    assert answer.err.count("\n") == 1
    assert answer.err.endswith("\n")


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


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("resources.cpu=100000", "resources.cpu: must be <= "),
        ("resources.gpu=1000", "resources.gpu: must be <= "),
        ("ledger.root=tiny.toml", "ledger.root: cannot write below "),
        ("ledger.root=tiny.toml/deeper", "ledger.root: cannot write below "),
        ("ledger.root=/proc/gan-studies", "ledger.root: cannot write below /proc/gan-studies ("),
        ("ledger.root=~no-such-user", "ledger.root: must be a folder, but is ~no-such-user ("),
    ],
)
def test_what_cannot_run_here_is_refused_before_anything_starts(
    call: Call, tiny_file: Path, assignment: str, sentence: str, tmp_path: Path
) -> None:
    assert_refused(call("run", tiny_file, "--set", assignment), sentence)
    assert os.listdir(tmp_path) == ["tiny.toml"]


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("seeds=3", "seeds: the ledger holds a study 'tiny' with 2 here, but this file says 3; give the new"),
        ("budget.steps=40", "budget.steps: the ledger holds a study 'tiny' with 36 here, but this file says 40"),
        ("search.seed=1", "search.seed: the ledger holds a study 'tiny' with 0 here, but this file says 1"),
        ("search.sampler=random", "search.sampler: the ledger holds a study 'tiny' with 'tpe' here, but"),
        ("data={kind='digits',reference=300}", "data.reference: the ledger holds a study 'tiny' with 400 here, but"),
        ("measures.cells=5", "measures.cells: the ledger holds a study 'tiny' with 4 here, but this file says 5"),
    ],
)
def test_a_changed_study_of_the_same_name_is_refused_with_old_and_new(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study, assignment: str, sentence: str
) -> None:
    record = (copied_root / "studies" / "tiny" / "study.json").read_text()
    assert_refused(call("run", tiny_file, *of_finished(finished_study), "--set", assignment), sentence)
    assert (copied_root / "studies" / "tiny" / "study.json").read_text() == record


def test_a_study_that_another_run_writes_is_refused(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study
) -> None:
    with Ledger(copied_root).writing("tiny"):
        answer = call("run", tiny_file, *of_finished(finished_study))
    assert_refused(answer, f"name: another run is writing the study 'tiny' in {copied_root} at this moment")


def test_a_damaged_ledger_is_refused(call: Call, tiny_file: Path, copied_root: Path, finished_study: Study) -> None:
    for broken in sorted((copied_root / "trials").glob("*/curves.parquet")):
        broken.write_bytes(broken.read_bytes()[:-1])
    for arguments in (["results", "tiny"], ["run", str(tiny_file), *of_finished(finished_study)]):
        answer = call(*arguments)
        assert answer.code == 2
        assert "is damaged (its checksum is not the one in facts.json)" in answer.err
        assert answer.err.count("\n") == 1


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_a_failure_in_one_sentence(call: Call, tiny_file: Path) -> None:
    with files_of_at_most(100):
        answer = call("run", tiny_file)
    assert answer.code == 1
    assert answer.err.startswith("gan-study: the ledger cannot be written: ")
    assert answer.err.count("\n") == 1


# -- run, where nothing is missing ------------------------------------------------------------------------------------


def test_a_finished_study_run_again_prints_the_same_table_and_starts_no_ray(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study
) -> None:
    import ray

    before = {path: path.stat().st_mtime_ns for path in (copied_root / "trials").rglob("*")}
    answer = call("run", tiny_file, *of_finished(finished_study))
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("tiny: 10 trials of 2 seeds, 10 of them in the ledger already\n")
    assert not ray.is_initialized()
    assert {path: path.stat().st_mtime_ns for path in (copied_root / "trials").rglob("*")} == before
    assert call("results", "tiny").out in answer.out
    for condition in ("wgan", "gan"):
        assert (copied_root / "studies" / "tiny" / "samples" / f"{condition}.png").stat().st_size > 1000


def told_next(answer: Answer) -> list[list[str]]:
    return [shlex.split(line) for line in answer.out.split("next: ")[1].splitlines()]


def test_a_run_tells_what_to_type_next(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study, tmp_path: Path
) -> None:
    answer = call("run", tiny_file, *of_finished(finished_study))
    assert told_next(answer) == [
        ["gan-study", "compare", "tiny"],
        ["gan-study", "report", "tiny"],
        ["gan-study", "results", "tiny", "--table", "members", "--format", "csv"],
        ["python", "-c", 'import studies; print(studies.results("tiny").trials)'],
    ]


def test_what_a_run_tells_to_type_next_works_wherever_the_ledger_is(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study, tmp_path: Path
) -> None:
    copied_root.rename(tmp_path / "else where")
    answer = call("run", tiny_file, *of_finished(finished_study), "--set", "ledger.root=else where")
    *asked, program = told_next(answer)
    assert [call(*line[1:]).code for line in asked] == [0, 0, 0]
    printed = subprocess.run([sys.executable, *program[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "[10 rows x 16 columns]" in printed.stdout, printed.stderr


def test_a_run_prints_json_for_a_program_and_lines_for_a_reader(
    call: Call, tiny_file: Path, copied_root: Path, finished_study: Study
) -> None:
    answer = call("run", tiny_file, *of_finished(finished_study), "--json")
    told = json.loads(answer.out)
    assert told["interrupted"] is False
    assert [row["condition"] for row in told["ranking"]] == results("tiny", root=copied_root).ranking[
        "condition"
    ].tolist()
    assert "10 trials of 2 seeds" in answer.err


# -- results ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(finished_root: Path, call: Call) -> Callable[[str, str], str]:
    """What `results` prints of a table in a format."""

    def write(table: str, form: str) -> str:
        answer = call("results", "tiny", "--root", finished_root, "--table", table, "--format", form)
        assert (answer.code, answer.err) == (0, "")
        return answer.out

    return write


TABLES = [table.value for table in TableName]


def frame_of(finished_root: Path, table: str) -> pd.DataFrame:
    return getattr(results("tiny", root=finished_root), table)


def plain(frame: pd.DataFrame) -> list[list[object]]:
    """Values as Python says them, empty ones as None."""
    return [[None if pd.isna(value) else value for value in row] for row in frame.astype("object").to_numpy().tolist()]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_as_csv_has_every_number_in_full(
    written: Callable[[str, str], str], finished_root: Path, table: str
) -> None:
    frame = frame_of(finished_root, table)
    read = pd.read_csv(io.StringIO(written(table, "csv")))
    assert list(read.columns) == list(frame.columns)
    assert plain(read) == plain(frame)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_as_json_has_every_number_in_full(
    written: Callable[[str, str], str], finished_root: Path, table: str
) -> None:
    frame = frame_of(finished_root, table)
    rows = json.loads(written(table, "json"))
    assert [list(row) for row in rows] == [list(frame.columns)] * len(frame)
    assert [list(row.values()) for row in rows] == plain(frame)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_as_markdown_has_a_row_for_each(
    written: Callable[[str, str], str], finished_root: Path, table: str
) -> None:
    frame = frame_of(finished_root, table)
    head, line, *rows = written(table, "markdown").splitlines()
    assert head == f"| {' | '.join(frame.columns)} |"
    assert set(line) == set("| -")
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in rows] == [
        ["" if value is None else str(value) for value in row] for row in plain(frame)
    ]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_as_text_names_every_condition(written: Callable[[str, str], str], table: str) -> None:
    text = written(table, "text")
    assert " wgan " in text
    assert " gan " in text


@pytest.mark.parametrize("form", ["text", "csv", "json", "markdown"])
def test_a_file_gets_what_would_be_printed(
    written: Callable[[str, str], str], call: Call, finished_root: Path, tmp_path: Path, form: str
) -> None:
    arguments = ["results", "tiny", "--root", finished_root, "--table", "members", "--format", form]
    answer = call(*arguments, "--output", "table")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert (tmp_path / "table").read_text() == written("members", form)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_as_parquet_needs_a_file(call: Call, finished_root: Path, tmp_path: Path, table: str) -> None:
    arguments = ["results", "tiny", "--root", finished_root, "--table", table, "--format", "parquet"]
    assert_refused(call(*arguments), "--output: must name a file, since Parquet is no text")
    assert call(*arguments, "--output", "table.parquet").code == 0
    read = pd.read_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(
        read, frame_of(finished_root, table), check_dtype=False, check_categorical=False, check_exact=True
    )


def test_json_is_also_asked_for_in_short(call: Call, finished_root: Path) -> None:
    arguments = ["results", "tiny", "--root", finished_root]
    assert call(*arguments, "--json").out == call(*arguments, "--format", "json").out


def test_every_format_is_tested() -> None:
    assert {form.value for form in Format} == {"text", "csv", "parquet", "json", "markdown"}


def test_the_ranking_for_a_reader_has_intervals_outcomes_and_what_they_are_held_against(
    call: Call, finished_root: Path
) -> None:
    found = results("tiny", root=finished_root)
    text = call("results", "tiny", "--root", finished_root).out
    assert "on 3 fresh seeds" in text
    for row in found.ranking.to_dict("records"):
        assert f"{row['failure_rate']:.0%}" in text
        if not pd.isna(row["distance"]):
            assert f"{row['distance']:.3f}" in text
    assert f"Real against real {found.lines['floor']:.3f}" in text


@pytest.mark.parametrize("output", ["no/such/folder/table", "."])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_output_that_cannot_be_written_is_refused(
    call: Call, finished_root: Path, output: str, form: str, tmp_path: Path
) -> None:
    arguments = ["results", "tiny", "--root", finished_root, "--format", form, "--output", output]
    assert_refused(call(*arguments), f"--output: cannot write {output} (")
    assert os.listdir(tmp_path) == []


def test_a_study_that_is_not_there_is_refused(call: Call, finished_root: Path, tmp_path: Path) -> None:
    assert_refused(
        call("results", "tinny", "--root", finished_root),
        f"tinny: there is no such study in {finished_root}; did you mean tiny?",
    )
    assert_refused(call("results", "tiny"), f"tiny: there is no such study in {tmp_path / 'gan-studies'}; give its")
    assert os.listdir(tmp_path) == []


def test_a_study_without_a_confirmed_trial_says_so(call: Call, tmp_path: Path) -> None:
    study = study_in(tmp_path)
    Ledger(study.ledger.root).write_study("tiny", {"study": study.table(), "surroundings": {}})
    answer = call("results", "tiny", "--root", study.ledger.root)
    assert answer.code == 0
    assert answer.out.startswith("tiny: nothing is confirmed yet, so there is no ranking; 0 members have finished")


def test_a_reader_that_stops_early_sees_no_traceback(finished_root: Path, tmp_path: Path) -> None:
    line = shlex.join(command(["results", "tiny", "--root", finished_root, "--table", "curves", "--format", "csv"]))
    done = subprocess.run(
        ["bash", "-c", f"{line} | head -1"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "condition,phase,trial,seed,step,metric,value\n"
    assert done.stderr == ""


# -- the catalog, for real ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_first_study_runs_at_twenty_steps(tmp_path: Path) -> None:
    done = gan_study("run", "first-study", "--smoke", folder=tmp_path, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    study = load_study("first-study", smoke=True)
    trials = 4 * len(study.conditions)
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert [line.split("/")[0] for line in lines] == [f"[{number:>2}" for number in range(1, trials + 1)]
    found = results(study.name, root=tmp_path / "gan-studies")
    assert found.trials["state"].tolist() == ["finished"] * trials
    assert len(found.ranking) == len(study.conditions)
    assert (found.trials["generator_steps"] == 20).all()
    for condition in study.conditions:
        assert f" {condition.name} " in done.stdout.split("fresh seeds")[1]
        sheet = tmp_path / "gan-studies" / "studies" / study.name / "samples" / f"{condition.name}.png"
        assert sheet.stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in catalog() if name != "first-study"])
def test_every_other_study_of_the_catalog_plays_every_condition(name: str, tmp_path: Path) -> None:
    study = load_study(name, overrides=[f"ledger.root={tmp_path}"], smoke=True)
    ending = run_without_ray(study)
    assert (ending.failed, ending.interrupted) == ([], False)
    found = results(study.name, root=tmp_path)
    assert found.trials["state"].tolist() == ["finished"] * total(study)
    spent = found.trials[study.budget.unit]
    most = found.trials.get("training.n_critic", pd.Series(1, found.trials.index)).fillna(1).astype(int)
    assert ((study.budget.steps - most < spent) & (spent <= study.budget.steps)).all()  # what is left pays for no round
    assert set(found.members["condition"]) == {condition.name for condition in study.conditions}
