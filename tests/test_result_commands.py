import io
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path

import command_line
import pandas as pd
import pytest
from command_line import Call, assert_refused
from simulated import PROVENANCE
from tiny import command, study_in

from services.cli.options import TableFormat, TableName
from services.cli.result_commands import OF_RESULTS
from studies.analysis.comparison import Comparison
from studies.ledger.ledger import Ledger
from studies.locate import results

call = command_line.call
copied_root = command_line.copied_root


@pytest.fixture
def written(finished_root: Path, call: Call) -> Callable[[str, str], str]:
    """The function that returns what `results` prints of a table in a format."""

    def write(table: str, form: str) -> str:
        answer = call("results", "tiny", "--root", finished_root, "--table", table, "--format", form)
        assert (answer.code, answer.err) == (0, "")
        return answer.out

    return write


TABLES = [*OF_RESULTS, TableName.importances, TableName.paths, TableName.volumes]


def frame_of(finished_root: Path, table: str) -> pd.DataFrame:
    of_study = results("tiny", root=finished_root)
    return getattr(Comparison(of_study) if table not in OF_RESULTS else of_study, table)


def plain(frame: pd.DataFrame) -> list[list[object]]:
    """Values as Python objects, empty ones as None."""
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


@pytest.mark.parametrize("table", OF_RESULTS)
def test_a_table_as_text_names_every_condition(written: Callable[[str, str], str], table: str) -> None:
    text = written(table, "text")
    assert " wgan " in text
    assert " gan " in text


def test_every_table_of_a_comparison_can_be_written(finished_root: Path) -> None:
    comparison = Comparison(results("tiny", root=finished_root))
    described = re.findall(r"^(\w+) +.*columns `\w+`$", cleandoc(Comparison.__doc__ or ""), re.MULTILINE)
    offered = {*TableName} - {*OF_RESULTS}
    assert {*described} - {"ranking", "profile_members"} == offered
    assert all(isinstance(getattr(comparison, table), pd.DataFrame) for table in offered)


def test_a_table_without_rows_is_said_to_have_none(written: Callable[[str, str], str]) -> None:
    assert written("paths", "text") == "tiny: the table paths has no rows; docs/tables.md says when\n"


@pytest.mark.parametrize("form", ["text", "csv", "json", "markdown"])
def test_an_output_file_has_the_text_that_is_printed_without_it(
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


def test_json_is_short_for_format_json(call: Call, finished_root: Path) -> None:
    arguments = ["results", "tiny", "--root", finished_root]
    assert call(*arguments, "--json").out == call(*arguments, "--format", "json").out


def test_every_format_is_tested() -> None:
    assert {form.value for form in TableFormat} == {"text", "csv", "parquet", "json", "markdown", "latex"}


def test_the_ranking_as_text_has_distances_failure_rates_and_reference_distances(
    call: Call, finished_root: Path
) -> None:
    local = results("tiny", root=finished_root)
    text = call("results", "tiny", "--root", finished_root).out
    assert "on 3 fresh seeds" in text
    for row in local.ranking.to_dict("records"):
        assert f"{row['failure_rate']:.0%}" in text
        if not pd.isna(row["distance"]):
            assert f"{row['distance']:.3f}" in text
    assert f"real against real {local.reference_distances['real']:.3f}" in text


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
    assert_refused(
        call("results", "tiny.toml", "--root", finished_root),
        f"tiny.toml: there is no such study in {finished_root}; did you mean tiny?",
    )
    assert_refused(call("results", "tiny"), f"tiny: there is no such study in {tmp_path / 'gan-studies'}; run it first")
    assert os.listdir(tmp_path) == []


def test_a_study_without_a_confirmed_trial_has_no_ranking(call: Call, tmp_path: Path) -> None:
    study = study_in(tmp_path)
    record = {"study": study.table(), "provenance": PROVENANCE.table(), "question": "", "environment": {}}
    Ledger(study.ledger.root).write_study("tiny", record)
    answer = call("results", "tiny", "--root", study.ledger.root)
    assert answer.code == 0
    assert answer.out.startswith(
        "tiny: no setting is confirmed on fresh seeds, so there is no ranking; results of 0 members are there"
    )


def test_output_cut_off_by_head_prints_no_traceback(finished_root: Path, tmp_path: Path) -> None:
    line = shlex.join(command(["results", "tiny", "--root", finished_root, "--table", "curves", "--format", "csv"]))
    done = subprocess.run(
        ["bash", "-c", f"{line} | head -1"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "study,condition,phase,trial,seed,step,metric,value\n"
    assert done.stderr == ""


# -- LaTeX and papers


@pytest.mark.parametrize("table", TABLES)
def test_a_table_as_latex_has_a_row_for_each(
    written: Callable[[str, str], str], finished_root: Path, table: str
) -> None:
    text = written(table, "latex")
    assert r"\label{tab:tiny-" + table in text
    _, _, body = text.partition(r"\midrule")
    rows = [line for line in body.splitlines() if line.startswith(r"\texttt") or line[:3] in ("wga", "gan")]
    assert len(rows) == len(frame_of(finished_root, table))
    assert r"\bottomrule" in text


def test_paper_writes_a_folder_and_says_what_is_missing(copied_root: Path, call: Call) -> None:
    answer = call("paper", "tiny")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("tiny: tiny-paper has methods.tex, references.bib and ")
    assert {path.name for path in Path("tiny-paper").iterdir()} == {"methods.tex", "references.bib", "tables"}
    study = copied_root / "studies" / "tiny"
    again = call("paper", study, "--output", "other", "--tau", "0.2")
    assert (again.code, again.err) == (0, "")
    assert "at the distances 0.200 have" in Path("other/methods.tex").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tinny",), "tinny: there is no such study in"),
        (("tiny", "--output", "file"), "--output: must be a folder, but file is a file"),
        (("tiny", "--output", "file/folder"), "--output: cannot write file/folder (Not a directory)"),
        (("tiny", "--tau", "-1"), "--tau: must be a finite distance > 0, but is -1"),
    ],
)
def test_paper_refuses_wrong_input(copied_root: Path, call: Call, arguments: tuple[str, ...], sentence: str) -> None:
    Path("file").write_text("")
    assert_refused(call("paper", *arguments), sentence)
