"""Places of trials in packs."""

from functools import cached_property

from gan_core.shapes import SampleShape
from gan_core.training import Member, Structure, pack_members, structure, why_unpackable
from studies.design.specification import CONFIRMING, Phase, Place, canonical
from studies.errors import GanStudyError
from studies.file.condition import Condition, Setting
from studies.file.hung_code import hung_code_ended
from studies.file.modules import describe_error
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.file.validation import plain

Group = tuple[str, Structure]
"""Networks, as JSON text, and structure of a trial's members: trials that differ in it cannot share a pack."""


class Packs:
    """Places of a study's trials in packs; they depend on the order of the draws and on their structure alone.

    A pack holds explore or exploit trials of one condition that agree in structure: everything but numbers such as
    learning rates and weights. Exploit trials of two batches are in two packs, since the later ones are unknown when
    the earlier ones train. Confirm, authors' and path trials train by themselves: their seeds fill a pack of their own.
    Path-choice trials do too, so that one that trains what an earlier one has trained has its address.

    device  kind of device, which the number of GANs of a pack depends on
    """

    def __init__(self, study: Study, device: str):
        self._study, self._device = study, device
        self._last: dict[tuple[str, Phase, int, Group], Place] = {}
        self._numbers: dict[tuple[str, Phase], int] = {}
        self._trials: dict[str, int] = {}
        self._reasons: dict[tuple[str, Group], str | None] = {}

    def copy(self) -> "Packs":
        """Places that go on after those that this object has given, without changing it."""
        copied = Packs(self._study, self._device)
        copied._last, copied._numbers = dict(self._last), dict(self._numbers)
        copied._trials, copied._reasons = self._trials, self._reasons  # the same for every copy
        return copied

    def place(self, condition: Condition, phase: Phase, index: int, setting: Setting) -> Place | None:
        """The pack and the slot of the next trial of a condition and phase; None if it trains without a pack.

        Must be called once for each trial of a condition and phase, in the order of their index.
        """
        if phase in (*CONFIRMING, "path_choice") or not self._study.search.in_packs:
            return None
        group = _group(setting)
        trials, batch = self._most(group, setting), 0
        if phase == "exploit":  # more places than a batch has trials would never be filled
            trials = min(trials, self._study.search.exploit.batch)
            batch = index // self._study.search.exploit.batch
        if trials < 2 or self._reason(condition, group, setting) is not None:
            return None
        key, number = (condition.name, phase, batch, group), self._numbers.get((condition.name, phase), 0)
        last = self._last.get(key)
        if last is None or last.slot + 1 == trials:
            self._numbers[condition.name, phase] = number + 1
            place = Place(pack=number, slot=0, trials=trials)
        else:
            place = Place(pack=last.pack, slot=last.slot + 1, trials=trials)
        self._last[key] = place
        return place

    def explore_trials(self, condition: Condition) -> int:
        """Largest number of explore trials of a condition in one pack; 1: each trains without a pack."""
        if condition.own_loop or not self._study.search.in_packs or self._first_reason(condition) is not None:
            return 1
        setting = next(condition.extreme_settings())
        return max(1, self._most(_group(setting), setting))

    def unpacked(self) -> dict[str, str]:
        """Reasons why trials of a condition cannot form packs, by condition; without conditions whose trials can."""
        if not self._study.search.in_packs:
            return {}
        reasons = {condition.name: self._first_reason(condition) for condition in self._study.conditions}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def _first_reason(self, condition: Condition) -> str | None:
        reasons = (self._reason(condition, _group(setting), setting) for setting in condition.extreme_settings())
        return next((reason for reason in reasons if reason is not None), None)

    def _reason(self, condition: Condition, group: Group, setting: Setting) -> str | None:
        """Reason why trials of this structure cannot form packs; None if they can, or would gain nothing."""
        if self._most(group, setting) < 2:
            return None
        if (condition.name, group) not in self._reasons:
            self._reasons[condition.name, group] = _why_unpackable(setting, self._sample_shape)
        return self._reasons[condition.name, group]

    def _most(self, group: Group, setting: Setting) -> int:
        """Largest number of trials in one pack of these networks."""
        networks, _ = group
        if networks not in self._trials:
            members = pack_members(setting.networks, self._sample_shape, self._device)
            self._trials[networks] = members // self._study.seeds
        return self._trials[networks]

    @cached_property
    def _sample_shape(self) -> SampleShape:
        return load_samples(self._study.data).sample_shape


def _why_unpackable(setting: Setting, shape: SampleShape) -> str | None:
    try:
        with hung_code_ended():
            return why_unpackable(setting.objective, setting.constraint, setting.networks, shape)
    except GanStudyError:
        raise
    except Exception as error:  # of a user's code; it ends the trial when it is raised there
        return f"objective: cannot be tried before the start, since it {describe_error(error)}"


def _group(setting: Setting) -> Group:
    member = Member(objective=setting.objective, constraint=setting.constraint, training=setting.training, seed=0)
    return canonical(plain(setting.networks)), structure(member)
