"""The file on a study's run that holds what is known of all its trials: one download in place of thousands.

It is written again and again: by turns under two names, and the run's tag says which of them holds and what its
checksum is, so that an upload that is interrupted leaves the former file valid. Each trial's run bears the number of
the round that is the first to hold it as it is: a reader asks the server only for the runs of the round to come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.ledger import checksum
from studies.recorded import Recorded, write

GATHERED = "gathered"
"""The tag of a study's run that tells its valid file, and the folder of both files among its artifacts."""
ROUND = "round"
"""The tag of a trial's run: the number of the first file that holds it."""
FIRST_TRIALS, SHARE = 64, 0.2
"""During a run it is written when so many trials, and that share of all, have ended since: its cost stays a share."""


@dataclass(frozen=True)
class Gathering:
    """The valid file of a study's run: how many were written, and its checksum."""

    number: int = 0
    checksum: str = ""

    @classmethod
    def told(cls, tags: Mapping[str, str]) -> "Gathering":
        """By the tags of the study's run; number 0 where no file was written yet."""
        number, _, held = tags.get(GATHERED, "0").partition(" ")
        return cls(int(number), held)

    def __str__(self) -> str:
        return f"{self.number} {self.checksum}"

    @property
    def file(self) -> str:
        """Where it is among the run's artifacts."""
        return f"{GATHERED}/{self.number % 2}.parquet"

    @property
    def next_round(self) -> str:
        return str(self.number + 1)

    def followed_by(self, trials: Sequence[Recorded], folder: Path) -> tuple["Gathering", Path]:
        """Write the next file below a folder."""
        path = folder / Path(Gathering(self.number + 1).file).name
        write(trials, path)
        return Gathering(self.number + 1, checksum(path.read_bytes())), path


def is_due(ended: int, known: int) -> bool:
    """Whether to write it in mid-run: with so many trials ended since the last, of so many that ended."""
    return ended >= max(FIRST_TRIALS, SHARE * known)
