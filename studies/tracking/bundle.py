"""Bundle: one file with the records of all trials of a study, an artifact of the study's run.

Downloading it replaces several requests for each trial. It is written several times during a run, alternately under two
names. A tag of the study's run holds number and checksum of the valid file, so an interrupted upload leaves the
previous one valid. A tag of each trial's run holds the number of the first bundle that contains the trial, so the runs
of trials that ended after the last bundle can be searched for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.ledger.storage import checksum
from studies.ledger.trial_records import TrialRecord, write_trials

FOLDER = "bundle"
"""Folder of both files among the artifacts of the study's run."""
BUNDLE_TAG = "mlflow.gan_studies.bundle"
"""Tag of a study's run: number and checksum of the valid bundle. MLflow's pages hide tags that begin with `mlflow.`"""
FIRST_BUNDLE_TAG = "mlflow.gan_studies.first_bundle"
"""Tag of a trial's run: number of the first bundle that contains it."""
MIN_TRIALS, MIN_SHARE = 64, 0.2
"""A running study gets a new bundle once this many trials, and this share of the ended ones, ended since the last."""


@dataclass(frozen=True)
class Bundle:
    """The valid bundle of a study's run.

    number    bundles are counted from 1; 0 if there is none yet
    checksum  of the file
    """

    number: int = 0
    checksum: str = ""

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> "Bundle":
        """The bundle that the tags of a study's run name."""
        number, _, digest = tags.get(BUNDLE_TAG, "0").partition(" ")
        return cls(int(number), digest)

    def __str__(self) -> str:
        return f"{self.number} {self.checksum}"

    @property
    def file(self) -> str:
        """Path among the artifacts of the study's run."""
        return f"{FOLDER}/{self.number % 2}.parquet"

    @property
    def next_number(self) -> str:
        """Number of the next bundle, as text."""
        return str(self.number + 1)

    def write_next(self, trials: Sequence[TrialRecord], folder: Path) -> tuple["Bundle", Path]:
        """Write the next bundle into a local folder, and return it with the path of its file."""
        path = folder / Path(Bundle(self.number + 1).file).name
        write_trials(trials, path)
        return Bundle(self.number + 1, checksum(path.read_bytes())), path


def is_due(ended_since: int, ended: int) -> bool:
    """True if a running study needs a new bundle.

    ended_since  number of trials that ended since the last bundle
    ended        number of all trials that ended
    """
    return ended_since >= max(MIN_TRIALS, MIN_SHARE * ended)
