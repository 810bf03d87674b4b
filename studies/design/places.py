"""Places of trials in packs."""

from functools import cached_property

from gan_core.shapes import SampleShape
from gan_core.training import Member, Structure, pack_members, structure, why_unpackable
from studies.design.specification import CONFIRMING, Phase, Place, canonical
from studies.file.condition import Condition, Setting
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
    the earlier ones train. Confirm and authors' trials train by themselves: their seeds fill a pack of their own.

    device  kind of device, which the number of GANs of a pack depends on
    """

    def __init__(self, study: Study, device: str):
        self._study, self._device = study, device
        self._last: dict[tuple[str, Phase, int, Group], Place] = {}
        self._numbers: dict[tuple[str, Phase], int] = {}
        self._trials: dict[str, int] = {}
        self._reasons: dict[tuple[str, Group], str | None] = {}

    def place(self, condition: Condition, phase: Phase, index: int, setting: Setting) -> Place | None:
        """Place of the next trial of a condition and phase; None if it trains by itself.

        Must be called once for each trial of a condition and phase, in the order of their index.
        """
        trials = self._trials_of(phase, setting)
        if trials < 2 or self.why_unpacked(condition, setting) is not None:
            return None
        batch = index // self._study.search.exploit.batch if phase == "exploit" else 0
        key, number = (condition.name, phase, batch, _group(setting)), self._numbers.get((condition.name, phase), 0)
        last = self._last.get(key)
        if last is None or last.slot + 1 == trials:
            self._numbers[condition.name, phase] = number + 1
            place = Place(pack=number, slot=0, trials=trials)
        else:
            place = Place(pack=last.pack, slot=last.slot + 1, trials=trials)
        self._last[key] = place
        return place

    def trials_of(self, condition: Condition) -> int:
        """Number of explore trials of a condition that share a pack at most; 1: each trains by itself."""
        reasons = self.unpacked()
        return 1 if condition.name in reasons else self._trials_of("explore", next(condition.extreme_settings()))

    def unpacked(self) -> dict[str, str]:
        """Reasons why trials of a condition cannot form packs, by condition; without conditions whose trials can."""
        return {
            condition.name: reason
            for condition in self._study.conditions
            for setting in condition.extreme_settings()
            if (reason := self.why_unpacked(condition, setting)) is not None
        }

    def why_unpacked(self, condition: Condition, setting: Setting) -> str | None:
        """Reason why trials of a condition with this structure cannot form packs; None if they can, or need none."""
        if not self._study.search.in_packs or self._trials_per_pack(setting) < 2:
            return None
        key = (condition.name, _group(setting))
        if key not in self._reasons:
            self._reasons[key] = _why_unpackable(setting, self._sample_shape)
        return self._reasons[key]

    def _trials_of(self, phase: Phase, setting: Setting) -> int:
        """Number of places of a pack of this phase: not more than a batch of exploit would fill."""
        if phase in CONFIRMING or not self._study.search.in_packs:
            return 1
        most = self._trials_per_pack(setting)
        return min(most, self._study.search.exploit.batch) if phase == "exploit" else most

    def _trials_per_pack(self, setting: Setting) -> int:
        networks = canonical(plain(setting.networks))
        if networks not in self._trials:
            members = pack_members(setting.networks, self._sample_shape, self._device)
            self._trials[networks] = members // self._study.seeds
        return self._trials[networks]

    @cached_property
    def _sample_shape(self) -> SampleShape:
        return load_samples(self._study.data).sample_shape


def _why_unpackable(setting: Setting, shape: SampleShape) -> str | None:
    try:
        return why_unpackable(setting.objective, setting.constraint, setting.networks, shape)
    except Exception as error:  # of a user's code; it ends the trial when it is raised there
        return f"objective: cannot be tried before the start, since it {describe_error(error)}"


def _group(setting: Setting) -> Group:
    member = Member(objective=setting.objective, constraint=setting.constraint, training=setting.training, seed=0)
    return canonical(plain(setting.networks)), structure(member)
