"""Checks of every node before a study starts, so that a problem shows at the start and not after hours.

On each node a probe writes into the ledger's storage, reads a file that the driver wrote there, and returns the
versions and a hash of the source code of the packages that the node would run. An error names the node.
"""

import json
import math
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from platform import python_version
from typing import Any
from uuid import uuid4

from gan_core.data import AnyData, Data
from gan_core.evaluation import EVALUATION_VERSION
from studies.design import NUMERICS_VERSION
from studies.errors import InputError
from studies.execution.environment import package_version
from studies.execution.resources import Node, Resources
from studies.file.data_table import is_of_files
from studies.file.modules import OURS
from studies.file.real_samples import load_samples
from studies.file.validation import build, plain

PROBE_SECONDS = 120
"""Time limit of a probe: a node's first process imports Ray and may have to wait for the job's working folder."""

DATA_SECONDS = 3600
"""Time limit of a probe that loads a study's files, which each node decodes once."""

DISTRIBUTIONS = ("gan-studies", "numpy", "ray", "torch")

MUST_EQUAL = ("gan-studies", "numerics", "metrics")
"""Versions that the cluster and the machine that submits a study must share; all others may differ."""


def versions() -> dict[str, str]:
    """Versions by name that must be equal on all nodes: of packages, Python, training numerics and metrics."""
    # torch 2.13.0+cpu and 2.13.0+cu129 differ only in the device, which is part of each trial's address
    installed = {name: (package_version(name) or "none").split("+")[0] for name in DISTRIBUTIONS}
    own = {"numerics": str(NUMERICS_VERSION), "metrics": str(EVALUATION_VERSION)}
    return {**installed, **own, "python": ".".join(python_version().split(".")[:2])}


def refuse_other_versions(submitted: Mapping[str, str]) -> None:
    """Check that the machine that submitted a study has the same gan-studies, numerics and metrics as this one.

    Errors: `InputError` if one of these three versions differs; all others may differ.
    """
    installed = versions()
    for name in MUST_EQUAL:
        if submitted.get(name) != installed[name]:
            subject = name if name == "gan-studies" else f"the {name} of gan-studies"
            raise InputError(
                f"--cluster: must run the version of {subject} that the study was checked with, {submitted.get(name)}, "
                f"but runs {installed[name]}"
            )


# -- every node -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Probed:
    """Result of the probe on one node.

    node      Ray's id of the node
    written   True if the probe wrote into the ledger's storage and read the driver's file there
    problem   what failed with the storage; None if nothing did
    versions  see `versions`; empty if the packages cannot be imported
    origins   folder of each package, by the package's name; an empty text for a missing package
    code      see `code`; the error message if the packages cannot be imported
    samples   see `samples_hash`; empty if the study reads no files
    """

    node: str
    written: bool
    problem: str | None
    versions: dict[str, str]
    origins: dict[str, str]
    code: str
    samples: str = ""


def cluster_resources() -> Resources:
    """Resources of the cluster that this process is connected to: those of each node that is alive."""
    return Resources(joined=True, nodes=tuple(node for _, node in _nodes()))


def _nodes() -> list[tuple[str, Node]]:
    """Ray's id of each node of the cluster that is alive, and the node's processors, GPUs and memory."""
    import ray

    return [(node["NodeID"], _resources(node["Resources"])) for node in ray.nodes() if node["Alive"]]


def _resources(of_node: dict[str, float]) -> Node:
    """Resources of a node; its memory is that of Ray's processes and of Ray's object store together."""
    memory = of_node["memory"] + of_node.get("object_store_memory", 0) if "memory" in of_node else math.inf
    return Node(cpu=of_node.get("CPU", 0), gpu=of_node.get("GPU", 0), memory=memory)


def check_nodes(root: Path, data: AnyData) -> None:
    """Check that every node can run trials of a study with these data, whose ledger is at `root`.

    Errors: `InputError` for the first node that cannot.
    """
    folder = root / ".preflight" / uuid4().hex
    try:
        folder.mkdir(parents=True)
        (folder / "driver").write_text(folder.name, encoding="utf-8")
        described = json.dumps(plain(data)) if is_of_files(data) else ""
        expected = samples_hash(described) if described else ""
        for probed in _probe_all(folder, described):
            _refuse(probed, root, visible=(folder / probed.node).is_file(), samples=expected)
    except OSError as error:
        raise InputError(f"ledger.root: cannot write below {root} ({error.strerror}) on the driver's node") from None
    finally:
        _remove(folder)


