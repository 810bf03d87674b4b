"""Real faults of workers under Ray: what they make of their trials, and that a later run leaves no trace of them."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import psutil  # type: ignore[import-untyped]
import pytest
from tiny import clean_environment, finished, gan_study, same_numbers

from studies.ledger.ledger import Ledger
from studies.locate import results
from studies.tables.results import Results

OBJECTIVE = '''
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from gan_core import Stateless
from torch.nn.functional import softplus

kept = []


@dataclass(frozen=True, kw_only=True)
class Faulty(Stateless):
    """Non-saturating, with a fault in processes whose environment has FAULTS."""

    fault: Literal["none", "kill", "memory", "raise", "sleep", "hog", "loop", "once"] = "none"
    critic_form = "score"

    def critic_loss(self, real, fake, state):
        if "FAULTS" in os.environ and sys.argv[0].endswith("default_worker.py"):  # the driver tries it too
            FAULTS[self.fault]()
        return (softplus(-real.value) + softplus(fake.value)).mean(-1)

    def generator_loss(self, real, fake, state):
        return softplus(-fake.value).mean(-1)


def stumble():
    raise ZeroDivisionError("planted")


def hog():
    while len(kept) < 40:
        kept.append(np.ones(12_500_000))  # 100 MB
        time.sleep(0.1)


def loop():
    while True:
        pass


def once():
    if not os.path.exists(os.environ["FAULTS"]):
        open(os.environ["FAULTS"], "w").close()
        loop()


FAULTS = {
    "loop": loop,
    "once": once,
    "none": lambda: None,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "memory": lambda: np.empty(10**15),
    "raise": stumble,
    "sleep": lambda: time.sleep(3),
    "hog": hog,
}
'''

STUDY = """
# What do faults of workers make of a study?
name = "faults"
seeds = 2
budget = {unit = "generator_steps", steps = 12}
search = {explore = 1, packs = false, exploit = {trials = 0}, confirm = {best = 1, seeds = 2}}
evaluation = {measurements = 4, samples = 64, directions = 16, cells = 4}
training.batch = 8
networks = {generator = {kind = "mlp", width = 8, depth = 1, latent = 4}, critic = {kind = "mlp", width = 8, depth = 1}}
limits = {trial_retries = 1}
"""
CONDITION = """
[[conditions]]
name = "{fault}"
objective = {{kind = "my_faulty:Faulty", fault = "{fault}"}}
training.critic_optimizer = {{kind = "adam", lr = {{log_uniform = [1e-3, 1e-1]}}}}
"""
STATES = {"none": "finished", "kill": "lost", "memory": "out_of_memory", "raise": "error", "sleep": "timed_out"}
TABLES = ("members", "curves", "ranking")


def run(
    folder: Path, *faults: str, overrides: tuple[str, ...] = (), arguments: Sequence[str] = (), **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run the study with a condition for each of the faults."""
    folder.mkdir(exist_ok=True)
    (folder / "my_faulty.py").write_text(OBJECTIVE)
    (folder / "study.toml").write_text(STUDY + "".join(CONDITION.format(fault=fault) for fault in faults))
    settings = [word for setting in overrides for word in ("--set", setting)]
    return gan_study(
        "run",
        "study.toml",
        "--no-tracking",
        *settings,
        *arguments,
        folder=folder,
        env=clean_environment(GAN_STUDY_PASS_ENV="FAULTS", **changes),
    )


def results_in(folder: Path) -> Results:
    return results("faults", root=folder / "gan-studies")


