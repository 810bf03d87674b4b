"""One trial of a design, and the addresses of what it trains and of how it is evaluated."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

Phase = Literal["explore", "exploit", "confirm", "authors", "profile", "path_choice", "path"]
PHASES: tuple[Phase, ...] = ("explore", "exploit", "confirm", "authors", "profile", "path_choice", "path")
CONFIRMING: tuple[Phase, ...] = ("confirm", "authors", "path")
"""Phases evaluated on the test split, with fresh seeds: no configuration is chosen by their results."""
Configuration = dict[str, Any]
"""Values of the hyperparameters by dotted path."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Place of a trial in a pack: trials of one structure that train together, each with its own numbers.

    pack    number of the pack among those of its condition and phase, from 0
    slot    place of the trial in the pack, from 0
    trials  number of places; those without a trial are filled with copies of the pack's first trial

    The bits of a training depend on `slot` and `trials`, not on the other trials, so both are part of its address.
    """

    pack: int
    slot: int
    trials: int

    def addressed(self) -> dict[str, int]:
        """The part that determines the bits of a training, as a JSON-serialisable table."""
        return {"slot": self.slot, "trials": self.trials}


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One trial of the design.

    index               number of the trial among those of its condition and phase, from 0
    configuration       values of the condition's hyperparameters
    identity            everything that determines what is trained
    address             hash of `identity`
    evaluation          everything that determines the metrics: split, settings, versions
    evaluation_address  hash of `evaluation`
    place               its place in a pack; None: it trains by itself
    """

    condition: str
    phase: Phase
    index: int
    configuration: Configuration
    identity: dict[str, Any]
    address: str
    evaluation: dict[str, Any]
    evaluation_address: str
    place: Place | None = None

    @property
    def key(self) -> str:
        """Key of the trial's entry in the ledger."""
        return trial_key(self.address, self.evaluation_address)

    @property
    def name(self) -> str:
        """Name of the trial, unique in the study: CONDITION-PHASE-INDEX."""
        return f"{self.condition}-{self.phase}-{self.index}"

    @property
    def seeds(self) -> list[int]:
        """Seeds of the trial's members."""
        return self.identity["seeds"]

    @property
    def pack(self) -> str:
        """Name of the pack that the trial trains in; without a pack the name of the trial."""
        return self.name if self.place is None else f"{self.condition}-{self.phase}-pack-{self.place.pack}"


def payload(trials: Sequence[TrialSpec]) -> str:
    """Description of trials of one pack for a worker, as JSON text: Tune would read a dictionary as a search space."""
    names = ("name", "key", "address", "identity", "evaluation", "evaluation_address")
    return json.dumps([{name: getattr(trial, name) for name in names} for trial in trials])


def content_address(identity: Mapping[str, Any] | str) -> str:
    """Hash of what a trial trains, given as a table or as `canonical` text: 24 hexadecimal digits."""
    return _hash(identity)[:24]


def evaluation_address(evaluation: Mapping[str, Any] | str) -> str:
    """Hash of an evaluation, given as a table or as `canonical` text: 12 hexadecimal digits."""
    return _hash(evaluation)[:12]


def canonical(content: Any) -> str:
    """JSON text that is the same for equal contents, whatever the order of their keys."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def trial_key(address: str, evaluation_address: str) -> str:
    """Key of a trial's entry: its address, and the address of its evaluation."""
    return f"{address}.{evaluation_address}"


def _hash(content: Mapping[str, Any] | str) -> str:
    text = content if isinstance(content, str) else canonical(content)
    return sha256(text.encode()).hexdigest()
