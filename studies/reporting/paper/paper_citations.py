"""Citations of what a study used: keys for the text, and their BibTeX entries."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, get_args

from gan_core.citations import BIBTEX, bibtex, papers
from gan_core.constraints import GradientPenalty
from gan_core.presets import PRESETS
from studies.file.condition import Condition
from studies.file.distribution_tables import is_distribution
from studies.reporting.paper.latex_text import Tex

PROGRAMS: Mapping[str, str] = {
    "gan-studies": "gan-studies",
    "torch": "paszke2019",
    "optuna": "akiba2019",
    "ray": "moritz2018",
    "scipy": "virtanen2020",
}
"""Key in `BIBTEX` of each program, by the name of its package."""
SAMPLERS: Mapping[str, tuple[str, ...]] = {"tpe": ("bergstra2011",), "gp": (), "random": ()}
"""Keys of the papers of Optuna's samplers, by their names in study files."""


class Citations:
    """Collects the keys of everything that is cited while a text is written."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}

    def cite(self, *used: Any) -> Tex:
        r"""The command `\cite` for parts, functions or keys, after a hard space; empty without a paper."""
        keys: dict[str, None] = {}
        for part in used:
            keys |= dict.fromkeys([part] if isinstance(part, str) else papers(part))
        self._keys |= keys
        return Tex(rf"~\cite{{{','.join(keys)}}}") if keys else Tex("")

    def bibtex(self, version: str) -> str:
        """BibTeX entries of all keys so far, sorted by key; `version` is that of gan-studies."""
        entries = bibtex(sorted(self._keys))
        own = BIBTEX[PROGRAMS["gan-studies"]]
        return entries.replace(own, own.replace("\n}", f",\n  note = {{Version {version}}}\n}}")) + "\n"


def class_of(union: Any, kind: str) -> type | None:
    """The class of a union with this kind; None for a user's own class."""
    return next((member for member in get_args(union) if getattr(member, "kind", None) == kind), None)


def cited_part(union: Any, table: Mapping[str, Any]) -> Any:
    """The part that a table describes, in a form whose papers `papers` finds; None for a user's own class."""
    kind = class_of(union, table["kind"])
    if kind is not GradientPenalty:
        return kind
    if any(is_distribution(table[name]) for name in ("location", "target", "sides", "every")):
        return kind
    return SimpleNamespace(**table)


def optimizers_of_authors(condition: Condition) -> Any:
    """The preset of a condition if one of its networks is trained with the optimizer of the preset's authors."""
    preset = PRESETS.get(condition.preset or "")
    if preset is None:
        return None
    training = condition.table["training"]
    optimizers = ("critic_optimizer", "generator_optimizer")
    has_own = any(_contains(training[name], preset.table["training"][name]) for name in optimizers)
    return preset if has_own else None


def authors_presets(conditions: Iterable[Condition]) -> list[Any]:
    """The presets that were also trained at their authors' settings."""
    named = [condition.preset or "" for condition in conditions if condition.authors is not None]
    return [PRESETS[name] for name in dict.fromkeys(named) if name in PRESETS]


def _contains(table: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    return all(table.get(key) == value for key, value in part.items())
