"""Entry: everything that a ledger holds of a finished trial under one evaluation, checked when it is read."""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from studies.design import canonical, content_address, evaluation_address, trial_key
from studies.errors import DamagedError
from studies.ledger.curves import Curves
from studies.ledger.fact_checks import check_facts
from studies.ledger.sealed import checksum, parse_object
from studies.ledger.segments import LightRow, Row, Segment

Facts = dict[str, Any]
"""Everything known of an entry besides its arrays; `TrialTraining` writes it."""
Parameters = dict[str, torch.Tensor]
LARGEST_SAMPLES = 2**30
"""Largest number of bytes of an entry's samples without compression."""


@dataclass(frozen=True, eq=False)
class GeneratorSnapshots:
    """Parameters of every member's generator at some evaluations, float32.

    steps   steps of those evaluations, in the budget's unit
    shapes  shape of each parameter of one generator, by name
    values  flat parameters; the second axis holds the trained generators and, where the training keeps them
            (`training.generator_average`), their moving averages
    """

    steps: tuple[int, ...]
    shapes: Mapping[str, tuple[int, ...]]
    values: Float[np.ndarray, "snapshots versions seeds parameters"]

    @property
    def averaged(self) -> bool:
        """True if moving averages are kept."""
        return self.values.shape[1] > 1

    def parameters(self, snapshot: int, *, average: bool = False) -> Parameters:
        """Parameters by name at a snapshot (an index, -1 for the last), each with a leading seed axis."""
        return self._views(torch.from_numpy(self.values[snapshot, int(average)].copy()))

    def chosen(self, snapshots: Sequence[int]) -> Parameters:
        """Parameters by name, for each seed those at the snapshot with the given index."""
        seeds = np.arange(self.values.shape[2])
        return self._views(torch.from_numpy(self.values[np.asarray(snapshots), 0, seeds]))

    def _views(self, flat: torch.Tensor) -> Parameters:
        sizes = [int(np.prod(shape)) for shape in self.shapes.values()]
        parts = flat.split(sizes, dim=1)
        return {
            name: part.reshape(len(flat), *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }


@dataclass(frozen=True, eq=False)
class Entry:
    """A finished trial under one evaluation.

    place  path or address of the file that holds it, for messages
    heavy  reads a heavy column of the entry's row by its name
    """

    key: str
    facts: Facts
    curves: Curves
    place: str
    heavy: Callable[[str], Any]

    @property
    def address(self) -> str:
        """Address of the training."""
        return self.facts["address"]

    def generators(self) -> GeneratorSnapshots:
        """The kept generators.

        Errors: `DamagedError` if they are not those that the facts describe.
        """
        values = np.ascontiguousarray(self.heavy("generators"), dtype=np.float32)
        self._check("generators", values.tobytes())
        with self._as_damage("generators"):
            described = self.facts["snapshots"]
            return GeneratorSnapshots(
                steps=tuple(described["steps"]),
                shapes={name: tuple(shape) for name, shape in described["parameters"].items()},
                values=values.reshape(described["shape"]),
            )

    def samples(self) -> dict[str, np.ndarray]:
        """Arrays for pictures; fakes are flattened.

        last            fakes of the last generators, (seeds, samples, dim)
        snapshots       fakes of the same z at a few evaluations, (snapshots, seeds, samples, dim)
        snapshot_steps  steps of those evaluations, in the budget's unit
        critic_surface  outputs of the last critics on a grid, (seeds, rows, columns), lowest row first; 2-D data only
        critic_corners  lower left and upper right corner of the grid; 2-D data only

        Errors: `DamagedError` if they are not those that the facts describe.
        """
        content = self.heavy("samples")
        self._check("samples", content)
        with self._as_damage("samples"):
            with zipfile.ZipFile(BytesIO(content)) as archive:
                if sum(member.file_size for member in archive.infolist()) > LARGEST_SAMPLES:
                    raise ValueError("a bomb")
            with np.load(BytesIO(content), allow_pickle=False) as arrays:
                return dict(arrays)

    def log(self) -> str:
        """One line for each start, resume and end."""
        text = self.heavy("log")
        self._check("log", text.encode())
        return text

    def _check(self, column: str, content: bytes) -> None:
        if checksum(content) != self.facts["checksums"].get(column):
            raise DamagedError(self.place, f"the checksum of the {column} of {self.key} is wrong")

    @contextmanager
    def _as_damage(self, column: str) -> Iterator[None]:
        """Context in which a column is read whose checksum is right, but which may be forged."""
        try:
            yield
        except Exception as error:
            reason = f"the {column} of {self.key} cannot be read ({type(error).__name__})"
            raise DamagedError(self.place, reason) from None


def to_row(
    facts: Facts,
    curves: Curves,
    *,
    generators: GeneratorSnapshots,
    samples: Mapping[str, np.ndarray],
    log: Sequence[str],
) -> Row:
    """The row of a finished trial; its facts get the axes of the curves, the shapes of generators, and checksums.

    `identity` and `evaluation` of the facts become text, whose hashes are the addresses.
    """
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **samples)
    packed, parameters = buffer.getvalue(), np.ascontiguousarray(generators.values, dtype=np.float32)
    lines = "".join(f"{line}\n" for line in log)
    texts = {name: facts[name] for name in ("identity", "evaluation")}
    described = {
        **facts,
        **{name: text if isinstance(text, str) else canonical(text) for name, text in texts.items()},
        "metrics": list(curves.metrics),
        "seeds": curves.seeds.tolist(),
        "steps": curves.steps.tolist(),
        "unmeasured": _unmeasured(curves),
        "snapshots": {
            "steps": list(generators.steps),
            "parameters": {name: list(shape) for name, shape in generators.shapes.items()},
            "shape": list(parameters.shape),
        },
        "checksums": {
            "values": checksum(np.ascontiguousarray(curves.values).tobytes()),
            "generators": checksum(parameters.tobytes()),
            "samples": checksum(packed),
            "log": checksum(lines.encode()),
        },
    }
    return Row(key_of(facts), json.dumps(described), curves.values.reshape(-1), parameters, packed, lines)


