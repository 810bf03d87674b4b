"""Trained generators in files: what is read samples as what was written, and no other file is taken for one."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_gans import drawn, preset_trainer
from torch import nn

from gan_core import (
    AnyGenerator,
    ConvGenerator,
    DiracGenerator,
    MLPGenerator,
    ModuleGenerator,
    SampleShape,
    SavedGenerator,
    SegmentGenerator,
    Units,
    load_generator,
    save_generator,
)
from gan_core.generator_files import DESCRIPTION, PARAMETERS, PIXELS
from gan_core.networks import generate_in_chunks
from gan_core.training.randomness import sample_latents

IMAGES = SampleShape(shape=(3, 8, 12), bounded=True)
POINTS = SampleShape(shape=(2,), bounded=False)


@dataclass(frozen=True, kw_only=True)
class Own(ModuleGenerator):
    latent: int = 3
    width: int = 4

    def module(self, shape: SampleShape) -> nn.Module:
        return nn.Sequential(nn.Linear(self.latent, self.width), nn.ReLU(), nn.Linear(self.width, shape.dim))


def saved(
    network: AnyGenerator, shape: SampleShape, dtype: torch.dtype = torch.float32, **changes: Any
) -> SavedGenerator:
    generator = SavedGenerator(
        network=network,
        parameters=drawn(network, shape, (7, 8), dtype),
        shape=shape,
        seeds=(7, 8),
        about={"study": "x"},
    )
    return replace(generator, **changes)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    save_generator(tmp_path, saved(MLPGenerator(width=5, depth=2, latent=3), POINTS))
    return tmp_path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (MLPGenerator(width=5, depth=2, latent=3, output="tanh"), POINTS),
        (ConvGenerator(base=2, latent=4, normalisation="batch"), IMAGES),
        (SegmentGenerator(theta=0.5), POINTS),
        (DiracGenerator(theta=0.5, latent=2), SampleShape(shape=(1,), bounded=False)),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_what_is_read_samples_as_what_was_written(
    network: AnyGenerator, shape: SampleShape, dtype: torch.dtype, tmp_path: Path
) -> None:
    generator = saved(network, shape, dtype)
    save_generator(tmp_path / "new" / "folder", generator)
    read = load_generator(tmp_path / "new" / "folder")
    assert (read.network, read.shape, read.seeds, read.about) == (network, shape, (7, 8), {"study": "x"})
    for member in range(2):
        z = sample_latents(5, network.latent, 3).to(dtype).expand(2, -1, -1)
        expected = generate_in_chunks(network, generator.parameters, z, shape)[member].numpy()
        sampled = read.sample(5, seed=3, member=member)
        assert sampled.shape == (5, *shape.shape)
        np.testing.assert_allclose(sampled.reshape(5, -1), expected, atol=1e-6)


def test_the_generators_of_a_trainer_can_be_saved(tmp_path: Path) -> None:
    trainer = preset_trainer("wgan")
    parameters, network = trainer.generator.frozen, trainer.networks.generator
    save_generator(
        tmp_path, SavedGenerator(network=network, parameters=parameters, shape=trainer.shape, seeds=(3, 4, 5))
    )
    z = sample_latents(4, network.latent, 0).to(trainer.dtype).expand(3, -1, -1)
    expected = network.generate(parameters, z, trainer.shape)[2].numpy()
    np.testing.assert_allclose(load_generator(tmp_path).sample(4, member=2), expected, atol=1e-6)


def test_seeds_of_latents_and_members_choose_the_samples(written: Path) -> None:
    read = load_generator(written)
    first = read.sample(6)
    np.testing.assert_array_equal(first, read.sample(6, seed=0, member=0))
    assert np.abs(first - read.sample(6, seed=1)).max() > 0.01
    assert np.abs(first - read.sample(6, member=1)).max() > 0.01
    for wrong, sentence in (
        ({"member": 2}, "member: must be an integer in 0 .. 1, but is 2"),
        ({"member": -1}, "but is -1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            read.sample(6, **wrong)
    with pytest.raises(ValueError, match=r"^count: must be an integer >= 1, but is 0$"):
        read.sample(0)


def test_images_become_grey_levels() -> None:
    generator = saved(ConvGenerator(base=2, latent=4), IMAGES, units=PIXELS)
    levels = np.arange(256).repeat(3)[: 2 * 3 * 8 * 12]
    images = (levels / 127.5 - 1).reshape(-1, 3, 8, 12).astype(np.float32)
    pictures = generator.in_units(images)
    assert pictures.shape == (2, 8, 12, 3)
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures.transpose(0, 3, 1, 2), levels.reshape(2, 3, 8, 12))
    grey = replace(generator, shape=SampleShape(shape=(1, 8, 12), bounded=True))
    np.testing.assert_array_equal(grey.in_units(images[:, :1]), levels.reshape(2, 3, 8, 12)[:, 0])


def test_rows_of_a_table_get_their_units_and_other_points_stay(tmp_path: Path) -> None:
    units = Units(columns=("height", "mass"), offset=(170.0, 65.0), scale=(10.0, 4.0))
    save_generator(tmp_path, saved(MLPGenerator(width=5, depth=1, latent=3), POINTS, units=units))
    read = load_generator(tmp_path)
    assert read.units == units
    assert not read.in_pixels
    rows = np.array([[0.0, 0.0], [1.0, -0.5]])
    np.testing.assert_array_equal(read.in_units(rows), [[170, 65], [180, 63]])
    np.testing.assert_array_equal(replace(read, units=None).in_units(rows), rows)


def edited(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Change the description as somebody with an editor would."""

    def edit(folder: Path) -> None:
        described = json.loads((folder / DESCRIPTION).read_text())
        change(described)
        (folder / DESCRIPTION).write_text(json.dumps(described))

    return edit


