"""Commands that write study files: new."""

import sys
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from services.cli.options import AsJson, Root
from services.cli.output import console, print_json, refuse_existing, refuse_unwritable, writing
from studies.errors import InputError
from studies.file.messages import escape_control
from studies.written_files import write_text

if TYPE_CHECKING:
    from studies.new_study.sized_study import SizedStudy

DEFAULT_BUDGET = "10m"
NEEDED = "folder:PATH, array:PATH, table:PATH, or a data set such as ring or digits"


def new(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Name of the study. Default: that of the data, or STUDY-CONDITION."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="folder:PATH of images, array:PATH (.npy, .npz, MNIST's files), table:PATH (.csv, .parquet), a data "
            "set such as ring or digits, or MODULE:CLASS of your own. Default: asked for on a terminal.",
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="PRESETS",
            help="Presets to compare, as gan-study objectives lists them. Default: wgan-gp,lsgan,ebgan,r3gan.",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help=f"Time that a run may take on this machine: 90s, 30m, 2h. Default: {DEFAULT_BUDGET}."
        ),
    ] = None,
    conditional: Annotated[
        bool,
        typer.Option(
            "--conditional",
            help="Give both networks the class of each sample: the folders of images, the digits, the modes of a ring. "
            "Default: GANs without labels.",
        ),
    ] = False,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of a table that holds the class of each row, for conditional GANs. Default: none.",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="STUDY:CONDITION",
            help="Write the setting that a study has found for a condition, and a script that trains it. "
            "Default: a study of --data.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Study file to write. Default: NAME.toml in the working folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files. Default: they are left alone.")] = False,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Write a study file for your data and the time that you have.

    The file compares some presets by equal searches of their hyperparameters. Its networks, steps and numbers of
    settings follow from the data and from a short calibration, for about a minute at most, so that gan-study run takes
    no longer than --budget. Comments in the file say what each line means and what to change first.

    With --from STUDY:CONDITION the file has the setting that a finished study has found, to train it with other random
    seeds; a script beside it trains that setting in Python with gan_core alone.

    \b
    Examples:
      gan-study new --data folder:photos --compare wgan-gp,ebgan,r3gan --budget 30m
      gan-study new my-ring --data ring --budget 10m
      gan-study new --data table:wines.csv --label cultivar
      gan-study new --from first-study:wgan-gp
    """
    if from_ is not None:
        flag = conditional or None
        given = {"--data": data, "--compare": compare, "--budget": budget, "--conditional": flag, "--label": label}
        if extra := [option for option, value in given.items() if value is not None]:
            raise InputError(f"{extra[0]}: must be left out beside --from, since the setting has its own")
        _write_found(from_, name, output, root, force=force, as_json=as_json)
    else:
        wanted = _Wanted(name, data, compare, budget or DEFAULT_BUDGET, conditional or label is not None, label or "")
        _write_sized(wanted, output, force=force, as_json=as_json)


class _Wanted(NamedTuple):
    """Options of a study for some data; None for a name, data or presets to be chosen, "" for no column of labels."""

    name: str | None
    data: str | None
    compare: str | None
    budget: str
    conditional: bool
    label: str


def _write_sized(wanted: _Wanted, output: Path | None, *, force: bool, as_json: bool) -> None:
    from gan_core.presets import PRESETS
    from studies.file.validation import check_name, choose
    from studies.new_study.chosen_data import chosen_data
    from studies.new_study.chosen_parts import DEFAULT_PRESETS
    from studies.new_study.durations import read_duration
    from studies.new_study.sized_study import StudyWish, sized_study

    seconds, compare = read_duration(wanted.budget), wanted.compare
    named = DEFAULT_PRESETS if compare is None else [word.strip() for word in compare.split(",")]
    presets = list(dict.fromkeys(choose(word, PRESETS, ("--compare",)) for word in named))
    if wanted.name is not None:
        check_name(wanted.name, ("NAME",))
    folder = (output or Path()).absolute().parent if output else Path().absolute()
    chosen = chosen_data(wanted.data or _asked(), folder, wanted.label)
    name = wanted.name or chosen.name
    path = output or Path(f"{name}.toml")
    _refuse_unwanted(path, force=force)
    notes = console(stderr=True)
    wish = StudyWish(
        name=name, data=chosen, presets=presets, budget=seconds, folder=folder, conditional=wanted.conditional
    )
    sized = sized_study(wish, lambda sentence: notes.print(sentence, markup=False, soft_wrap=True))
    with writing(path):
        write_text(path, sized.text)
    if as_json:
        forecast = asdict(sized.forecast)
        print_json({"study": name, "file": str(path), "forecast_seconds": forecast, "sizes": asdict(sized.sizes)})
    else:
        _print_sized(sized, chosen.notes, path)


def _asked() -> str:
    """The data, asked for on a terminal.

    Errors: `InputError` without a terminal.
    """
    if not sys.stdin.isatty():
        raise InputError(f"--data: must be given: {NEEDED}")
    return str(typer.prompt(f"Data ({NEEDED})", err=True))


def _print_sized(sized: "SizedStudy", notes: tuple[str, ...], path: Path) -> None:
    from studies.file.messages import count_noun
    from studies.file.real_samples import load_samples
    from studies.reporting.terminal.data_text import data_text
    from studies.reporting.terminal.outline import feature_lines, fresh_seed_lines
    from studies.reporting.terminal.plan_text import duration_range

    study, sizes, screen = sized.study, sized.sizes, console()
    file = quote(str(path))
    lines = [
        data_text(load_samples(study.data)),
        *(f"  {note}" for note in notes),
        *feature_lines(study),
        f"{path} compares {', '.join(condition.name for condition in study.conditions)}: of each "
        f"{count_noun(sizes.explore, 'random setting')} and {sizes.exploit} suggested ones with "
        f"{count_noun(sizes.seeds, 'seed')}, the best again with {sizes.confirm_seeds}; {sizes.steps} critic steps.",
        *fresh_seed_lines(study),
        f"A run takes about {duration_range(sized.forecast)} on this machine:",
        f"  gan-study run {file}",
    ]
    for line in lines:
        screen.print(line, markup=False, soft_wrap=True)


def _write_found(
    source: str, name: str | None, output: Path | None, root: Path | None, *, force: bool, as_json: bool
) -> None:
    from studies.file.validation import check_name
    from studies.locate import results
    from studies.new_study.found_study import found_study

    study, colon, condition = source.rpartition(":")
    if not (colon and study and condition):
        raise InputError(f"--from: must be STUDY:CONDITION, but is {escape_control(source)}")
    study_results = results(study, root=root)
    study_results.study.condition(condition)
    name = name or f"{study_results.study.name}-{condition}"[:64]
    check_name(name, ("NAME",))
    path = output or Path(f"{name}.toml")
    script = path.with_suffix(".py")
    for file in (path, script):
        _refuse_unwanted(file, force=force)
    if script == path:
        raise InputError(f"--output: must not end with .py, but is {escape_control(str(path))}")
    found = found_study(study_results, condition, name=name, folder=path.absolute().parent)
    for file, text in ((path, found.text), (script, found.script)):
        with writing(file):
            write_text(file, text)
    if as_json:
        print_json({"study": name, "file": str(path), "script": str(script)})
    else:
        print(f"{path} has the setting that {study} has found for {condition}, with other random seeds:")
        print(f"  gan-study run {quote(str(path))}")
        print(f"{script} trains it with gan_core alone:")
        print(f"  python {quote(str(script))}")


def _refuse_unwanted(path: Path, *, force: bool) -> None:
    """Check that a file can be written and does not exist yet, unless it may be overwritten."""
    refuse_unwritable(path)
    refuse_existing(path, force=force)


COMMANDS = (new,)
