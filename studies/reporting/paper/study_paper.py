"""The text, tables and references of a study for a paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studies.analysis.comparison import Comparison
from studies.reporting.paper.latex_tables import latex_table
from studies.reporting.paper.methods_text import methods
from studies.reporting.paper.paper_citations import Citations
from studies.reporting.paper.paper_tables import paper_tables
from studies.reporting.paper.unfinished_study import unfinished
from studies.written_files import write_text


def references(compared: Comparison) -> str:
    """BibTeX entries of exactly what a study used: what its methods cite."""
    citations = Citations()
    methods(compared, citations)
    return _bibtex(compared, citations)


def _bibtex(compared: Comparison, citations: Citations) -> str:
    versions = compared.results.environment.get("versions", {})
    return citations.bibtex(str(versions.get("gan-studies") or "unknown"))


@dataclass(frozen=True)
class Paper:
    """The material of a study for a paper, as LaTeX and BibTeX.

    methods     the methods: data, conditions, training, search, evaluation, failures, statistics, software
    tables      each table that has rows, by name; they need the package booktabs
    references  BibTeX of exactly what `methods` cites
    missing     a sentence about the trials that have not ended; empty for a finished study
    """

    methods: str
    tables: Mapping[str, str]
    references: str
    missing: str

    @classmethod
    def of(cls, compared: Comparison) -> "Paper":
        """The material of a study from its comparison."""
        results, citations = compared.results, Citations()
        text = methods(compared, citations)
        return cls(
            methods=text,
            tables={table.name: latex_table(table, results.study.name) for table in paper_tables(compared)},
            references=_bibtex(compared, citations),
            missing=unfinished(results),
        )

    def write(self, folder: str | Path) -> None:
        """Write methods.tex, references.bib and tables/NAME.tex into a folder, which is made if it does not exist."""
        tables = Path(folder) / "tables"
        tables.mkdir(parents=True, exist_ok=True)
        for name, table in self.tables.items():
            write_text(tables / f"{name}.tex", table)
        write_text(Path(folder) / "references.bib", self.references)
        write_text(Path(folder) / "methods.tex", self.methods)  # last: with it the folder is complete
