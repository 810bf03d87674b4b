"""Functions of the Python interface, exported by `import studies`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from studies.analysis.comparison import Comparison
from studies.file.study import Study
from studies.forecast.study_plan import Plan, plan_of
from studies.locate import results
from studies.reporting.paper import Paper
from studies.tables.results import Results
from studies.tracking.row_counts import tracking_rows

__all__ = ["compare", "paper", "plan", "results"]


def plan(study: Study, *, calibrate: bool = False, note: Callable[[str], None] = lambda sentence: None) -> Plan:
    """The plan of a study on this machine: trials, steps, seconds, memory, bytes, and what its ledger has.

    Kinds of packs whose costs are not in the cache are measured for about a minute at most. Nothing else is written.

    study      as `Study.load` returns it
    calibrate  True: measure costs again that are in the cache
    note       called with one sentence before the first measurement

    Errors: `InputError` if the machine cannot run the study; `DamagedError` for a damaged ledger; `StudyFailed` if
    nothing can be measured.
    """
    return plan_of(study, tracking=tracking_rows(study), again=calibrate, note=note)


def compare(
    study: str | Path | Results,
    *,
    tau: Sequence[float] | None = None,
    root: str | Path | None = None,
    tracking_uri: str | None = None,
    evaluation: str | None = None,
) -> Comparison:
    """Tables that compare a study's conditions: stable volumes, stable ranges, pairwise tests and others.

    study                           the study's name or folder, or its results
    tau                             target distances; by default three between the reference distances `constant` and
                                    `real`
    root, tracking_uri, evaluation  as for `results`

    Errors: as for `results`.
    """
    if isinstance(study, Results):
        return Comparison(study, tau=tau)
    read = results(study, root=root, tracking_uri=tracking_uri, evaluation=evaluation)
    return Comparison(read, tau=tau)


def paper(
    study: str | Path | Results,
    *,
    tau: Sequence[float] | None = None,
    root: str | Path | None = None,
    tracking_uri: str | None = None,
    evaluation: str | None = None,
) -> Paper:
    """Methods, tables and references of a study as LaTeX and BibTeX; `write(folder)` writes them.

    study, tau, root, tracking_uri, evaluation  as for `compare`

    Errors: as for `results`.
    """
    return Paper.of(compare(study, tau=tau, root=root, tracking_uri=tracking_uri, evaluation=evaluation))
