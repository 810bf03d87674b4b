"""Words that a shell completes: studies of the catalog and of the ledger, study files, presets.

Where none of them begins with what was typed, shells complete files.
"""

from collections.abc import Iterable
from pathlib import Path

import typer

from studies.file.source import catalog


def study_files(incomplete: str) -> list[str]:
    """Names of the studies in the catalog, and the TOML files of the working folder."""
    return _beginning([*catalog(), *(path.name for path in Path().glob("*.toml"))], incomplete)


def study_names(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the studies in the ledger: in the folder of --root, if that stands before, else in ./gan-studies."""
    root = Path(context.params.get("root") or "gan-studies")
    return _beginning((path.parent.name for path in root.glob("studies/*/study.json")), incomplete)


def presets(incomplete: str) -> list[str]:
    """Names of the presets."""
    from gan_core.presets import PRESETS

    return _beginning(PRESETS, incomplete)


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return sorted(word for word in words if word.startswith(incomplete))
