"""The truth: one folder per trial, one per study.

    ROOT/trials/ADDRESS/   curves.parquet, generator_best.pt, generator_last.pt, samples.npz, log.txt, facts.json
    ROOT/studies/NAME/     study.json, plan.jsonl (which trials are its own), and what is drawn from them

A trial counts once `facts.json` is there: it is written last and holds the checksums of the others. Every file
appears whole or not at all, under a temporary name that no other process uses, so that two workers with the same
trial (one of them orphaned by a killed driver) only write the same bytes twice.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout

from studies.course import Course
from studies.errors import InputError, StudyFailed
from studies.sentences import printable

FORMAT = 1
SAMPLES_KEPT = 16
"""How many images of each seed a trial's folder shows; its generators make as many more as anybody wants."""
COURSE_IMAGES, COURSE_POINTS = 8, 240
"""How many fakes of each seed it keeps at a moment of the training: other data than points of the plane, and those."""

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
        what_to_do = f"delete the folder {self.folder} and run the study again, which repeats this trial alone"
        return _read_json(self.folder / "facts.json", what_to_do)

    def error(self) -> str | None:
        """Why the trial was given up, if it was."""
        path = self.folder / "error.json"
        return json.loads(path.read_text())["error"] if path.is_file() and not self.finished else None

    def course(self) -> Course:
        """Every measurement of every member."""
        import pyarrow.parquet as pq

        # not by pandas: of thousands of such small files its own reader makes a matter of minutes
        table = pq.ParquetFile(BytesIO(self._checked("curves.parquet"))).read(use_threads=False)
        seed, step, value = (table[name].to_numpy() for name in ("seed", "step", "value"))
        metric = table["metric"].combine_chunks().dictionary_encode()
        return Course.of(seed, step, metric.indices.to_numpy(), metric.dictionary.to_pylist(), value)

    def curves(self) -> pd.DataFrame:
        """The same as a table: seed, step, metric, value."""
        return self.course().frame()

    def samples(self) -> dict[str, np.ndarray]:
        """Fakes of every seed, flattened: `best` and `last`, each (seeds, samples, dim).

        `course` holds some at a few moments of the training, always of the same z (moments, seeds, samples, dim), and
        `course_steps` the moments on the budget's clock.

        For points of the plane also `critic_surface`, what the last critics say in the cells of a grid (seeds, rows
        from below, columns), and `critic_corners`, the grid's lower left and upper right corner.
        """
        with np.load(BytesIO(self._checked("samples.npz"))) as arrays:
            return dict(arrays)

    def generator(self, which: str) -> dict[str, torch.Tensor]:
        """The parameters of the `best` or `last` generators, each with a leading seed axis."""
        return torch.load(BytesIO(self._checked(f"generator_{which}.pt")), weights_only=True)

    def _checked(self, name: str) -> bytes:
        path = self.folder / name
        content = path.read_bytes() if path.is_file() else None
        if content is None or checksum(content) != self.facts()["checksums"].get(name):
            raise InputError(
                f"{path}: is damaged (its checksum is not the one in facts.json); delete the folder {self.folder} "
                "and run the study again, which repeats this trial alone"
            )
        return content

    # -- written by the trial's worker -----------------------------------------------------------------------------

    def log(self, line: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("a") as log:
            log.write(line + "\n")

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        _write(self.folder / "checkpoint.pt", lambda path: _save_tensors(path, state))

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
            writers[f"generator_{which}.pt"] = partial(_save_tensors, tensors=parameters)
        for name, writer in writers.items():
            _write(self.folder / name, writer)
        checksums = {name: checksum((self.folder / name).read_bytes()) for name in writers}
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
        try:
            self.root = Path(root).expanduser().resolve()
        except (RuntimeError, OSError) as error:
            raise InputError(f"ledger.root: must be a folder, but is {printable(str(root))} ({error})") from None

    def entry(self, address: str) -> Entry:
        return Entry(self.root / "trials" / address)

    def study_folder(self, name: str) -> Path:
        return self.root / "studies" / name

    def studies(self) -> list[str]:
        return sorted(path.parent.name for path in (self.root / "studies").glob("*/study.json"))

    def read_study(self, name: str) -> dict[str, Any] | None:
        path = self.study_folder(name) / "study.json"
        if not os.path.isfile(path):  # unlike Path's, it also says no to a name that is too long
            return None
        return _read_json(path, "delete it and run the study again, which repeats no trial")

    def write_study(self, name: str, record: Mapping[str, Any]) -> None:
        _write_json(self.study_folder(name) / "study.json", record)

    def read_plan(self, name: str) -> list[dict[str, Any]]:
        """The trials of a study as its last run came to know them."""
        path = self.study_folder(name) / "plan.jsonl"
        text = path.read_text() if path.is_file() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]  # behind the last newline is what a kill cut off

    def write_plan(self, name: str, trials: Iterable[Mapping[str, Any]], *, append: bool) -> None:
        """Write the trials down anew, or behind those that are there."""
        path, lines = self.study_folder(name) / "plan.jsonl", "".join(json.dumps(trial) + "\n" for trial in trials)
        if append:
            with _told_as_failure(path), path.open("a") as plan:
                plan.write(lines)
        else:
            _write(path, lambda temporary: temporary.write_text(lines))

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


def _save_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    with path.open("wb") as file:  # given a path, torch writes its name into the file: no two would be equal
        torch.save(dict(tensors), file)


def _save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _read_json(path: Path, what_to_do: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path}: is damaged (it is no JSON object); {what_to_do}")
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write(path, lambda temporary: temporary.write_text(json.dumps(content, indent=1)))


def _write(path: Path, write: Callable[[Path], Any]) -> None:
    """Let a file appear whole: written beside its place, flushed to the disk, then renamed."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with _told_as_failure(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(temporary)
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _told_as_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StudyFailed(f"the ledger cannot be written: {path} ({error.strerror or error})") from error


def checksum(content: bytes) -> str:
    """What tells a file from a damaged one."""
    return sha256(content).hexdigest()
