"""Summary after a run: ranking, answer, failed trials, files written, commands to continue with."""

import json
from pathlib import Path
from shlex import quote

from rich.console import Console

from studies.analysis.comparison import Comparison
from studies.design import TrialSpec
from studies.execution.runner import RunResult
from studies.file.messages import count_noun
from studies.file.study import Study
from studies.ledger.ledger import Ledger
from studies.numbers import format_setting
from studies.reporting.figures import SampleSheets, write_pictures
from studies.reporting.terminal.progress_view import trial_label
from studies.reporting.terminal.ranking_table import print_ranking, print_undecided_pairs
from studies.reporting.text.answer import answer
from studies.reporting.text.sentences import sentences
from studies.reporting.text.stopped_conditions import stopped
from studies.tables.results import Results

MOST_LINES = 20
"""Largest number of trials without a result that are listed."""


def print_run_summary(
    results: Results,
    ledger: Ledger,
    run: RunResult,
    console: Console,
    samples: SampleSheets,
    *,
    on_cluster: bool = False,
) -> None:
    """Print the summary and write the pictures of the run; after an interruption print only how to resume.

    on_cluster  True: the text is read on another machine, so that no command with a path of this one is printed
    """
    name, folder = results.study.name, ledger.study_folder(results.study.name)
    if run.interrupted:
        why = run.limit or "interrupted"
        line = f"\n{why}; the same command resumes {name} where it stopped."
        console.print(line, markup=False, soft_wrap=True)
        return
    console.print()
    comparison = Comparison(results)
    print_ranking(comparison, console)
    print_undecided_pairs(comparison, console)
    console.print()
    for sentence in sentences(answer(comparison)):
        console.print(sentence, markup=False, soft_wrap=not console.is_terminal)
    for sentence in sentences(stopped(results)):
        console.print(sentence, markup=False, soft_wrap=not console.is_terminal)
    _print_without_result(results, run, console)
    pictures = write_pictures(comparison, folder, samples)
    console.print()
    if on_cluster:
        console.print(f"on the cluster: ledger {ledger.root}, pictures in {folder}", markup=False, soft_wrap=True)
        return
    for path in pictures.maps:
        console.print(f"map: {path}", markup=False, soft_wrap=True)
    if pictures.ranking is not None:
        console.print(f"picture: {pictures.ranking}", markup=False, soft_wrap=True)
    for condition in results.ranking["condition"][:1]:
        if condition in pictures.sheets:
            has_rank = results.ranking["rank"].notna().iloc[0]
            ranks = ", which ranks first" if has_rank else ""
            line = f"samples: {pictures.sheets[condition]} shows fakes of {condition}{ranks}"
            console.print(line, markup=False, soft_wrap=True)
    console.print(f"ledger:  {ledger.root}", markup=False, soft_wrap=True)
    console.print(_next_commands(name, ledger.root), markup=False, soft_wrap=True)


def _print_without_result(results: Results, run: RunResult, console: Console) -> None:
    """Print a line for each of the first trials without a result, and each traceback of a user's code once."""
    tracebacks: dict[str, str] = {}
    for trial in run.without_result[:MOST_LINES]:
        assert trial.end is not None
        state = trial.state.replace("_", " ")
        again = "; the same command repeats it" if trial.state == "lost" else ""
        setting = _setting(results.study, trial.spec)
        line = f"without a result: {trial_label(trial.spec)}{setting}: {state}: {trial.end.reason}{again}"
        console.print(line, markup=False, soft_wrap=True)
        if trial.state == "error":
            calls = trial.end.detail.rstrip().rpartition("\n")[0]  # without the message, which may hold numbers
            tracebacks.setdefault(calls, trial.end.detail)
    if (more := len(run.without_result) - MOST_LINES) > 0:
        command = f"gan-study results {results.study.name} --table trials"
        console.print(f"{count_noun(more, 'more trial')} without a result: {command} lists them", markup=False)
    for detail in tracebacks.values():
        console.print(f"\n{detail}", markup=False, soft_wrap=True)


def _setting(study: Study, spec: TrialSpec) -> str:
    """Values of the searched hyperparameters after a label, as in " (clip_value = 0.1)"; empty if there are none."""
    names = study.short_names
    values = [f"{names[path]} = {format_setting(value)}" for path, value in spec.configuration.items()]
    return f" ({', '.join(values)})" if values else ""


def _next_commands(name: str, root: Path) -> str:
    is_default = root == (Path.cwd() / "gan-studies").resolve()
    option, argument = ("", "") if is_default else (f" --root {quote(str(root))}", f", root={json.dumps(str(root))}")
    program = f'import studies; print(studies.results("{name}"{argument}).trials)'
    return (
        f"next:    gan-study compare {name}{option}\n"
        f"         gan-study report {name}{option}\n"
        f"         gan-study results {name}{option} --table members --format csv\n"
        f"         python -c {quote(program)}"
    )
