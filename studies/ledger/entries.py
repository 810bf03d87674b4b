"""Entry: the folder of one trial.

    curves.parquet        seed, step, metric, value
    generator_best.pt     parameters of each member's generator at its smallest distance
    generator_last.pt     parameters of each member's generator at the end
    generator_average.pt  moving average of each member's generator parameters, if `training.generator_average` > 0
    samples.npz           see `Entry.samples`
    facts.json            identity, reference distances, costs, checksums of the other files
    log.txt               one line for each start, resume and end
    checkpoint.pt         only while the trial is unfinished
    error.json            only if the trial failed

A trial is finished if `facts.json` exists: it is written last and holds the checksums of the others. Every file except
the log is written under a unique temporary name and then renamed, so two workers that train the same trial (a killed
driver's worker may live on for some seconds) do no harm: each replaces the other's files with the same curves.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from studies.errors import InputError
from studies.ledger.curves import Curves
from studies.ledger.storage import FORMAT, checksum, read_record, write_file, write_json

SAMPLES_KEPT = 16
"""Number of fakes of each generator in `samples.npz`, for data other than 2-D points."""
SNAPSHOT_IMAGES, SNAPSHOT_POINTS = 8, 240
"""Number of fakes of each seed in a snapshot: for data other than 2-D points, and for 2-D points."""

Facts = dict[str, Any]


class Entry:
    """The folder of one trial, named by the trial's address."""

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def address(self) -> str:
        return self.folder.name

    @property
    def started(self) -> bool:
        return self.folder.is_dir()

    @property
    def finished(self) -> bool:
        return (self.folder / "facts.json").is_file()

    def facts(self) -> Facts:
        """Identity, reference distances, costs and checksums of a finished trial.

        Errors: `InputError` for a damaged file, and for one that another version wrote.
        """
        return read_record(self.folder / "facts.json", self._remedy)

    def error(self) -> str | None:
        """The error of a failed trial, else None."""
        path = self.folder / "error.json"
        return json.loads(path.read_text())["error"] if path.is_file() and not self.finished else None

    def curves(self) -> Curves:
        """Curves of all members.

        Errors: `InputError` for a damaged file.
        """
        import pyarrow.parquet as pq

        # pandas.read_parquet takes minutes for thousands of small files
        table = pq.ParquetFile(BytesIO(self._checked("curves.parquet"))).read(use_threads=False)
        seeds, member = np.unique(table["seed"].to_numpy(), return_inverse=True)
        steps, step = np.unique(table["step"].to_numpy(), return_inverse=True)
        names = table["metric"].combine_chunks().dictionary_encode()
        metrics = tuple(sorted(names.dictionary.to_pylist()))
        metric = np.array([metrics.index(name) for name in names.dictionary.to_pylist()])[names.indices.to_numpy()]
        values = np.full((len(metrics), len(seeds), len(steps)), np.nan)
        values[metric, member, step] = table["value"].to_numpy()
        measured = np.zeros((len(metrics), len(steps)), dtype=bool)
        measured[metric, step] = True
        return Curves(metrics, seeds, steps, values, measured)

    def samples(self) -> dict[str, np.ndarray]:
        """Arrays of `samples.npz`; fakes are flattened.

        best, last      fakes of the best and of the last generators, (seeds, samples, dim)
        snapshots       fakes of the same z at a few evaluations, (snapshots, seeds, samples, dim)
        snapshot_steps  steps of those evaluations, in the budget's unit
        critic_surface  outputs of the last critics on a grid, (seeds, rows, columns), lowest row first; 2-D data only
        critic_corners  lower left and upper right corner of the grid; 2-D data only

        Errors: `InputError` for a damaged file.
        """
        with np.load(BytesIO(self._checked("samples.npz"))) as arrays:
            return dict(arrays)

    def generator(self, which: str) -> dict[str, torch.Tensor]:
        """Parameters of the `best`, `last` or `average` generators, each with a leading seed axis.

        Errors: `InputError` for a damaged file.
        """
        return torch.load(BytesIO(self._checked(f"generator_{which}.pt")), weights_only=True)

    def _checked(self, name: str) -> bytes:
        path = self.folder / name
        content = path.read_bytes() if path.is_file() else None
        if content is None or checksum(content) != self.facts()["checksums"].get(name):
            raise InputError(f"{path}: is damaged (its checksum is not the one in facts.json); {self._remedy}")
        return content

    @property
    def _remedy(self) -> str:
        return f"delete the folder {self.folder} and run the study again, which repeats this trial alone"

    # -- written by the trial's worker -----------------------------------------------------------------------------

    def log(self, line: str) -> None:
        """Append a line to `log.txt`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("a") as log:
            log.write(line + "\n")

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint."""
        write_file(self.folder / "checkpoint.pt", lambda path: _save_tensors(path, state))

    def checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint, None if there is none."""
        path = self.folder / "checkpoint.pt"
        return torch.load(path, weights_only=True) if path.is_file() else None

    def commit(
        self,
        *,
        curves: Curves,
        generators: Mapping[str, Mapping[str, torch.Tensor]],
        samples: Mapping[str, np.ndarray],
        facts: Facts,
    ) -> None:
        """Write the files of a finished trial, then `facts.json` with their checksums; delete checkpoint and error."""
        writers: dict[str, Callable[[Path], Any]] = {
            "curves.parquet": lambda path: curves.frame().to_parquet(path, index=False),
            "samples.npz": lambda path: _save_arrays(path, samples),
        }
        for which, parameters in generators.items():
            writers[f"generator_{which}.pt"] = partial(_save_tensors, tensors=parameters)
        for name, writer in writers.items():
            write_file(self.folder / name, writer)
        checksums = {name: checksum((self.folder / name).read_bytes()) for name in writers}
        write_json(self.folder / "facts.json", {"format": FORMAT, **facts, "checksums": checksums})
        for leftover in ("checkpoint.pt", "error.json"):
            (self.folder / leftover).unlink(missing_ok=True)

    # -- written by the driver ---------------------------------------------------------------------------------------

    def record_failure(self, error: str) -> None:
        """Record that the trial ended without a result."""
        write_json(self.folder / "error.json", {"error": error})

    def clear_failure(self) -> None:
        """Delete the record of a failure, so that the trial is pending again."""
        (self.folder / "error.json").unlink(missing_ok=True)


def _save_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    with path.open("wb") as file:  # torch.save would store the path in the file, so equal trials would differ
        torch.save(dict(tensors), file)


def _save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