def key_of(facts: Facts) -> str:
    """Key of the entry with these facts.

    The key of a further entry is the key of the trial's own entry, a dot, and the address of the further evaluation.
    """
    key = trial_key(facts["address"], facts["evaluation_address"])
    own = facts.get("own_evaluation_address")
    return key if own is None else f"{trial_key(facts['address'], own)}.{facts['evaluation_address']}"


def entry_row(entry: Entry) -> Row:
    """The row that an entry was read from, all of its columns checked.

    Errors: `DamagedError` if a heavy column is damaged.
    """
    entry.samples()
    values = entry.curves.values.reshape(-1)
    generators = entry.generators().values
    return Row(entry.key, json.dumps(entry.facts), values, generators, entry.heavy("samples"), entry.log())


def row_without_generators(entry: Entry) -> Row:
    """The row of an entry with its samples and its log, but without generators."""
    nothing = np.empty(0, dtype=np.float32)
    values = entry.curves.values.reshape(-1)
    return Row(entry.key, json.dumps(entry.facts), values, nothing, entry.heavy("samples"), entry.log())


def light_row(entry: Entry) -> Row:
    """The row of an entry with its heavy columns empty."""
    nothing = np.empty(0, dtype=np.float32)
    return Row(entry.key, json.dumps(entry.facts), entry.curves.values.reshape(-1), nothing, b"", "")


def checked_row(segment: Segment, row: LightRow) -> Row:
    """A row of a segment, all of its columns checked.

    Errors: `DamagedError` if one of them is damaged.
    """
    return entry_row(from_row(row, segment.place, partial(segment.heavy, row.number)))


def from_row(row: LightRow, place: str, heavy: Callable[[str], Any]) -> Entry:
    """The entry in a row, after checking it against its checksums and its addresses.

    Errors: `DamagedError` if a checksum is wrong or an address is not that of the identity.
    """
    if checksum(row.facts.encode()) != row.checksum:
        raise DamagedError(place, f"the checksum of the facts of {row.key} is wrong")
    facts = parse_object(row.facts.encode(), place)
    try:
        _check_addresses(row.key, facts, place)
        curves = _curves(facts, row.values)
        check_facts(facts, curves)
        whole = checksum(row.values.tobytes()) == facts["checksums"]["values"]
    except DamagedError:
        raise
    except Exception as error:  # forged facts can have any shape
        raise DamagedError(place, f"the facts of {row.key} cannot be used ({error!r})"[:200]) from None
    if not whole:
        raise DamagedError(place, f"the checksum of the curves of {row.key} is wrong")
    return Entry(row.key, facts, curves, place, heavy)


def _check_addresses(key: str, facts: Facts, place: str) -> None:
    trained, evaluated = content_address(facts["identity"]), evaluation_address(facts["evaluation"])
    if (trained, evaluated) != (facts["address"], facts["evaluation_address"]) or key_of(facts) != key:
        raise DamagedError(place, f"{key} is not the address of the trial that it holds")
    if f'"seeds":{canonical(facts["seeds"])}' not in facts["identity"]:
        raise DamagedError(place, f"the seeds of {key} are not those of its identity")


def _curves(facts: Facts, values: np.ndarray) -> Curves:
    metrics, seeds, steps = tuple(facts["metrics"]), _integers(facts["seeds"]), _integers(facts["steps"])
    if values.dtype != np.float64 or values.size != len(metrics) * len(seeds) * len(steps):
        raise ValueError("the curves have another shape than their axes")
    if not all(isinstance(metric, str) for metric in metrics):
        raise TypeError("the names of metrics are texts")
    measured = np.ones((len(metrics), len(steps)), dtype=bool)
    for metric, positions in facts["unmeasured"].items():
        measured[metrics.index(metric), positions] = False
    return Curves(metrics, seeds, steps, values.reshape(len(metrics), len(seeds), len(steps)), measured)


def _integers(values: Sequence[int]) -> np.ndarray:
    if not all(type(value) is int for value in values):
        raise TypeError("seeds and steps are integers")
    return np.array(values, dtype=np.int64)


def _unmeasured(curves: Curves) -> dict[str, list[int]]:
    """Positions of the evaluations at which a metric was not measured, for metrics with any."""
    return {
        metric: np.flatnonzero(~row).tolist()
        for metric, row in zip(curves.metrics, curves.measured, strict=True)
        if not row.all()
    }
