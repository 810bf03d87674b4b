"""Trained generators in a fresh process, in which neither the data nor the module of their class exist any more."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_folders import pictures
from PIL import Image
from tiny import CONV, clean_environment, run_without_ray, study_in

from gan_core.data import Dataset
from gan_core.shapes import SampleShape
from gan_core.training.randomness import sample_latents, stream
from studies.locate import results
from studies.tables.results import Results

ROOT = Path(__file__).parent.parent
CALL = """
import sys
import numpy as np
import studies
generator = studies.results("conv", root=sys.argv[1]).best("gan").generator(int(sys.argv[2]))
np.save(sys.argv[3], generator(100))
"""
OWN_DATA = """
from dataclasses import dataclass

import numpy as np

from gan_core import AnyData, Dataset, Sizes


@dataclass(frozen=True, kw_only=True)
class Squares(AnyData):
    kind: str = "my_squares:Squares"

    @property
    def sizes(self):
        return Sizes(train=50, held_out=5)

    def load(self):
        x = np.random.default_rng(0).normal(size=(60, 1 * 20 * 28)).astype(np.float32)
        parts = {"train": x[:50], "validation": x[50:55], "test": x[55:]}
        return Dataset(name="squares", **parts, shape=(1, 20, 28), bounded=False)
"""


def in_fresh_process(root: str, member: int, folder: Path) -> np.ndarray:
    """100 fakes of a member, made in another process and another working folder."""
    path, folder = folder / "fakes.npy", folder / "elsewhere"
    folder.mkdir()
    call = [sys.executable, "-c", CALL, root, str(member), str(path)]
    environment = clean_environment(PYTHONPATH=str(ROOT))
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return np.load(path)


def test_the_folder_of_the_images_may_be_gone(on_images: Results, tmp_path: Path) -> None:
    copy = tmp_path / "ledger"
    shutil.copytree(on_images.place, copy)
    text = (copy / "studies" / "conv" / "study.json").read_text()
    folder = str(Path(on_images.place).parent / "photos")
    assert folder in text  # the study names a folder, which is hidden meanwhile
    hidden = Path(folder).rename(Path(folder).with_name("hidden"))
    try:
        fakes = in_fresh_process(str(copy), 2, tmp_path)
    finally:
        hidden.rename(folder)
    assert fakes.shape == (100, 3, 28, 28)
    np.testing.assert_allclose(fakes, on_images.best("gan").generator(2)(100), atol=1e-6)
    assert np.abs(fakes).max() <= 1  # tanh, since the data are bounded


def test_the_module_of_the_data_may_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "my_squares.py"
    module.write_text(OWN_DATA)
    images = 'data = {kind = "images", path = "photos", size = 28, held_out = 5}'
    study = study_in(tmp_path, text=CONV.replace(images, 'data = {kind = "my_squares:Squares"}'))
    run_without_ray(study)
    module.unlink()
    fakes = in_fresh_process(str(study.ledger.root), 0, tmp_path)
    assert fakes.shape == (100, 1, 20, 28)
    assert np.isfinite(fakes).all()


def test_an_entry_without_the_shape_of_its_samples_takes_it_from_the_data(
    on_images: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = results("conv", root=on_images.place)
    for trial in read.trial_records:
        if trial.finished:
            del trial.facts["sample_shape"]
    assert read.best("gan").shape == on_images.best("gan").shape == on_images.data.sample_shape
    of_data = SampleShape(shape=(1, 2, 3), bounded=False)
    monkeypatch.setattr(Dataset, "sample_shape", property(lambda data: of_data))
    assert read.best("gan").shape == of_data
    assert on_images.best("gan").shape == SampleShape(shape=(3, 28, 28), bounded=True)


def test_fakes_of_given_z_are_those_that_a_call_draws(on_images: Results) -> None:
    generator = on_images.best("gan").generator(1)
    z = torch.randn((16, 4), generator=stream(3, "results_z"))
    assert generator.of(z[:7]).shape == (7, 3, 28, 28)
    np.testing.assert_array_equal(generator.of(z[:7]), generator(7, seed=3))
    np.testing.assert_array_equal(sample_latents(2, 4, 3), z[:2])  # more samples of a seed begin with the fewer ones


@pytest.mark.parametrize("channels", [1, 3])
def test_the_lines_of_the_documentation_write_fakes_as_pictures(
    channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    begin = page.index("for number, image in enumerate((127.5")
    lines = page[begin : page.index("\n\n", begin)]
    monkeypatch.chdir(tmp_path)
    shown = pictures(3, side=28, channels=channels).reshape(3, 28, 28, channels)
    images = (shown.transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32)
    exec(lines, {"images": images, "Image": Image})
    for number in range(3):
        with Image.open(f"fake-{number:03}.png") as picture:
            assert picture.mode == ("L" if channels == 1 else "RGB")
            np.testing.assert_array_equal(np.asarray(picture), shown[number].squeeze())
