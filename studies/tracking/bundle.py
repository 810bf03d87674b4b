"""Bundle: two files with the records of all trials of a study, artifacts of the study's run in MLflow.

    trials.parquet  a segment with the light columns of the entries of finished trials
    plan.json.gz    every trial that was started: specification, state, and how it ended without a result

Downloading the bundle replaces several requests for each trial. A running study uploads a new bundle now and then,
alternately into two folders. A tag of the study's run holds the number and the checksums of the valid bundle, so an
interrupted upload leaves the previous bundle valid. A tag of each trial's run holds the number of the first bundle that
has the trial in its latest state, so the runs of trials that ended after the last bundle can be searched for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from studies.ledger.entries import light_row
from studies.ledger.plan_parts import pack_plan
from studies.ledger.sealed import checksum
from studies.ledger.segments import segment_name, to_segment
from studies.ledger.trial_records import TrialRecord

FOLDER = "bundle"
"""Folder of the bundles among the artifacts of the study's run."""
SEGMENT, PLAN = "trials.parquet", "plan.json.gz"
BUNDLE_TAG = "mlflow.gan_studies.bundle"
"""Tag of a study's run: number and checksums of the valid bundle. MLflow's pages hide tags that begin with `mlflow.`"""
FIRST_BUNDLE_TAG = "mlflow.gan_studies.first_bundle"
"""Tag of a trial's run: number of the first bundle that has the trial in its latest state."""
MIN_TRIALS, MIN_SHARE = 64, 0.2
"""A running study gets a new bundle when this many trials, and this share of all that ended, ended since the last."""


@dataclass(frozen=True)
class Bundle:
    """Number and checksums of a bundle.

    number   1 for the first bundle of a study's run; 0 if there is none yet
    segment  name of the segment; empty if no trial is finished
    plan     checksum of the plan; empty if there is no bundle yet
    """

    number: int = 0
    segment: str = ""
    plan: str = ""

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> "Bundle":
        """The valid bundle, from the tags of a study's run; number 0 if there is none or the tag is of another form."""
        found = re.fullmatch(r"([1-9][0-9]{0,8}) ([0-9a-f]{32}|) ([0-9a-f]{64})", tags.get(BUNDLE_TAG, ""))
        return cls(int(found[1]), found[2], found[3]) if found else cls()

    def __str__(self) -> str:
        return f"{self.number} {self.segment} {self.plan}"

    @property
    def folder(self) -> str:
        """Path of the bundle's folder among the artifacts of the study's run."""
        return f"{FOLDER}/{self.number % 2}"

    @property
    def next_number(self) -> str:
        """Number of the bundle after this one, as text."""
        return str(self.number + 1)

    def next(self, trials: Sequence[TrialRecord]) -> tuple["Bundle", dict[str, bytes]]:
        """The bundle of these trials that follows this one, and the content of its files by name."""
        rows = [light_row(trial.entry) for trial in trials if trial.entry is not None]
        segment, plan = to_segment(rows) if rows else b"", pack_plan([to_table(trial) for trial in trials])
        name = segment_name(segment) if rows else ""
        return Bundle(self.number + 1, name, checksum(plan)), {SEGMENT: segment, PLAN: plan}


def to_table(trial: TrialRecord) -> dict[str, Any]:
    """Specification, state and end of a trial as a JSON-serialisable table."""
    end = None if trial.end is None else asdict(trial.end)
    # no copy of the identity, which `asdict` makes: it takes half of the time of a bundle of thousands of trials
    spec = {field.name: getattr(trial.spec, field.name) for field in fields(trial.spec)}
    spec["place"] = None if trial.spec.place is None else asdict(trial.spec.place)
    return {"spec": spec, "state": trial.state, "end": end}


def is_due(ended_since: int, ended: int) -> bool:
    """True if it is time for a running study to upload a new bundle.

    ended_since  number of trials that ended since the last bundle
    ended        number of all trials that ended
    """
    return ended_since >= max(MIN_TRIALS, MIN_SHARE * ended)
