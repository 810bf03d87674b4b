"""Material for a paper about a study: methods, tables and references, as LaTeX and BibTeX."""

from studies.reporting.paper.found_tables import ranking_table
from studies.reporting.paper.latex_tables import latex_frame, latex_table
from studies.reporting.paper.study_paper import Paper, references

__all__ = ["Paper", "latex_frame", "latex_table", "ranking_table", "references"]
