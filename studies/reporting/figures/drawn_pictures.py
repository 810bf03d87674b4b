"""Record of the results that the pictures in a study's folder were drawn from: unchanged ones are not drawn again."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from studies.execution.environment import versions
from studies.tables.results import Results
from studies.written_files import write_text

FILE = "pictures.json"


@dataclass(frozen=True)
class RunPictures:
    """Pictures of the last run of a study, in its folder of the ledger.

    ranking  None before a condition is confirmed
    sheets   sample sheet of each condition that has one
    maps     of a study of stability maps
    """

    ranking: Path | None
    sheets: Mapping[str, Path]
    maps: Sequence[Path]

    @classmethod
    def drawn(cls, folder: Path, results: Results) -> "RunPictures | None":
        """The pictures that an earlier run left in a study's folder; None if they must be drawn.

        They must be drawn if the results have changed since, or if one of the files is missing or was changed.
        """
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            table = json.loads((folder / FILE).read_text(encoding="utf-8"))
            if table["drawn_from"] == _checksum(results) and table["files"] == _contents(folder, table["files"]):
                ranking = None if table["ranking"] is None else folder / table["ranking"]
                sheets = {name: folder / path for name, path in table["sheets"].items()}
                return cls(ranking, sheets, [folder / path for path in table["maps"]])
        return None

    def record(self, folder: Path, results: Results, further: Sequence[Path]) -> None:
        """Write which files were drawn from which results, for `drawn`.

        further  files that were drawn besides these pictures

        Errors: `OSError` if the file cannot be written.
        """
        names = {path: str(path.relative_to(folder)) for path in (*self._files(), *further)}
        table = {
            "drawn_from": _checksum(results),
            "ranking": None if self.ranking is None else names[self.ranking],
            "sheets": {condition: names[path] for condition, path in self.sheets.items()},
            "maps": [names[path] for path in self.maps],
            "files": _contents(folder, names.values()),
        }
        write_text(folder / FILE, json.dumps(table, indent=1))

    def _files(self) -> list[Path]:
        ranking = [] if self.ranking is None else [self.ranking]
        return [*ranking, *self.sheets.values(), *self.maps]


def _checksum(results: Results) -> str:
    """Hash of what the pictures follow from: package versions, study, provenance, state and checksums of each trial."""
    trials = [
        (trial.spec.name, trial.spec.key, trial.state, trial.facts["checksums"] if trial.finished else None)
        for trial in results.trial_records
    ]
    return _hash(json.dumps([versions(), results.study.table(), asdict(results.provenance), trials]).encode())


def _contents(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: _hash((folder / name).read_bytes()) for name in names}


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()
