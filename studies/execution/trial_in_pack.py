"""One trial in the training of its pack."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from gan_core.data import Dataset
from gan_core.training import Member, Trainer
from studies.execution.kept_samples import Last
from studies.file.budget import StepCounts
from studies.file.condition import LOOP, PARTS, Setting, described_by, step_counts
from studies.file.validation import build


class TrialInPack:
    """One trial in the training of its pack, with its evaluations so far.

    key       key of the trial's entry
    tables    tables of its setting, or of the user's loop
    steps     numbers of steps in its iterations
    seeds     seeds of its members
    slot      its slot in the pack
    slots     number of slots of the pack; 1: the trial trains without a pack
    rows      the trial's part of the member axis of the pack
    end       number of iterations after which all its members were non-finite; None if one of them is finite
    last      what is kept of a trial that ended early
    measured  metrics by name, one value per member, of each evaluation
    reported  number of evaluations that were reported
    """

    def __init__(self, trial: Mapping[str, Any]):
        self._trial, identity = trial, trial["identity"]
        self.key: str = trial["key"]
        self.tables = described_by(identity)
        self.steps: StepCounts = step_counts(identity)
        self.seeds: list[int] = identity["seeds"]
        place: Mapping[str, int] = identity.get("pack", {"slot": 0, "trials": 1})
        self.slot, self.slots = place["slot"], place["trials"]
        self.rows = slice(self.slot * len(self.seeds), (self.slot + 1) * len(self.seeds))
        self.end: int | None = None
        self.last: Last = {}
        self.measured: list[dict[str, list[float]]] = []
        self.reported = 0

    @property
    def own_loop(self) -> bool:
        """True if a user's loop trains it."""
        return LOOP in self.tables

    @cached_property
    def setting(self) -> Setting:
        """Objective, constraint, networks and training; of a trial that a user's loop trains there are none."""
        return build(Setting, {part: self.tables[part] for part in PARTS}, ())

    @property
    def members(self) -> list[int]:
        """Indices of the trial's members along the member axis of the pack."""
        return list(range(self.rows.start, self.rows.stop))

    @property
    def device(self) -> str:
        """Kind of device that it trains on."""
        return self._trial["identity"]["provenance"]["device"]

    def addresses(self) -> dict[str, Any]:
        """Identity and evaluation of the trial, with their addresses."""
        return {name: self._trial[name] for name in ("address", "identity", "evaluation_address", "evaluation")}

    def end_of(self, nonfinite: Sequence[int]) -> int | None:
        """`end`, from the first non-finite iteration of each member of the pack, -1 if it has none."""
        own = nonfinite[self.rows]
        return max(own) if min(own) >= 0 else None

    def in_pack(self) -> list[Member]:
        """Its members, as the trainer of a pack takes them."""
        setting = self.setting
        return [
            Member(objective=setting.objective, constraint=setting.constraint, training=setting.training, seed=seed)
            for seed in self.seeds
        ]

    def state(self) -> dict[str, Any]:
        """Evaluations and end, for a checkpoint."""
        return {"measured": self.measured, "end": self.end, "last": self.last}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.measured, self.end, self.last = state["measured"], state["end"], state["last"]


def trainer_of(trials: Sequence[TrialInPack], data: Dataset, *, health_batch: int) -> Trainer:
    """The trainer of one trial, or of trials of one pack; empty places are filled with copies of the first trial."""
    first = trials[0]
    networks, training = first.setting.networks, first.setting.training
    if first.slots == 1:
        return Trainer(
            objective=first.setting.objective,
            constraint=first.setting.constraint,
            networks=networks,
            training=training,
            data=data,
            seeds=first.seeds,
            device=first.device,
            health_batch=health_batch,
        )
    by_slot = {trial.slot: trial for trial in trials}
    filled = [by_slot.get(slot, first) for slot in range(first.slots)]
    members = [member for trial in filled for member in trial.in_pack()]
    return Trainer.of_pack(members, networks=networks, data=data, device=first.device, health_batch=health_batch)
