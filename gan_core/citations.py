"""BibTeX of the papers and programs that the parts of a study come from."""

import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

_ENTRIES = files("gan_core").joinpath("references.bib").read_text(encoding="ascii").strip().split("\n\n")
BIBTEX = {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in _ENTRIES}
"""BibTeX entry of each reference, by key, from `references.bib`. A key is the first author's surname and the year."""


def _mention(key: str) -> re.Pattern[str]:
    """Pattern of a reference in a text: the first author's surname, and the year not far behind."""
    surname, year = key[:-4], key[-4:]
    return re.compile(rf"\b{surname}\b[^;:.]{{0,40}}?(?:et al\.[^;:.]{{0,9}}?)?\b{year}\b", re.IGNORECASE)


_MENTIONS = {key: _mention(key) for key in BIBTEX if key[-4:].isdecimal()}


def cited_papers(text: str) -> tuple[str, ...]:
    """Keys in `BIBTEX` of the papers that a text cites by author and year, each once, in order of first mention."""
    found = {key: match.start() for key, pattern in _MENTIONS.items() if (match := pattern.search(text))}
    return tuple(sorted(found, key=lambda key: found[key]))


def papers(part: Any) -> tuple[str, ...]:
    """Keys in `BIBTEX` of the papers that a part comes from: an objective, a data set, a metric, a function, ...

    These are the papers in the `Source:` part of its docstring; for a preset those in its `source`, for a gradient
    penalty those that introduced its location, target and sides, and computing it at every k-th step. Empty if none of
    them is in `BIBTEX`.
    """
    if isinstance(part, type):
        return cited_papers(_source(part))
    if getattr(part, "kind", None) == "gradient_penalty":
        lazy = ("karras2020",) if part.every > 1 else ()
        return _penalty_papers(part.location, part.target, part.sides) + lazy
    return cited_papers(getattr(part, "source", None) or _source(part))


def _source(part: Any) -> str:
    return (part.__doc__ or "").partition("Source:")[2]


def _penalty_papers(location: str, target: int, sides: str) -> tuple[str, ...]:
    if location == "around_real":
        return ("kodali2017",)
    if target == 0:
        return ("mescheder2018", "huang2024") if location == "real_and_fake" else ("mescheder2018",)
    return ("gulrajani2017", "petzka2018") if sides == "one" else ("gulrajani2017",)


def bibtex(keys: Iterable[str]) -> str:
    """The entries of these keys, each once, in this order."""
    return "\n\n".join(BIBTEX[key] for key in dict.fromkeys(keys))


def citation(*used: Any) -> str:
    """BibTeX entries of the papers of objectives, constraints and presets, each once, in the order of the arguments.

    Errors: `TypeError` for an argument that has neither `kind` nor `source`.
    """
    for description in used:
        if not (hasattr(description, "kind") or hasattr(description, "source")):
            raise TypeError(f"used: must be objectives, constraints or presets, but one is {description!r}")
    return bibtex(key for description in used for key in papers(description))
