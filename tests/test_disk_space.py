"""The check that the results of a stability map fit on the disk."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from mapped import MAP, load
from tiny import run_without_ray

from studies.errors import InputError
from studies.execution import disk_space
from studies.execution.disk_space import check_space, condition_bytes, explore_bytes
from studies.ledger.ledger import Ledger
from studies.numbers import format_bytes

SMALL = (
    "budget.steps=8",
    "evaluation.measurements=4",
    "evaluation.samples=64",
    "search.explore.map.resolution=2",
    "networks.generator.width=16",
    "networks.critic.width=16",
    "data.train=300",
    "data.held_out=80",
)


def small_disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda place: SimpleNamespace(free=free, total=10**12))


def test_too_many_cells_are_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "new" / "ledger"
    study = load(tmp_path, f"ledger.root={root}", "limits.disk_free_gb=0.5")
    small_disk(monkeypatch, 500_020_000)
    with pytest.raises(InputError) as refused:
        run_without_ray(study)
    needed = sum(condition_bytes(study, condition) for condition in study.conditions)
    assert str(refused.value) == (
        f"search.explore.map.resolution: must leave room for the results, but 24 trials need about "
        f"{format_bytes(needed)} and {tmp_path} has 20.0 kB to spare"
    )
    assert not root.parent.exists()


def test_random_draws_are_checked_too_but_not_a_study_that_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_disk(monkeypatch, 20_000)
    ledger = Ledger(tmp_path / "ledger")
    text = MAP.replace('map.x = "constraint.clip_value"', "")
    drawn = load(tmp_path, "search.explore=4", "limits.disk_free_gb=0", text=text)
    with pytest.raises(InputError, match=r"^search.explore: must leave room for the results, but "):
        check_space(drawn, ledger)
    ledger.create()
    ledger.write_study("mapped", {})
    check_space(drawn, ledger)


def test_the_estimate_bounds_what_the_ledger_writes(tmp_path: Path) -> None:
    study = load(tmp_path, f"ledger.root={tmp_path / 'ledger'}", *SMALL)
    run_without_ray(study)
    sizes = Ledger(study.ledger.root).sizes().values()
    estimated = max(explore_bytes(study, condition) for condition in study.conditions)
    assert len(sizes) == 8
    assert 0.3 * estimated < max(sizes) < 1.2 * estimated
