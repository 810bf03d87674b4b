"""What must hold on every node before a study starts, so that nothing is found out on a worker in the night.

On each node a probe writes into the ledger's storage and reads what the driver wrote there, and tells which code it
would run. What does not hold is refused in one sentence that names the node.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any
from uuid import uuid4

from studies.design import NUMERICS_VERSION
from studies.errors import InputError
from studies.modules import OURS
from studies.place import Node, Place

PROBE_SECONDS = 120
"""A node's first process imports Ray, and may wait for its working folder."""

DISTRIBUTIONS = ("gan-studies", "numpy", "ray", "torch")


def versions() -> dict[str, str]:
    """What must be the same wherever a part of a study runs."""
    found = {name: _version(name) for name in DISTRIBUTIONS}
    return {**found, "numerics": str(NUMERICS_VERSION), "python": ".".join(python_version().split(".")[:2])}


def _version(distribution: str) -> str:
    try:
        return version(distribution).split("+")[0]  # 2.13.0+cpu and 2.13.0+cu129 are told apart by the device
    except PackageNotFoundError:
        return "none"


def refuse_other_versions(theirs: Mapping[str, str]) -> None:
    """The machine that a study was checked on against the one that is to run it.

    Errors: `InputError` for what would make it another study; Ray and Python may differ there.
    """
    ours = versions()
    for name in ("gan-studies", "numerics"):
        if theirs.get(name) != ours[name]:
            what = "the numerics of gan-studies" if name == "numerics" else name
            raise InputError(
                f"--cluster: must run the version of {what} that the study was checked with, {theirs.get(name)}, "
                f"but runs {ours[name]}"
            )


# -- every node -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What one node answered."""

    node: str
    written: bool
    problem: str | None
    versions: dict[str, str]
    origins: dict[str, str]
    code: str


def place() -> Place:
    """The Ray that this process has joined: every living node and what it has."""
    return Place(joined=True, nodes=tuple(Node(cpu=cpu, gpu=gpu) for _, cpu, gpu in _nodes()))


def _nodes() -> list[tuple[str, float, float]]:
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    return [(node["NodeID"], node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0)) for node in alive]


def check_nodes(root: Path) -> None:
    """Errors: `InputError` for the first node that cannot take part in a study with its ledger at `root`."""
    folder = root / ".preflight" / uuid4().hex
    try:
        folder.mkdir(parents=True)
        (folder / "driver").write_text(folder.name)
        for probed in _probe_all(folder):
            _refuse(probed, root, seen=(folder / probed.node).is_file())
    except OSError as error:
        raise InputError(f"ledger.root: cannot write below {root} ({error.strerror}) on the driver's node") from None
    finally:
        _remove(folder)


def _probe_all(folder: Path) -> list[Probed]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    probe = ray.remote(num_cpus=0, max_retries=1)(_probe())
    asked = {
        node: probe.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            str(folder), node, OURS
        )
        for node, _, _ in _nodes()
    }
    answers = []
    for node, reference in asked.items():
        try:
            answers.append(Probed(**ray.get(reference, timeout=PROBE_SECONDS)))
        except ray.exceptions.GetTimeoutError:
            raise InputError(f"node {_short(node)}: does not answer; repair or remove it, then submit again") from None
        except ray.exceptions.RayError as error:
            last = str(error).strip().splitlines()[-1]
            raise InputError(f"node {_short(node)}: cannot run anything ({last[:200]})") from None
    return answers


def _probe() -> Callable[[str, str, tuple[str, ...]], dict[str, Any]]:
    """What runs on a node; made here, so that it is sent as it is and not looked up in the node's own packages."""

    def probe(folder: str, node: str, packages: tuple[str, ...]) -> dict[str, Any]:
        from importlib import import_module
        from importlib.util import find_spec
        from pathlib import Path

        origins = {}
        for name in packages:
            spec = find_spec(name)
            places = None if spec is None else spec.submodule_search_locations
            origins[name] = next(iter(places or ()), "")
        problem, place = None, Path(folder)
        try:
            (place / node).write_text(node)
            if (place / "driver").read_text() != place.name:
                problem = "reads something else there"
        except FileNotFoundError:
            problem = "does not find what the driver wrote there"
        except OSError as error:
            problem = f"cannot write there ({error.strerror})"
        told = {"node": node, "written": problem is None, "problem": problem, "origins": origins}
        try:
            ours = import_module("services.preflight")
            return {**told, "versions": ours.versions(), "code": ours.code()}
        except Exception as error:
            return {**told, "versions": {}, "code": f"{type(error).__name__}: {error}"}

    return probe


def code() -> str:
    """The hash of every source file of ours, as this process would import it."""
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


def _refuse(probed: Probed, root: Path, *, seen: bool) -> None:
    node = f"node {_short(probed.node)}"
    for name, origin in probed.origins.items():
        if not origin:
            raise InputError(f"{node}: must have gan-studies installed, but has no package {name}")
    here = versions()
    for name, theirs in probed.versions.items():
        if theirs != here[name]:
            raise InputError(f"{node}: must run {name} {here[name]} as the driver does, but runs {theirs}")
    if probed.code != code():
        raise InputError(
            f"{node}: must run the gan-studies of the driver, {_folder('studies').parent}, but its packages are "
            f"{', '.join(sorted(set(probed.origins.values())))}"
        )
    if probed.problem is not None or not seen:
        problem = probed.problem or "writes somewhere else"
        raise InputError(f"ledger.root: {root} must be storage that all nodes share, but {node} {problem}")


def _remove(folder: Path) -> None:
    from shutil import rmtree

    rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # another study is in its preflight there, or the folder was never made
        folder.parent.rmdir()


def _short(node: str) -> str:
    """A node's id as people compare it, with its address where Ray knows it."""
    import ray

    address = next((one["NodeManagerAddress"] for one in ray.nodes() if one["NodeID"] == node), "")
    return f"{node[:8]} ({address})" if address else node[:8]
