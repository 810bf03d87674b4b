"""Objects of a trial that is not finished: a mark of its start, a checkpoint, the reason of its end.

running/KEY/started     sealed record with the node that started the trial, and the key of the trial under which the
                        checkpoint of its pack lies: the first of the pack
running/KEY/checkpoint  a sealed record in one line (key, number of bytes, checksum), then the state as PyTorch saves it
running/KEY/end         sealed record of how the trial ended without a result
running/KEY/killed      sealed record of why the watchdog of a worker killed it, until the run has read it; of the first
                        trial of the worker's pack
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import Any, BinaryIO, Literal, get_args

import torch

from studies.errors import DamagedError
from studies.ledger.sealed import checksum, seal, unseal
from studies.ledger.storage import Storage

FOLDER = "running"
_LONGEST_HEADER = 2**12
"""Largest number of bytes of the first line of a checkpoint."""
EndState = Literal["lost", "out_of_memory", "timed_out", "error"]
STATES = ("finished", "running", "interrupted", *get_args(EndState))
"""States of a trial that was started.

finished       has curves; its members have outcomes
running        a run is training it at this moment
interrupted    was started; no run is training it
lost           its worker, node or storage failed more often than `limits.trial_retries` allows
out_of_memory  ran out of memory or passed `limits.trial_memory_gb`, and again when it was retried alone
timed_out      took longer than `limits.trial_seconds`, or hung for `limits.step_seconds`
error          code of the user raised an exception, and again when it was retried
"""
END_NAMES: dict[EndState, str] = {"out_of_memory": "out of memory", "timed_out": "timed out", "error": "error"}
"""Names of the ends that the configuration itself causes; members of a trial that ended so have no outcome."""
CONFIGURATIONS_OWN = tuple(END_NAMES)
"""These ends. Among random settings they count as settings that do not work."""
WITHOUT_RESULT = tuple(END_NAMES.values())
ENDED = ("finished", *END_NAMES)
"""States of a trial that has ended: lost trials have not, since another run repeats them."""


@dataclass(frozen=True, kw_only=True)
class TrialEnd:
    """End of a trial without a result.

    reason  one sentence, or kind and message of the exception
    detail  traceback of the exception, if there is one
    at      time of the end, in seconds since 1970
    """

    state: EndState
    reason: str
    detail: str = ""
    at: float = field(default_factory=time.time)


class Unfinished:
    """The objects of one unfinished trial in a storage; `key` is the trial's key."""

    def __init__(self, storage: Storage, key: str):
        self._storage, self.key = storage, key

    def _object(self, name: str) -> str:
        return f"{FOLDER}/{self.key}/{name}"

    def mark_started(self, node: str, *, checkpoint: str | None = None) -> None:
        """Record that the trial was started on a node.

        checkpoint  key of the trial under which the checkpoint of its pack lies; None: its own
        """
        mark = seal({"key": self.key, "node": node, "checkpoint": checkpoint or self.key})
        self._storage.replace(self._object("started"), mark)
        self._storage.delete(self.kill_object)  # of a run that ended before it had read it

    def checkpoint_key(self) -> str:
        """Key of the trial under which the checkpoint of its pack lies; its own key if it was not started.

        Errors: `DamagedError` for a damaged record.
        """
        name = self._object("started")
        content, place = self._storage.read(name), self._storage.place(name)
        if content is None:
            return self.key
        record = unseal(content, place)
        if record.get("key") != self.key or not isinstance(record.get("checkpoint"), str):
            raise DamagedError(place, "it is not the record of this trial's start")
        return record["checkpoint"]

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint."""
        buffer = BytesIO()
        torch.save(dict(state), buffer)
        payload = buffer.getvalue()
        header = {"key": self.key, "bytes": len(payload), "state": checksum(payload)}
        self._storage.replace(self._object("checkpoint"), seal(header, indent=None) + b"\n" + payload)

    def checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint; None if there is none.

        Errors: `DamagedError` for a checkpoint that is damaged, or of another trial; `InputError` for one that another
        version wrote.
        """
        name = self._object("checkpoint")
        file, place = self._storage.opened(name), self._storage.place(name)
        if file is None:
            return None
        with file:
            try:
                return self._state(file, place)
            except OSError as error:
                raise DamagedError(place, f"it cannot be read ({error.strerror})") from None

    def _state(self, file: BinaryIO, place: str) -> dict[str, Any]:
        header = unseal(file.readline(_LONGEST_HEADER), place)
        if header.get("key") != self.key:
            raise DamagedError(place, "it is the checkpoint of another trial")
        start = file.tell()
        if file.seek(0, 2) - start != header.get("bytes"):
            raise DamagedError(place, "it has another size than was written")
        file.seek(start)
        payload = file.read()
        if header.get("state") != checksum(payload):
            raise DamagedError(place, "its checksum is wrong")
        try:
            state = torch.load(BytesIO(payload), weights_only=True)
        except Exception as error:  # PyTorch raises many kinds
            raise DamagedError(place, f"PyTorch cannot read it ({type(error).__name__})") from None
        if not isinstance(state, dict):
            raise DamagedError(place, "it holds no table")
        return state

    def set_aside(self, name: Literal["checkpoint", "end"]) -> None:
        """Set a damaged object aside."""
        self._storage.set_aside(self._object(name))

    def record_end(self, end: TrialEnd) -> None:
        """Record that the trial ended without a result."""
        self._storage.replace(self._object("end"), seal({"key": self.key, **asdict(end)}))

    def end(self) -> TrialEnd | None:
        """The trial's end without a result; None if it did not end so.

        Errors: `DamagedError` for a damaged record.
        """
        return self._read_end(self._object("end"))

    def _read_end(self, name: str) -> TrialEnd | None:
        content, place = self._storage.read(name), self._storage.place(name)
        if content is None:
            return None
        record = unseal(content, place)
        types = {"state": str, "reason": str, "detail": str, "at": float}
        is_end = all(isinstance(record.get(name), kind) for name, kind in types.items())
        if record.get("key") != self.key or not is_end or record["state"] not in get_args(EndState):
            raise DamagedError(place, "it is not the record of this trial's end")
        return TrialEnd(**{name: record[name] for name in types})

    def clear_end(self) -> None:
        """Delete the record of an end, so that the trial is pending again."""
        self._storage.delete(self._object("end"))

    @property
    def kill_object(self) -> str:
        """Name of the object that the watchdog of a worker writes before it kills the worker."""
        return self._object("killed")

    def killed(self) -> TrialEnd | None:
        """The reason why the watchdog of its worker killed the worker, which is deleted; None if it did not.

        Errors: `DamagedError` for a damaged record.
        """
        end = self._read_end(self.kill_object)
        if end is not None:
            self._storage.delete(self.kill_object)
        return end

    def clear(self) -> None:
        """Delete everything: the trial is finished."""
        self._storage.delete_below(f"{FOLDER}/{self.key}")
