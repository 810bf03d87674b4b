"""Settings of PyTorch: in processes of their own, since they hold for the whole process."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, torch
from studies.execution.torch_settings import set_torch
set_torch({device!r}, 2)
print(json.dumps([
    torch.get_num_threads(),
    (torch.tensor([1e-40]) * 1).item(),
    torch.are_deterministic_algorithms_enabled(),
    torch.is_deterministic_algorithms_warn_only_enabled(),
    torch.backends.cudnn.conv.fp32_precision,
    torch.backends.cuda.matmul.fp32_precision,
    os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
]))
"""


def settings_after(device, **variables):
    program = PROGRAM.format(device=device)
    environment = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path)), **variables}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_on_a_gpu_kernels_are_reproducible_and_float32_is_float32():
    assert settings_after("cuda") == [2, 0.0, True, True, "ieee", "none", ":4096:8"]


def test_processors_keep_pytorchs_own_settings_but_for_threads_and_denormal_numbers():
    *first, precision, _, workspace = settings_after("cpu")
    assert first == [2, 0.0, False, False]
    assert (precision, workspace) == ("tf32", None)


@pytest.mark.parametrize("chosen", [":16:8", ":4096:2"])
def test_a_users_workspace_of_cublas_stays(chosen):
    assert settings_after("cuda", CUBLAS_WORKSPACE_CONFIG=chosen)[-1] == chosen
