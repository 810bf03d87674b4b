"""Texts that values show of themselves, written by rooms above those in which the values' classes are.

`studies.reporting.notebook` registers the classes, and `studies.api` imports it: values that the functions of `studies`
return have these texts.
"""

from functools import singledispatch


@singledispatch
def html_view(value: object) -> str | None:
    """The HTML with which a notebook shows a value; None for a class without one, which is shown by its repr."""
    return None


@singledispatch
def text_view(value: object) -> str:
    """The text that `print` shows of a value; its repr for a class without one."""
    return repr(value)
