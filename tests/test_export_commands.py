"""gan-study export: files, refusals, JSON."""

import json
from pathlib import Path

import command_line
import optuna
import pytest
from command_line import Call, assert_refused

from gan_core import load_generator

call, copied_root = command_line.call, command_line.copied_root


def test_a_generator_is_written_with_the_command_that_samples_it(call: Call, copied_root: Path) -> None:
    answer = call("export", "tiny", "wgan")
    assert (answer.code, answer.err) == (0, "")
    folder = Path("tiny-wgan-generator")
    (seed,) = load_generator(folder).seeds
    assert answer.out.splitlines() == [
        f"tiny-wgan-generator has the generator that tiny trained for wgan (seed {seed}); gan_core alone samples it:",
        "  python tiny-wgan-generator/sample.py",
    ]
    (folder / "generator.json").unlink()
    assert_refused(call("export", "tiny", "wgan"), "--output: tiny-wgan-generator/generator.safetensors exists already")
    answer = call("export", "tiny", "wgan", "--force", "--seeds", "all", "--json")
    assert json.loads(answer.out)["seeds"] == list(load_generator(folder).seeds)
    assert len(load_generator(folder).seeds) == 3


def test_a_search_is_written_for_optuna_and_no_file_is_overwritten(call: Call, copied_root: Path) -> None:
    answer = call("export", "tiny", "--to", "optuna")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[1] == "  optuna-dashboard sqlite:///tiny-optuna.db"
    assert optuna.get_all_study_names("sqlite:///tiny-optuna.db") == ["tiny:wgan", "tiny:gan"]
    assert_refused(call("export", "tiny", "--to", "optuna"), "--output: tiny-optuna.db exists already; --force")
    answer = call("export", "tiny", "--to", "optuna", "--output", "tiny-optuna.db", "--force", "--json")
    assert json.loads(answer.out)["studies"] == {"tiny:wgan": 4, "tiny:gan": 4}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tiny"], "CONDITION: must be given, one of wgan, gan"),
        (["tiny", "lsgan"], "condition: must be one of wgan, gan, "),
        (["none", "wgan"], "none: there is no such study in "),
        (["tiny", "wgan", "--to", "optuna"], "CONDITION: must be left out with --to optuna"),
        (["tiny", "wgan", "--which", "average"], "which: must be last or best"),
        (["tiny", "--to", "optuna", "--output", "nowhere/o.db"], "--output: cannot write nowhere/o.db, since "),
        (["tiny", "wgan", "--output", "a-file"], "--output: must be a folder, but a-file is a file"),
    ],
)
def test_what_cannot_be_exported_is_refused(arguments: list[str], sentence: str, call: Call, copied_root: Path) -> None:
    Path("a-file").write_text("mine\n")
    assert_refused(call("export", *arguments), sentence)
    assert sorted(path.name for path in Path().iterdir()) == ["a-file", "gan-studies"]
