"""Events of a run as JSON-serialisable messages, for listeners in another process than the run.

A message holds specifications of trials and numbers. The record of a trial that ended is read from the ledger, where
it is checked: the process of the run executes a user's code, so nothing that it sends is unpickled or trusted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from studies.design import Place, TrialSpec
from studies.file.distributions import as_value
from studies.ledger.ledger import Ledger
from studies.ledger.trial_records import TrialRecord, read_records
from studies.progress.events import Listener, TimeForecast
from studies.progress.standing import Needed, Standing
from studies.progress.summaries import EvaluationSummary

Message = dict[str, Any]


class EventSender(Listener):
    """Listener that passes each event as a message to `send`; a trial's specification is sent once."""

    def __init__(self, send: Callable[[Message], None]):
        self._send_message = send
        self._sent: set[str] = set()
        self._ended: list[TrialSpec] = []

    def opened(self, standing: Standing, needed: Needed) -> None:
        self._send("opened", standing.ended, standing=_counts(standing), needed=asdict(needed))

    def measured(self, spec: TrialSpec, summaries: Sequence[EvaluationSummary]) -> None:
        self._send("measured", [spec], summaries=[asdict(summary) for summary in summaries])

    def ended(self, trial: TrialRecord) -> None:
        self._ended.append(trial.spec)  # sent with those of its pack, which are read from the ledger together

    def found(self, trials: Sequence[TrialRecord]) -> None:
        self._send("found", [trial.spec for trial in trials])

    def planned(self, needed: Needed) -> None:
        self._send("planned", needed=asdict(needed))

    def forecast(self, forecast: TimeForecast) -> None:
        self._send("forecast", **asdict(forecast))

    def warned(self, sentence: str) -> None:
        self._send("warned", sentence=sentence)

    def closed(self, standing: Standing, interrupted: bool) -> None:
        self._send("closed", standing.ended, standing=_counts(standing), interrupted=interrupted)

    def _send(self, event: str, specs: Iterable[TrialSpec] = (), **content: Any) -> None:
        if self._ended:
            ended, self._ended = self._ended, []
            self._send("ended", ended)
        listed = list(specs)
        new = [asdict(spec) for spec in listed if spec.name not in self._sent]
        self._sent |= {spec.name for spec in listed}
        names = [spec.name for spec in listed]
        self._send_message({"event": event, "new": new, "trials": names, **content})


class EventReceiver:
    """Passes the events of messages to a listener.

    ledger  the ledger of the run
    """

    def __init__(self, listener: Listener, ledger: Ledger):
        self._listener, self._ledger = listener, ledger
        self._specs: dict[str, TrialSpec] = {}
        self._open: Standing | None = None

    def close(self) -> None:
        """Pass the event `closed` to the listener, if the run ended without one."""
        if self._open is not None:
            self._listener.closed(self._open, True)
            self._open = None

    def receive(self, message: Mapping[str, Any]) -> None:
        """Pass the event of a message to the listener.

        Errors: `DamagedError` for a damaged entry of a trial that ended; `ValueError` for an unknown event.
        """
        for table in message["new"]:
            spec = _spec(table)
            self._specs[spec.name] = spec
        specs = [self._specs[name] for name in message["trials"]]
        listener = self._listener
        match message["event"]:
            case "opened":
                self._open = self._standing(message, specs)
                listener.opened(self._open, Needed(**message["needed"]))
            case "measured":
                listener.measured(specs[0], [EvaluationSummary(**summary) for summary in message["summaries"]])
            case "ended":
                for record in self.records(specs):
                    listener.ended(record)
            case "found":
                listener.found(self.records(specs))
            case "planned":
                listener.planned(Needed(**message["needed"]))
            case "forecast":
                run = message["run"]
                listener.forecast(TimeForecast(None if run is None else tuple(run), message["remaining"]))
            case "warned":
                listener.warned(message["sentence"])
            case "closed":
                self._open = None
                listener.closed(self._standing(message, specs), message["interrupted"])
            case other:
                raise ValueError(f"there is no event {other!r}")

    def records(self, trials: Iterable[TrialSpec | str]) -> list[TrialRecord]:
        """Records of trials that ended, given as specifications or as names that messages have told before.

        Errors: `DamagedError` for a damaged entry.
        """
        specs = [self._specs[trial] if isinstance(trial, str) else trial for trial in trials]
        return read_records(self._ledger, specs, running=True)

    def _standing(self, message: Mapping[str, Any], ended: Sequence[TrialSpec]) -> Standing:
        return Standing(root=self._ledger.root, ended=tuple(ended), **message["standing"])


def _counts(standing: Standing) -> dict[str, Any]:
    return {"pending": standing.pending, "begun": standing.begun, "without_result": standing.without_result}


def _spec(table: Mapping[str, Any]) -> TrialSpec:
    """The specification in a message; the lists of JSON in its configuration become tuples."""
    configuration = {path: as_value(value) for path, value in table["configuration"].items()}
    place = None if table["place"] is None else Place(**table["place"])
    return TrialSpec(**{**table, "configuration": configuration, "place": place})