def assert_same_results(first: Path, second: Path) -> None:
    for table in TABLES:
        mine, other = getattr(results_in(first), table), getattr(results_in(second), table)
        pd.testing.assert_frame_equal(mine, other, check_exact=True)
    entries, expected = (finished(Ledger(folder / "gan-studies")) for folder in (first, second))
    assert entries.keys() == expected.keys() != set()
    assert all(same_numbers(entries[key], expected[key]) for key in entries)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run(folder / "study", *STATES)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "study"


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_each_fault_has_its_state_and_a_later_run_leaves_no_trace_of_it(undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    disturbed = run(folder, *STATES, overrides=("limits.trial_seconds=1.5",), FAULTS="1")
    assert disturbed.returncode == 1, disturbed.stderr
    assert disturbed.stderr == ""  # what Ray would print about dead workers is not shown
    found = results_in(folder)
    explored = found.trials.query("phase == 'explore'").groupby("condition", observed=True)["state"].unique()
    assert {condition: list(states) for condition, states in explored.items()} == {
        condition: [state] for condition, state in STATES.items()
    }
    confirmed = found.trials.query("phase == 'confirm'").set_index("condition")["state"].to_dict()
    # what depends on lost trials waits
    assert confirmed == {name: state for name, state in STATES.items() if state != "lost"}
    assert found.ranking["condition"].tolist() == ["none"]
    assert_printed(disturbed.stdout)

    done = run(folder, *STATES)
    assert (done.returncode, done.stderr) == (0, "")
    assert_same_results(folder, undisturbed)
    assert Ledger(folder / "gan-studies").started() == set()


def assert_printed(output: str) -> None:
    """A line for every trial without a result, and the traceback of the user's code once."""
    lines = [line for line in output.splitlines() if line.startswith("without a result: ")]
    ends = {tuple(line.split(": ")[1].split()[:2]): line.split(": ", 2)[2] for line in lines}
    assert len(lines) == 1 + 3 * 2
    assert ends["kill", "explore"] == (
        "lost: its worker ended without a trace: something killed it (SIGKILL), or the code in it called os._exit; "
        "the same command repeats it"
    )
    assert ends["memory", "confirm"].startswith("out of memory: ")
    assert re.fullmatch(r"error: ZeroDivisionError: planted \(my_faulty.py, line \d+\)", ends["raise", "confirm"])
    assert ends["sleep", "confirm"] == "timed out: its training took longer than limits.trial_seconds = 1.5"
    assert output.count("Traceback (most recent call last)") == 1
    assert re.search(r'File ".*my_faulty.py", line \d+, in stumble', output)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_code_that_hangs_or_takes_too_much_memory_is_killed_and_named_and_its_pack_loses_no_other_trial(
    tmp_path: Path,
) -> None:
    settings = (
        "search={explore=2,packs=true,exploit={trials=0},confirm={best=0}}",
        "limits={step_seconds=12,trial_memory_gb=1.2,condition_failures=1}",
    )
    done = run(tmp_path / "study", "loop", "once", "hog", overrides=settings, FAULTS=str(tmp_path / "hung"))
    assert done.returncode == 1
    assert done.stderr == ""
    trials = results_in(tmp_path / "study").trials.query("state != 'interrupted'")
    states = trials.groupby("condition", observed=True)["state"].agg(set).to_dict()
    # the trials of a pack that hung once are each tried again, and those that hang again are named
    assert states == {"loop": {"timed_out"}, "once": {"finished"}, "hog": {"out_of_memory"}}
    assert len(trials.query("condition == 'once'")) == 2
    assert (tmp_path / "hung").exists()
    ends = {
        "loop": "timed out: it hung: one iteration or evaluation took longer than limits.step_seconds = 12",
        "hog": "out of memory: its process took more than limits.trial_memory_gb = 1.2",
    }
    for name, end in ends.items():
        setting, place = r"\(critic lr = [^)]*\)", r"; it was in my_faulty.py, line \d+, "
        line = rf"without a result: {name} explore \d {setting}: {re.escape(end)}{place}"
        assert re.search(line, done.stdout)
        stopped = (
            f"warning: {name}: 1 trial in a row ended without a result, as many as limits.condition_failures allows"
        )
        assert stopped in done.stdout


@pytest.mark.soak  # Ray's memory monitor looks at the memory of the whole machine, and other processes change it
@pytest.mark.timeout(900)
def test_a_trial_that_rays_memory_monitor_ends_twice_is_out_of_memory_and_the_study_goes_on(tmp_path: Path) -> None:
    memory = psutil.virtual_memory()
    threshold = (memory.total - memory.available + 2.5e9) / memory.total
    threshold_of_machine = f"{threshold:.3f}"
    done = run(
        tmp_path / "study",
        "hog",
        "none",
        FAULTS="1",
        RAY_memory_usage_threshold=threshold_of_machine,
        RAY_memory_monitor_refresh_ms="100",
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    found = results_in(tmp_path / "study")
    states = found.trials.groupby("condition", observed=True)["state"].unique()
    assert {name: list(of_condition) for name, of_condition in states.items()} == {
        "hog": ["out_of_memory"],
        "none": ["finished"],
    }
    assert "Ray ended it because its node was running out of memory" in done.stdout


@pytest.mark.slow
def test_json_stands_alone_on_standard_output_also_when_workers_die(tmp_path: Path) -> None:
    done = run(tmp_path / "study", "kill", "none", FAULTS="1", arguments=["--json"])
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["interrupted"] is False
    assert [row["condition"] for row in answer["ranking"]] == ["none"]
    assert "without a result: kill explore 0" in done.stderr
    assert "Traceback" not in done.stderr
