"""Forecasts among the events of a run: of studies with modules of the user's too, passed on as messages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorded import load_tiny
from test_modules import OBJECTIVE
from tiny import TINY, run_without_ray, study_in

from studies.execution.resources import Node, Resources
from studies.forecast import forecast_events
from studies.forecast.calibration import Calibration
from studies.forecast.forecast_events import ForecastEvents
from studies.forecast.pack_costs import PackCost, PackCosts
from studies.forecast.run_forecast import OTHER_PROGRAMS
from studies.ledger.ledger import Ledger
from studies.progress.event_messages import EventReceiver, EventSender
from studies.progress.events import Listener, TimeForecast
from studies.progress.standing import Needed, Standing

ONE_CORE = Resources(nodes=(Node(cpu=1, gpu=0),))
OWN = TINY.replace('preset = "gan"', 'objective = {kind = "my_objectives:Sharp", sharpness = {uniform = [0.5, 2]}}')


class Recording(Listener):
    """Notes the forecasts and when the run was opened and closed."""

    def __init__(self) -> None:
        self.forecasts: list[TimeForecast] = []
        self.order: list[str] = []

    def opened(self, standing: Standing, needed: Needed) -> None:
        self.order.append("opened")

    def forecast(self, forecast: TimeForecast) -> None:
        self.order.append("forecast")
        self.forecasts.append(forecast)

    def closed(self, standing: Standing, interrupted: bool) -> None:
        self.order.append("closed")


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pack takes 100 seconds, and that was measured."""
    zero = dict.fromkeys(
        ("critic_step", "generator_step", "pretraining_step", "health", "evaluation", "last_evaluation", "commit"), 0.0
    )
    cost = PackCost(**zero, fixed=100.0, spread=0.01, memory_bytes=1e9)

    def cached(cases: Any, cache: Any) -> Calibration:
        return Calibration(costs=PackCosts(dict.fromkeys(cases, cost)), start_seconds=2.0, left_out=0)

    monkeypatch.setattr("studies.forecast.study_plan.cached", cached)
    monkeypatch.setattr(forecast_events, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(forecast_events, "CLOSING_SECONDS", 100.0)


@pytest.fixture(autouse=True)
def _restore_imports(fresh_imports: None) -> None:
    """Undo a test's imports and changes of the path."""


def own_study(folder: Path) -> Any:
    (folder / "my_objectives.py").write_text(OBJECTIVE)
    return study_in(folder, "search.explore=2", "search.exploit.trials=0", text=OWN)


def test_a_study_with_a_users_module_has_a_forecast_and_a_remaining_time(tmp_path: Path, measured: None) -> None:
    study, recording = own_study(tmp_path), Recording()
    run_without_ray(study, ForecastEvents(recording, study, ONE_CORE))
    assert recording.order[0] == "opened"
    assert recording.order[-1] == "closed"
    first, last = recording.forecasts[0], recording.forecasts[-1]
    assert first.run is not None
    # two explore and one confirm trial of each condition, on a core that others use too, and the start
    assert first.run[0] < 600 / (1 - OTHER_PROGRAMS) + 9 < first.run[2]
    assert {forecast.run for forecast in recording.forecasts} == {first.run}
    assert first.remaining is not None
    assert last.remaining == pytest.approx(0.0, abs=1e-6)
    assert first.remaining > 1.0


def test_a_run_without_trials_has_no_forecast(tmp_path: Path, measured: None) -> None:
    study = load_tiny(tmp_path)
    run_without_ray(study)
    recording = Recording()
    run_without_ray(study, ForecastEvents(recording, study, ONE_CORE))
    assert recording.order == ["opened", "closed"]


def test_a_forecast_that_fails_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*arguments: Any) -> None:
        raise RuntimeError("no forecast today")

    monkeypatch.setattr(forecast_events, "RunForecast", fails)
    monkeypatch.setattr(forecast_events, "CLOSING_SECONDS", 100.0)
    study, recording = load_tiny(tmp_path), Recording()
    result = run_without_ray(study, ForecastEvents(recording, study, ONE_CORE))
    assert not result.without_result
    assert recording.order == ["opened", "closed"]
    assert "no forecast today" in caplog.text


@pytest.mark.parametrize(
    "sent", [TimeForecast(run=(1.0, 2.5, 4.0), remaining=3.25), TimeForecast(run=None, remaining=None)]
)
def test_a_forecast_crosses_the_border_of_the_process_as_json(tmp_path: Path, sent: TimeForecast) -> None:
    recording = Recording()
    receiver = EventReceiver(recording, Ledger(tmp_path))
    send: Callable[[Any], None] = lambda message: receiver.receive(json.loads(json.dumps(message)))  # noqa: E731
    EventSender(send).forecast(sent)
    assert recording.forecasts == [sent]
