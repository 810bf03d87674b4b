"""The commands objectives, schema, validate and plan: they describe presets and study files, and run no study."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.completion import presets
from services.cli.options import AsJson, Output, Overrides, Smoke, StudyFile
from services.cli.output import console, print_json, print_or_write
from studies.errors import InputError

if TYPE_CHECKING:
    from studies.file.study import Study


def objectives(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="Name of a preset. Default: a list of all presets.", autocompletion=presets
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the presets, or show one of them.

    A preset is a method from the literature: formula, settings of its authors, ranges worth searching, papers.

    \b
    Examples:
      gan-study objectives
      gan-study objectives wgan-gp
    """
    from gan_core.presets import PRESETS
    from studies.reporting.terminal import preset_text

    if name is not None:
        from studies.file.validation import choose

        preset = PRESETS[choose(name, PRESETS, ("objectives",))]
        if as_json:
            print_json(preset_text.preset_table(preset))
        else:
            console().print(preset_text.preset_text(preset), markup=False, soft_wrap=True, highlight=False)
    elif as_json:
        print_json([preset_text.preset_table(preset) for preset in PRESETS.values()])
    else:
        console().print(preset_text.preset_list(list(PRESETS.values())))
        console().print("gan-study objectives NAME shows one with its formula, settings, ranges and papers.")


def validate(file: StudyFile, overrides: Overrides = None, smoke: Smoke = False, as_json: AsJson = False) -> None:
    """Check a study file without running it.

    Prints the number of trials, the conditions with their searched hyperparameters, and the time of a run, if it is
    known from an earlier gan-study plan.

    \b
    Examples:
      gan-study validate photos.toml
      gan-study validate first-study --set search.explore=16
      gan-study validate photos.toml --json
    """
    from studies.file.study import Study
    from studies.reporting.terminal.outline import outline
    from studies.reporting.terminal.plan_text import time_sentence

    study = Study.load(file, overrides=overrides or [], smoke=smoke)
    if as_json:
        print_json(study.table())
    else:
        console().print(outline(study), markup=False, soft_wrap=True)
    if (missing := _what_is_missing(study)) is not None:
        console(stderr=as_json).print(f"\nThis machine cannot run it: {missing}", markup=False, soft_wrap=True)
    elif not as_json:
        console().print(time_sentence(study, file), markup=False, soft_wrap=True)


def plan(
    file: StudyFile,
    overrides: Overrides = None,
    smoke: Smoke = False,
    calibrate: Annotated[
        bool,
        typer.Option("--calibrate", help="Measure this machine's speed again. Default: what was measured before."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Forecast the time, memory and bytes that a study takes here.

    Also prints what the ledger has of it already, and what a changed file would train again. The first plan of a study
    trains some packs for a moment to measure their speed, for about a minute at most; nothing is written to the ledger.

    \b
    Examples:
      gan-study plan photos.toml
      gan-study plan first-study --set budget.steps=500
    """
    from studies.api import plan as plan_study
    from studies.file.study import Study
    from studies.reporting.terminal.plan_text import plan_table, print_plan

    study = Study.load(file, overrides=overrides or [], smoke=smoke)
    notes = console(stderr=True)
    made = plan_study(study, calibrate=calibrate, note=lambda sentence: notes.print(sentence, markup=False))
    if as_json:
        print_json(plan_table(made))
    else:
        print_plan(made, console())


def _what_is_missing(study: "Study") -> InputError | None:
    """The error that says which resource this machine lacks to run a study; None if it lacks none."""
    from studies.execution.runner import check_resources
    from studies.ledger.ledger import Ledger

    try:
        check_resources(study, Ledger(study.ledger.root))
    except InputError as error:
        return error
    return None


def schema(output: Output = None) -> None:
    """Print the JSON Schema of study files.

    Editors use it to complete and check study files: write it to study.schema.json in the folder of a study file, and
    begin the study file with the line #:schema ./study.schema.json.

    \b
    Examples:
      gan-study schema --output study.schema.json
    """
    import json

    from studies.file.json_schema import json_schema

    print_or_write(json.dumps(json_schema(), indent=1), output)


COMMANDS = (objectives, schema, validate, plan)
