"""Functions of the Python interface, exported by `import studies`."""

from collections.abc import Sequence
from pathlib import Path

from studies.analysis.comparison import Comparison
from studies.locate import results
from studies.reporting.paper import Paper
from studies.tables.results import Results

__all__ = ["compare", "paper", "results"]


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
