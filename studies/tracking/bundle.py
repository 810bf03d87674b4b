"""Bundle: one Parquet file with the records of all trials of a study, an artifact of the study's run in MLflow.

Downloading the bundle replaces several requests for each trial. A running study uploads a new bundle now and then,
alternately under two names. A tag of the study's run holds the number and the checksum of the valid bundle, so an
interrupted upload leaves the previous bundle valid. A tag of each trial's run holds the number of the first bundle that
has the trial in its latest state, so the runs of trials that ended after the last bundle can be searched for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.ledger.storage import checksum
from studies.ledger.trial_records import TrialRecord, write_trials

FOLDER = "bundle"
"""Folder of the bundles among the artifacts of the study's run."""
BUNDLE_TAG = "mlflow.gan_studies.bundle"
"""Tag of a study's run: number and checksum of the valid bundle. MLflow's pages hide tags that begin with `mlflow.`"""
FIRST_BUNDLE_TAG = "mlflow.gan_studies.first_bundle"
"""Tag of a trial's run: number of the first bundle that has the trial in its latest state."""
MIN_TRIALS, MIN_SHARE = 64, 0.2
"""A running study gets a new bundle when this many trials, and this share of all that ended, ended since the last."""


@dataclass(frozen=True)
class Bundle:
    """Number and checksum of a bundle.

    number    1 for the first bundle of a study's run; 0 if there is none yet
    checksum  checksum of the file; empty if there is none yet
    """

    number: int = 0
    checksum: str = ""

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> "Bundle":
        """The valid bundle, from the tags of a study's run; its number is 0 if there is none yet."""
        number, _, digest = tags.get(BUNDLE_TAG, "0").partition(" ")
        return cls(int(number), digest)

    def __str__(self) -> str:
        return f"{self.number} {self.checksum}"

    @property
    def file(self) -> str:
        """Path of the file among the artifacts of the study's run."""
        return f"{FOLDER}/{self.number % 2}.parquet"

    @property
    def next_number(self) -> str:
        """Number of the bundle after this one, as text."""
        return str(self.number + 1)

    def write_next(self, trials: Sequence[TrialRecord], folder: Path) -> tuple["Bundle", Path]:
        """Write `trials` as the bundle after this one; return that bundle and the path of its file in `folder`."""
        path = folder / Path(Bundle(self.number + 1).file).name
        write_trials(trials, path)
        return Bundle(self.number + 1, checksum(path.read_bytes())), path


def is_due(ended_since: int, ended: int) -> bool:
    """True if it is time for a running study to upload a new bundle.

    ended_since  number of trials that ended since the last bundle
    ended        number of all trials that ended
    """
    return ended_since >= max(MIN_TRIALS, MIN_SHARE * ended)
