"""HTML of values in a notebook, written by rooms above those in which the values' classes are."""

from functools import singledispatch


@singledispatch
def html_view(value: object) -> str | None:
    """The HTML with which a notebook shows a value; None for a class without one, which is shown by its repr.

    `studies.reporting.notebook` registers the classes, and `studies.api` imports it: values that the functions of
    `studies` return have their HTML.
    """
    return None
