"""A study as one page for a colleague."""

from studies.report.page import report_page

__all__ = ["report_page"]
