import subprocess
import sys

import pytest

from studies.errors import InputError
from studies.execution.resources import Node, Resources
from studies.file.study import ResourceSettings


def test_simultaneous_processes_are_counted_node_by_node():
    machines = Resources(nodes=(Node(cpu=3, gpu=0), Node(cpu=8, gpu=1), Node(cpu=0, gpu=0)))
    for settings, processes in {
        ResourceSettings(cpu=2): 5,
        ResourceSettings(cpu=0.1): 110,
        ResourceSettings(cpu=1, gpu=0.25): 4,
        ResourceSettings(cpu=1, gpu="auto"): 8,
        ResourceSettings(cpu=3, gpu="auto"): 2,
    }.items():
        assert machines.processes_at_once(machines.allocation(settings)) == processes


@pytest.mark.parametrize(
    ("nodes", "cpu", "gpu"),
    [
        ([Node(cpu=8, gpu=0)], 1, 0),
        ([Node(cpu=8, gpu=0), Node(cpu=16, gpu=1)], 2, 1 / 8),
        ([Node(cpu=16, gpu=1), Node(cpu=64, gpu=1)], 1, 1 / 64),
        ([Node(cpu=4, gpu=8)], 1, 1),
        ([Node(cpu=4, gpu=1)], 8, 1),
    ],
)
def test_auto_gpu_is_divided_so_that_all_cores_of_its_node_are_used(nodes, cpu, gpu):
    allocation = Resources(nodes=tuple(nodes)).allocation(ResourceSettings(cpu=cpu, gpu="auto"))
    assert (allocation.cpu, allocation.gpu) == (cpu, gpu)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (ResourceSettings(cpu=5), "resources.cpu: must be <= 4, which is what the largest node has, but is 5"),
        (ResourceSettings(gpu=2), "resources.gpu: must be <= 1, which is what the largest node has, but is 2"),
        (ResourceSettings(cpu=4, gpu=1), "resources: must fit on one node, but no node has 4 cores and 1 .* together"),
    ],
)
def test_a_trial_that_fits_on_no_node_is_refused(settings, sentence):
    machines = Resources(joined=True, nodes=(Node(cpu=4, gpu=0), Node(cpu=2, gpu=1)))
    with pytest.raises(InputError, match=f"^{sentence}$"):
        machines.refuse_too_large(machines.allocation(settings))


def test_cores_that_a_process_is_not_pinned_to_do_not_count() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from studies.execution.resources import this_machine; print(this_machine().nodes[0].cpu)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "1"