def _probe_all(folder: Path, data: str) -> list[Probed]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    probe = ray.remote(num_cpus=0, max_retries=1)(_probe())
    references = {
        node: probe.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            str(folder), node, OURS, data
        )
        for node, _ in _nodes()
    }
    results = []
    for node, reference in references.items():
        try:
            results.append(Probed(**ray.get(reference, timeout=DATA_SECONDS if data else PROBE_SECONDS)))
        except ray.exceptions.GetTimeoutError:
            raise InputError(f"node {_short(node)}: does not answer; repair or remove it, then submit again") from None
        except ray.exceptions.RayError as error:
            last = str(error).strip().splitlines()[-1]
            raise InputError(f"node {_short(node)}: must run a probe, but fails ({last[:200]})") from None
    return results


def _probe() -> Callable[[str, str, tuple[str, ...], str], dict[str, Any]]:
    """The function that runs on each node; nested, because Ray sends nested functions by value and imports none."""

    def probe(folder: str, node: str, packages: tuple[str, ...], data: str) -> dict[str, Any]:
        from importlib import import_module
        from importlib.util import find_spec
        from pathlib import Path

        origins = {}
        for name in packages:
            spec = find_spec(name)
            folders = None if spec is None else spec.submodule_search_locations
            origins[name] = next(iter(folders or ()), "")
        problem, storage = None, Path(folder)
        try:
            (storage / node).write_text(node, encoding="utf-8")
            if (storage / "driver").read_text(encoding="utf-8") != storage.name:
                problem = "reads other content there"
        except FileNotFoundError:
            problem = "does not find the driver's file there"
        except OSError as error:
            problem = f"cannot write there ({error.strerror})"
        result = {"node": node, "written": problem is None, "problem": problem, "origins": origins}
        try:
            preflight = import_module("services.preflight")
            samples = preflight.samples_hash(data) if data else ""
            return {**result, "versions": preflight.versions(), "code": preflight.code(), "samples": samples}
        except Exception as error:
            return {**result, "versions": {}, "code": f"{type(error).__name__}: {error}"}

    return probe


def samples_hash(data: str) -> str:
    """Hash of the real samples and their classes on this node, or the sentence that says why there are none.

    data  the study's table `[data]` as JSON text
    """
    try:
        loaded = load_samples(build(Data | AnyData, json.loads(data), ("data",)))
    except Exception as error:  # of a user's class too; the driver has loaded the same samples
        return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return f"{loaded.fingerprint} {loaded.labels_fingerprint}".strip()


def code() -> str:
    """Hash of all source files of gan-studies, as this process would import them."""
    digest = sha256()
    for name in OURS:
        folder = Path(sys.modules[name].__path__[0]) if name in sys.modules else _folder(name)
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{name}/{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _folder(name: str) -> Path:
    from importlib import import_module

    return Path(import_module(name).__path__[0])


def _refuse(probed: Probed, root: Path, *, visible: bool, samples: str = "") -> None:
    """Raise `InputError` if a node cannot run trials.

    visible  True if the driver sees the file that the node wrote
    samples  `samples_hash` on the driver's node
    """
    node = f"node {_short(probed.node)}"
    for name, origin in probed.origins.items():
        if not origin:
            raise InputError(f"{node}: must have gan-studies installed, but has no package {name}")
    installed = versions()
    for name, version in probed.versions.items():
        if version != installed[name]:
            raise InputError(f"{node}: must run {name} {installed[name]}, as the driver does, but runs {version}")
    if probed.code != code():
        raise InputError(
            f"{node}: must run the gan-studies of the driver, {_folder('studies').parent}, but its packages are "
            f"{', '.join(sorted(set(probed.origins.values())))}"
        )
    if probed.problem is not None or not visible:
        problem = probed.problem or "writes to another storage"
        raise InputError(f"ledger.root: {root} must be storage that all nodes share, but {node} {problem}")
    if probed.samples != samples:
        reason = "others" if ":" not in probed.samples else f"none ({probed.samples})"
        raise InputError(
            f"data.path: must hold the same samples on every node, but holds {reason} on {node}; put them there, or "
            "send them with gan-study submit --send-data"
        )


def _remove(folder: Path) -> None:
    from shutil import rmtree

    rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # other studies are being checked below that folder, or it was not created
        folder.parent.rmdir()


def _short(node: str) -> str:
    """The first 8 characters of a node's id, with the node's address if Ray has a record of the node."""
    import ray

    address = next((known["NodeManagerAddress"] for known in ray.nodes() if known["NodeID"] == node), "")
    return f"{node[:8]} ({address})" if address else node[:8]
