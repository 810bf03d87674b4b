"""Figures, text, report page and terminal output of a study."""