def of_another_network(folder: Path) -> None:
    """Parameters of other shapes, with their right checksum."""
    parameters = load_file(folder / PARAMETERS)
    save_file({name: value[..., :1].clone() for name, value in parameters.items()}, folder / PARAMETERS)
    digest = sha256((folder / PARAMETERS).read_bytes()).hexdigest()
    edited(lambda described: described["parameters"].update(sha256=digest))(folder)


def no_safetensors(folder: Path) -> None:
    (folder / PARAMETERS).write_bytes(b"no tensors")
    edited(lambda d: d["parameters"].update(sha256=sha256(b"no tensors").hexdigest()))(folder)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no description": (lambda folder: (folder / DESCRIPTION).unlink(), "must be a file that can be read"),
    "a cut description": (
        lambda f: (f / DESCRIPTION).write_bytes((f / DESCRIPTION).read_bytes()[:99]),
        "it is no JSON",
    ),
    "bytes": (lambda folder: (folder / DESCRIPTION).write_bytes(b"\xff\xfe\x00"), "it is no JSON"),
    "a list": (lambda folder: (folder / DESCRIPTION).write_text("[]"), "its format is not"),
    "another format": (edited(lambda d: d.update(format="GGUF")), "its format is not"),
    "a newer version": (edited(lambda d: d.update(format_version=3)), "must be of format_version 2, but is of 3"),
    "no seeds": (edited(lambda d: d.pop("seeds")), "KeyError: 'seeds'"),
    "units of another form": (edited(lambda d: d["sample"].update(units={"a": [1]})), "is damaged or foreign"),
    "an unknown field": (edited(lambda d: d["network"].update(layers=3)), r"network.layers is no field"),
    "a wrong value": (edited(lambda d: d["network"].update(width=0)), "network: width: must be >= 1, but is 0"),
    "a wrong type": (edited(lambda d: d["network"].update(width="5")), "its network cannot be built"),
    "another width": (edited(lambda d: d["network"].update(width=6)), "but they differ"),
    "another number of seeds": (edited(lambda d: d["seeds"].append(9)), "but they differ"),
    "another latent": (edited(lambda d: d["latent"].update(size=9)), "but they differ"),
    "an unknown kind": (edited(lambda d: d["network"].update(kind="unet")), "network.kind is 'unet'"),
    "a kind that is a list": (edited(lambda d: d["network"].update(kind=[])), "is damaged or foreign"),
    "no parameters": (lambda folder: (folder / PARAMETERS).unlink(), "must be a file that can be read"),
    "cut parameters": (lambda f: (f / PARAMETERS).write_bytes((f / PARAMETERS).read_bytes()[:-1]), "its SHA-256"),
    "no tensors": (no_safetensors, "is damaged or foreign"),
    "parameters of another network": (of_another_network, "but they differ"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_damaged_or_foreign_file_is_refused_in_one_sentence(case: str, written: Path) -> None:
    damage, sentence = REFUSED[case]
    damage(written)
    with pytest.raises(ValueError, match=sentence) as refused:
        load_generator(written)
    assert str(refused.value).startswith(f"{written}/generator.")
    assert "\n" not in str(refused.value)


def test_a_class_of_ones_own_must_be_given_with_its_fields(tmp_path: Path) -> None:
    generator = saved(Own(width=6), POINTS)
    save_generator(tmp_path, generator)
    with pytest.raises(ValueError, match=rf"its module {__name__} is needed; import Own from there"):
        load_generator(tmp_path)
    with pytest.raises(ValueError, match="must describe the given network"):
        load_generator(tmp_path, Own(width=5))
    read = load_generator(tmp_path, Own(width=6))
    z = sample_latents(4, 3, 0).expand(2, -1, -1)
    expected = read.network.generate(generator.parameters, z, POINTS)[1].numpy()
    np.testing.assert_allclose(read.sample(4, member=1), expected, atol=1e-6)


def test_what_json_cannot_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    generator = saved(MLPGenerator(width=5, depth=1, latent=3), POINTS)
    for wrong in ({"study": object()}, {"distance": float("nan")}):
        with pytest.raises(ValueError, match=rf"^{DESCRIPTION}: must hold JSON"):
            save_generator(tmp_path, replace(generator, about=wrong))
    assert list(tmp_path.iterdir()) == []
