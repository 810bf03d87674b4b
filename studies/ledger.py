"""The truth: one folder per trial, one per study.

    ROOT/trials/ADDRESS/   curves.parquet, generator_best.pt, generator_last.pt, samples.npz, log.txt, facts.json
    ROOT/studies/NAME/     study.json, and what is drawn from the trials

A trial counts once `facts.json` is there: it is written last and holds the checksums of the others. Every file
appears whole or not at all, under a temporary name that no other process uses, so that two workers with the same
trial (one of them orphaned by a killed driver) only write the same bytes twice.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout

from studies.errors import InputError

FORMAT = 1
SAMPLES_KEPT = 16
"""How many fakes of each seed a trial's folder shows; its generators make as many more as anybody wants."""

Facts = dict[str, Any]


class Entry:
    """One trial's folder."""

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
        return json.loads((self.folder / "facts.json").read_text())

    def error(self) -> str | None:
        """Why the trial was given up, if it was."""
        path = self.folder / "error.json"
        return json.loads(path.read_text())["error"] if path.is_file() and not self.finished else None

    def curves(self) -> pd.DataFrame:
        """seed, step, metric, value: every measurement of every member."""
        return pd.read_parquet(self._checked("curves.parquet"))

    def samples(self) -> dict[str, np.ndarray]:
        """Fakes of every seed, flattened: `best` and `last`, each (seeds, samples, dim)."""
        with np.load(self._checked("samples.npz")) as arrays:
            return dict(arrays)

    def generator(self, which: str) -> dict[str, torch.Tensor]:
        """The parameters of the `best` or `last` generators, each with a leading seed axis."""
        return torch.load(self._checked(f"generator_{which}.pt"), weights_only=True)

    def _checked(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file() or _checksum(path) != self.facts()["checksums"].get(name):
            raise InputError(
                f"{path}: is damaged (its checksum is not the one in facts.json); delete the folder {self.folder} "
                "and run the study again, which repeats this trial alone"
            )
        return path

    # -- written by the trial's worker -----------------------------------------------------------------------------

    def log(self, line: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("a") as log:
            log.write(line + "\n")

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        _write(self.folder / "checkpoint.pt", lambda path: torch.save(dict(state), path))

    def checkpoint(self) -> dict[str, Any] | None:
        path = self.folder / "checkpoint.pt"
        return torch.load(path, weights_only=True) if path.is_file() else None

    def commit(
        self,
        *,
        curves: pd.DataFrame,
        generators: Mapping[str, Mapping[str, torch.Tensor]],
        samples: Mapping[str, np.ndarray],
        facts: Facts,
    ) -> None:
        """Make the trial count: its files, then the facts with their checksums; the checkpoint is not needed more."""
        writers: dict[str, Callable[[Path], Any]] = {
            "curves.parquet": lambda path: curves.to_parquet(path, index=False),
            "samples.npz": lambda path: _save_arrays(path, samples),
        }
        for which, parameters in generators.items():
            writers[f"generator_{which}.pt"] = lambda path, kept=dict(parameters): torch.save(kept, path)
        for name, writer in writers.items():
            _write(self.folder / name, writer)
        checksums = {name: _checksum(self.folder / name) for name in writers}
        _write_json(self.folder / "facts.json", {"format": FORMAT, **facts, "checksums": checksums})
        for leftover in ("checkpoint.pt", "error.json"):
            (self.folder / leftover).unlink(missing_ok=True)

    # -- written by the driver ---------------------------------------------------------------------------------------

    def give_up(self, error: str) -> None:
        """Record that the trial ended without a result, whatever was tried."""
        _write_json(self.folder / "error.json", {"error": error})

    def try_again(self) -> None:
        (self.folder / "error.json").unlink(missing_ok=True)


class Ledger:
    """All trials and studies below one root."""

    def __init__(self, root: Path | str):
        self.root = Path(root).expanduser().resolve()

    def entry(self, address: str) -> Entry:
        return Entry(self.root / "trials" / address)

    def study_folder(self, name: str) -> Path:
        return self.root / "studies" / name

    def studies(self) -> list[str]:
        return sorted(path.parent.name for path in (self.root / "studies").glob("*/study.json"))

    def read_study(self, name: str) -> dict[str, Any] | None:
        path = self.study_folder(name) / "study.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def write_study(self, name: str, record: Mapping[str, Any]) -> None:
        _write_json(self.study_folder(name) / "study.json", record)

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Hold a study for this process alone; the operating system lets go of it even if the process is killed."""
        folder = self.study_folder(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"ledger.root: cannot write below {self.root} ({error.strerror})") from error
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"name: another run is writing the study {name!r} in {self.root} at this moment; "
                "wait for it, stop it, or give this study another name"
            ) from None
        except OSError as error:
            raise InputError(f"ledger.root: cannot write below {folder} ({error.strerror})") from error
        try:
            yield
        finally:
            lock.release()


def _save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write(path, lambda temporary: temporary.write_text(json.dumps(content, indent=1)))


def _write(path: Path, write: Callable[[Path], Any]) -> None:
    """Let a file appear whole: written beside its place, flushed to the disk, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _checksum(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
