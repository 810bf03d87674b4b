"""A self-contained HTML page about a study."""

from studies.reporting.page.report_page import render_page

__all__ = ["render_page"]
