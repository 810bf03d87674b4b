"""Environment variables that processes with a user's code get: an allow-list, so that no secret is among them.

Workers, Ray's own processes and the driver of a study inherit these variables alone. What trains needs them: the
places of programs and files, the numbers of threads, the settings of PyTorch, CUDA and the C library.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from studies.errors import InputError
from studies.file.messages import format_value

FURTHER = "GAN_STUDY_PASS_ENV"
"""Environment variable with names of further variables that are passed on, separated by commas."""
NAMES = frozenset(
    [
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "TEMP", "TMP"),
        *("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "GLIBC_TUNABLES", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "PYTHONWARNINGS", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONMALLOC", "PYTHONNOUSERSITE", "PYTHONIOENCODING"),
        *("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"),
        *("PYTHONUTF8", "MPLCONFIGDIR", "LOKY_MAX_CPU_COUNT", "HF_HOME"),
        *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_TF32_OVERRIDE"),
        *("GAN_STUDY_CACHE", "GAN_STUDY_LEDGER", FURTHER),
    ]
)
PREFIXES = (
    *("LC_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "VECLIB_", "NUMEXPR_", "NUMBA_"),
    *("ATEN_", "TORCH_", "TORCHINDUCTOR_", "PYTORCH_", "DNNL_", "ONEDNN_", "MALLOC_", "JAXTYPING_", "COVERAGE_"),
    *("CUDA_", "CUBLAS_", "CUDNN_", "NCCL_", "NVPL_", "HIP_", "ROCR_", "HSA_", "MIOPEN_"),
)
SETTINGS_OF_RAY = r"RAY_([a-z]\w*|OVERRIDE_RESOURCES|ACCEL_ENV_VAR_OVERRIDE_ON_ZERO|USAGE_STATS_ENABLED)"
"""Regular expression of the variables that set up Ray itself; tokens, passwords and addresses have other names."""


def allowed(environment: Mapping[str, str], *, cluster: bool = False) -> dict[str, str]:
    """The variables of an environment that a process with a user's code may have.

    cluster  True: with all variables of Ray, since the process joins the cluster in which this one runs

    Errors: `InputError` for a wrong name in GAN_STUDY_PASS_ENV.
    """
    further = {name.strip() for name in environment.get(FURTHER, "").split(",")} - {""}
    for name in further:
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise InputError(
                f"{FURTHER}: must be names of environment variables, separated by commas, but has {format_value(name)}"
            )
    of_ray = r"RAY_\w*" if cluster else SETTINGS_OF_RAY
    return {
        name: value
        for name, value in environment.items()
        if name in NAMES or name in further or _is_setting(name) or re.fullmatch(of_ray, name)
    }


def remove_others(*, cluster: bool = False) -> dict[str, str]:
    """Remove from the environment of this process what `allowed` does not pass on; the variables that were removed.

    cluster  as for `allowed`

    Errors: as for `allowed`.
    """
    removed = {name: os.environ[name] for name in os.environ.keys() - allowed(os.environ, cluster=cluster).keys()}
    for name in removed:
        del os.environ[name]
    return removed


@contextmanager
def others_removed() -> Iterator[None]:
    """Context without the variables that `allowed` does not pass on, so that a user's code sees what it sees in a run.

    Errors: as for `allowed`.
    """
    removed = remove_others()
    try:
        yield
    finally:
        os.environ.update(removed)


def _is_setting(name: str) -> bool:
    """True for a setting of a library of numbers; a name that speaks of a secret is none, whatever its beginning."""
    return name.startswith(PREFIXES) and not re.search("TOKEN|SECRET|PASSWORD|CREDENTIAL|_KEY", name, re.IGNORECASE)
