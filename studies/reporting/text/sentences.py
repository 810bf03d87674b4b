"""Sentences that state findings, from the templates in `templates/`."""

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from studies.reporting.text.finding import Finding
from studies.reporting.text.template_environment import template_environment

if TYPE_CHECKING:
    from jinja2 import Environment

_BREAK = re.compile(r"[ \n]+")
"""Line breaks and indentation of a template, which are spaces in a sentence."""


def sentence(finding: Finding) -> str:
    """The sentence that states a finding: its macro in the template of its module, filled with its fields."""
    kind = type(finding)
    template = _environment().get_template(f"{kind.__module__.rpartition('.')[2]}.jinja")
    return _BREAK.sub(" ", getattr(template.module, kind.__name__)(**vars(finding))).strip(" ")


def sentences(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The sentences that state these findings, in their order."""
    return tuple(map(sentence, findings))


@cache
def _environment() -> "Environment":
    return template_environment("studies.reporting.text")
