"""Notebooks: the HTML of results, comparisons, plans and settings found, and the progress of a run."""

from studies.reporting.notebook import notebook_views
from studies.reporting.notebook.notebook_progress import NotebookProgress

__all__ = ["NotebookProgress", "notebook_views"]
