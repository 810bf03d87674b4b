"""One trial of a design, and the addresses of what it trains and of how it is evaluated."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

Phase = Literal["explore", "exploit", "confirm", "authors"]
PHASES: tuple[Phase, ...] = ("explore", "exploit", "confirm", "authors")
CONFIRMING: tuple[Phase, ...] = ("confirm", "authors")
"""Phases evaluated on the test split, with fresh seeds: no configuration is chosen by their results."""
Configuration = dict[str, Any]
"""Values of the hyperparameters by dotted path."""


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One trial of the design.

    index               number of the trial among those of its condition and phase, from 0
    configuration       values of the condition's hyperparameters
    identity            everything that determines what is trained
    address             hash of `identity`
    evaluation          everything that determines the metrics: split, settings, versions
    evaluation_address  hash of `evaluation`
    """

    condition: str
    phase: Phase
    index: int
    configuration: Configuration
    identity: dict[str, Any]
    address: str
    evaluation: dict[str, Any]
    evaluation_address: str

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

    def payload(self) -> str:
        """Description of the trial for a worker, as JSON text: Tune would read a dictionary as a search space."""
        names = ("name", "key", "address", "identity", "evaluation", "evaluation_address")
        return json.dumps({name: getattr(self, name) for name in names})


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
