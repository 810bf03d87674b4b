"""Cache of reference values: the same arrays in every process, whatever happens to its files."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_gans import blob, real_samples

from gan_core import reference_cache
from gan_core.cache_folder import FOLDER_VARIABLE, cache_folder
from gan_core.data import Pairs, Ring
from gan_core.reference_cache import ReferenceCache

ARRAYS = {"numbers": np.array([0.1, np.nan, -np.inf, 3.0]), "whole": np.arange(6).reshape(2, 3)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of the cache, and a process that remembers nothing."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(reference_cache, "_recent", {})
    return tmp_path / "cache"


def cache(data=None, **changes):
    return ReferenceCache(**{"data": data or blob(), "dtype": "torch.float32", "device": "cpu"} | changes)


class Counted:
    """A computation that counts its calls."""

    calls = 0

    def __call__(self):
        self.calls += 1
        return dict(ARRAYS)


def forget(monkeypatch):
    monkeypatch.setattr(reference_cache, "_recent", {})


def assert_arrays(arrays):
    assert list(arrays) == list(ARRAYS)
    for name, expected in ARRAYS.items():
        assert arrays[name].dtype == expected.dtype
        assert arrays[name].tobytes() == expected.tobytes()


def test_arrays_are_computed_once_and_read_with_the_same_bits(folder, monkeypatch):
    compute = Counted()
    for _ in range(2):
        assert_arrays(cache().arrays("name", {"k": 1}, compute))
        forget(monkeypatch)
    assert compute.calls == 1
    assert [path.suffix for path in folder.iterdir()] == [".npz"]


@pytest.mark.parametrize(
    "other",
    [
        lambda: cache(dtype="torch.float64"),
        lambda: cache(device="cuda"),
        lambda: cache(blob(points=201)),
        lambda: cache(replace(blob(), shape=(3, 1, 1))),
        lambda: cache(replace(blob(), modes=Ring().known_modes)),
        lambda: cache(replace(blob(), pairs={"test": Pairs(latent=np.zeros((1, 2)), target=np.zeros((1, 3)))})),
    ],
    ids=["dtype", "device", "samples", "shape", "modes", "pairs"],
)
def test_data_and_types_are_part_of_the_key(folder, other):
    compute = Counted()
    cache().arrays("name", {}, compute)
    other().arrays("name", {}, compute)
    assert compute.calls == 2


def test_name_settings_and_versions_are_part_of_the_key(folder, monkeypatch):
    compute = Counted()
    for name, settings in (("a", {}), ("b", {}), ("a", {"k": 1}), ("a", {"k": 2})):
        cache().arrays(name, settings, compute)
    monkeypatch.setattr(reference_cache, "EVALUATION_VERSION", 0)
    cache().arrays("a", {}, compute)
    monkeypatch.setattr(reference_cache, "version", lambda library: "0")
    cache().arrays("a", {}, compute)
    assert compute.calls == 6


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def become_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut, flip, empty, become_a_folder])
def test_a_damaged_file_is_ignored(folder, monkeypatch, damage):
    compute = Counted()
    cache().arrays("name", {}, compute)
    damage(*folder.iterdir())
    forget(monkeypatch)
    assert_arrays(cache().arrays("name", {}, compute))
    assert compute.calls == 2


def test_a_folder_that_cannot_be_written_is_ignored_and_the_process_remembers(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "cache"))
    compute = Counted()
    for _ in range(2):
        assert_arrays(cache().arrays("unwritable", {}, compute))
    assert compute.calls == 1


def test_a_failed_write_leaves_no_file(folder, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(reference_cache.os, "replace", fail)
    assert_arrays(cache().arrays("name", {}, Counted()))
    assert list(folder.iterdir()) == []


def test_a_process_remembers_a_bounded_number_of_files(folder):
    for number in range(50):
        cache().arrays("name", {"number": number}, Counted())
    assert len(reference_cache._recent) == 32


def test_without_the_variable_the_folder_is_the_users(monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder().name == "gan-studies"
    assert sys.platform != "linux" or cache_folder() == Path("/somewhere/gan-studies")


def test_another_process_reads_the_reference_values_without_computing_them(folder):
    code = (
        "import gan_core.evaluation.references as references, sys\n"
        "from gan_core import Evaluator, MLPGenerator, Ring, EvaluationSettings\n"
        "if sys.argv[1] == 'second': references._computed = None\n"
        "settings = EvaluationSettings(exact_points=40)\n"
        "evaluator = Evaluator(MLPGenerator(latent=2), Ring(train=300, held_out=80).load(), settings=settings)\n"
        "print(evaluator.real_values, evaluator.reference_distances, evaluator.real_cells)"
    )
    root = Path(__file__).parent.parent
    printed = [
        subprocess.run(
            [sys.executable, "-c", code, run],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=root,
            env={**os.environ, FOLDER_VARIABLE: str(folder)},
        ).stdout
        for run in ("first", "second")
    ]
    assert printed[0] == printed[1]
    assert "sliced_wasserstein" in printed[0]


def test_device_and_type_of_real_samples_reach_their_cache():
    made = real_samples(blob(), dtype=torch.float32).cache
    assert (made.dtype, made.device) == ("torch.float32", "cpu")
