"""A study of 2,000 trials on a Ray cluster of 32 simulated nodes: one is killed, and every trial is trained once."""

import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from clusters import environment, kill, ray_cluster, wait_until
from tiny import finished

from studies.ledger.ledger import Ledger
from studies.locate import results

NODES, TRIALS = 32, 2000
STUDY = f"""
# Do many nodes train many trials, each once?
name = "many"
seeds = 1
budget.steps = 20
evaluation.measurements = 4
search = {{explore = {TRIALS}, packs = false, exploit = {{trials = 0}}, confirm = {{best = 0}}}}
data.kind = "dirac"
networks = {{kind = "dirac", theta = 1.0, psi = -1.0}}
training.batch = 1
training.critic_optimizer = {{kind = "sgd", lr = {{log_uniform = [0.01, 1.0]}}}}
training.generator_optimizer = {{kind = "sgd", lr = 0.2}}

[[conditions]]
name = "wasserstein"
objective.kind = "wasserstein"
"""


def trains(node: "subprocess.Popen[bytes]") -> bool:
    """True if one of the processes of a node is a worker that trains: Ray names it ray::RayPack."""
    return any(
        "RayPack" in " ".join(process.cmdline()) for process in psutil.Process(node.pid).children(recursive=True)
    )


@pytest.mark.soak
@pytest.mark.timeout(2400)
def test_every_trial_is_trained_once_on_many_nodes_of_which_one_is_lost(tmp_path: Path) -> None:
    file, ledger = tmp_path / "many.toml", Ledger(tmp_path / "ledger")
    file.write_text(STUDY)
    (tmp_path / "cluster").mkdir()
    with ray_cluster(tmp_path / "cluster", workers=NODES - 1) as cluster:
        arguments = ("submit", file, "--set", f"ledger.root={ledger.root}")
        submitted = cluster.cli(*arguments, "--detach")
        assert submitted.returncode == 0, submitted.stderr
        wait_until(lambda: len(ledger.committed()) > TRIALS // 4, "a quarter of the trials", 1200)
        assert sum(map(trains, cluster.nodes.values())) >= NODES // 2
        kill(cluster.nodes.pop("127.0.0.17"), sigterm=False)
        followed = cluster.cli("logs", "many", "--follow", seconds=1200)
        assert followed.returncode == 0, followed.stdout + followed.stderr
        jobs = subprocess.run(
            [str(Path(sys.executable).with_name("ray")), "job", "list", "--address", cluster.url],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "SUCCEEDED" in jobs.stdout + jobs.stderr
    trials = results("many", root=ledger.root).trials
    assert len(trials) == TRIALS
    assert set(trials["state"]) == {"finished"}
    assert trials["trial"].is_unique
    assert all(entry.log().count("finished after") == 1 for entry in finished(ledger).values())
    assert ledger.started() - ledger.committed() == set()
