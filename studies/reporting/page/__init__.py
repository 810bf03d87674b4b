"""A self-contained HTML page about a study."""

from studies.reporting.page.report_page import headline_table, render_page

__all__ = ["headline_table", "render_page"]
