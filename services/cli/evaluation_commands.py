"""Commands that evaluate finished trials again: evaluate."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.options import AsJson, Root, StudyOrFolder
from services.cli.output import console, print_json, records

if TYPE_CHECKING:
    from studies.ledger.ledger import Ledger
    from studies.tables.results import Results


def evaluate(
    study: StudyOrFolder,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a field of [evaluation] except measurements, as in evaluation.neighbours=10. May be repeated. "
            "Default: list the further evaluations that the study has.",
        ),
    ] = None,
    phases: Annotated[
        list[str] | None,
        typer.Option(
            "--phase",
            metavar="PHASE",
            help="Evaluate the trials of this phase: explore, exploit, confirm, authors, profile, path_choice or path. "
            "May be repeated. Default: all phases.",
        ),
    ] = None,
    root: Root = None,
    as_json: AsJson = False,
) -> None:
    """Compute other metrics of a finished study.

    Nothing is trained: the metrics are computed from the generators that the finished trials have kept. The search and
    its choice of settings do not change; results, compare and report show the new values with --evaluation ID. A field
    set to its present value computes the metrics that the library has gained since the study ran.

    \b
    Examples:
      gan-study evaluate first-study
      gan-study evaluate first-study --set evaluation.neighbours=10 --phase confirm
    """
    from studies.analysis.comparison import Comparison
    from studies.execution.further_evaluation import changed_settings, evaluate_again, phases_named
    from studies.locate import ledger_of
    from studies.reporting.terminal.ranking_table import print_ranking
    from studies.tables.results import Results

    ledger, name = ledger_of(study, root)
    own = Results.of_ledger(ledger, name)
    if not assignments:
        _print_evaluations(ledger, own, as_json)
        return
    chosen = phases_named(phases or [])
    settings, sources = changed_settings(own, assignments)
    screen = console(stderr=True)

    def progress(done: int, total: int) -> None:
        if total:
            screen.print(f"{done} of {total} trials evaluated", end="\r" if screen.is_terminal else "\n")

    made = evaluate_again(own, ledger, settings, phases=chosen, module_sources=sources, progress=progress)
    seen = Results.of_ledger(ledger, name, evaluation=made.id)
    if as_json:
        print_json({"evaluation": made.id, "ranking": records(seen.ranking)})
        return
    print(f"further evaluation {made.id} of {name}: {seen.evaluation_changes}")
    print_ranking(Comparison(seen), console())
    print(f"next:    gan-study compare {name} --evaluation {made.id}")


def _print_evaluations(ledger: "Ledger", own: "Results", as_json: bool) -> None:
    from studies.ledger.evaluations import read_evaluations

    name, evaluations = own.study.name, read_evaluations(ledger, own.study.name)
    if as_json:
        print_json([{"evaluation": made.id, "settings": made.settings} for made in evaluations.values()])
        return
    if not evaluations:
        print(f"{name} has no further evaluations; --set evaluation.neighbours=10, for example, makes one")
    for made in evaluations.values():
        print(f"{made.id}: {made.changes(own.study.table()['evaluation'])}")


COMMANDS = (evaluate,)
