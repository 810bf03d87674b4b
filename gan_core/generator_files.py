"""Trained generators in two files of a folder, `generator.safetensors` and `generator.json`: write, read, sample.

Reading them runs no code of the files: the generator is one of this library, or given by the caller.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import numpy as np
import torch
from jaxtyping import Float, Num

from gan_core.data import Classes, Units
from gan_core.fields import check_integer
from gan_core.networks import (
    AnyGenerator,
    ConditionalGenerator,
    DiracGenerator,
    Generator,
    generate_in_chunks,
    parameter_shapes,
    with_labels,
    without_labels,
)
from gan_core.shapes import Parameters, SampleShape
from gan_core.training.randomness import one_hot, sample_latents

PARAMETERS, DESCRIPTION = "generator.safetensors", "generator.json"
"""Names of the two files."""
FORMAT = "gan_core generator"
FORMAT_VERSION, FORMAT_WITH_CLASSES = 1, 2
"""Increased by hand whenever `generator.json` changes so that an older library cannot read it.

Files of conditional generators, which libraries before them cannot read, have the second one.
"""
PIXELS = Units(columns=(), offset=(127.5,), scale=(127.5,))
"""Grey levels 0 to 255 of image coordinates in [-1, 1]."""
_KINDS = {kind.kind: kind for kind in (*get_args(Generator), DiracGenerator)}


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedGenerator:
    """Trained generators of one network, one for each seed.

    network     description of the generator
    parameters  its parameters by name, each with a leading seed axis
    shape       shape of a sample
    seeds       seed of each trained generator
    units       linear map from coordinates to the units of the data, None if coordinates are the data's own numbers
    classes     classes of conditional generators, whose network gets the labels too; None for others
    about       JSON object on the origin of the generators: study, condition, metrics, versions
    """

    network: AnyGenerator
    parameters: Parameters
    shape: SampleShape
    seeds: tuple[int, ...]
    units: Units | None = None
    classes: Classes | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        shape, seeds = "x".join(map(str, self.shape.shape)), ", ".join(map(str, self.seeds))
        return f"<SavedGenerator: samples of shape {shape}; seeds {seeds}>"

    def sample(
        self, count: int, *, seed: int = 0, member: int = 0, labels: int | str | Sequence[int | str] | None = None
    ) -> Float[np.ndarray, "count ..."]:
        """`count` fakes of one trained generator, in the shape and scale of the data that it was trained on.

        seed    seed of the latent vectors; equal seeds give equal fakes
        member  index from 0 into `seeds`
        labels  of a conditional generator: number or name of the class of all fakes, or one for each; None: classes in
                the shares of the training samples

        Errors: `ValueError` for a count below 1, for a seed below 0, for a member below 0 or beyond the last seed, for
        labels of a generator without classes, and for classes that there are not.
        """
        check_integer("member", member, 0, len(self.seeds) - 1)
        parameters = {name: value[member : member + 1] for name, value in self.parameters.items()}
        z = sample_latents(count, self.network.latent, seed)
        if self.classes is not None:
            z = with_labels(z, one_hot(self.classes.labels(count, labels), len(self.classes.names)))
        elif labels is not None:
            raise ValueError("labels: must not be given, since the generator was trained without classes")
        z = z.to(next(iter(parameters.values())).dtype)
        with torch.no_grad():
            fakes = generate_in_chunks(self.network, parameters, z[None], self.shape)[0]
        return fakes.numpy().reshape(count, *self.shape.shape)

    def in_units(self, samples: Float[np.ndarray, "count ..."]) -> Num[np.ndarray, "count ..."]:
        """Samples in the units of the data.

        Images in [-1, 1] become grey levels 0 to 255 as uint8, (count, height, width) for one channel, else (count,
        height, width, channels), as Pillow takes them. Rows of a standardised table become offset + scale * coordinate.
        Other samples are returned as they are.
        """
        if self.units is None:
            return samples
        if not self.in_pixels:
            return np.asarray(self.units.offset) + np.asarray(self.units.scale) * samples
        levels = self.units.offset[0] + self.units.scale[0] * samples
        pictures = levels.round().clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
        return pictures[..., 0] if pictures.shape[-1] == 1 else pictures

    @property
    def in_pixels(self) -> bool:
        """True if samples are images whose coordinates are grey levels."""
        return self.shape.of_images and self.units == PIXELS


def save_generator(folder: str | Path, generator: SavedGenerator) -> None:
    """Write trained generators into a folder, which is made if it does not exist; `load_generator` reads them.

    The description is written last, with the checksum of the parameters.

    Errors: `OSError` if the folder cannot be written; `ValueError` for a network or `about` that JSON cannot hold.
    """
    from safetensors.torch import save

    # copies, since safetensors refuses views of one tensor
    copies = {name: value.cpu().contiguous().clone() for name, value in generator.parameters.items()}
    content = save({name: value.detach() for name, value in copies.items()})
    described = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION if generator.classes is None else FORMAT_WITH_CLASSES,
        "network": _table(without_labels(generator.network)),
        "latent": {"size": generator.network.latent, "distribution": "standard normal"},
        "sample": {
            **asdict(generator.shape),
            "units": None if generator.units is None else asdict(generator.units),
            "in_units": "offset + scale * coordinate",
        },
        **({} if generator.classes is None else {"classes": asdict(generator.classes)}),
        "seeds": list(generator.seeds),
        "parameters": {"file": PARAMETERS, "sha256": sha256(content).hexdigest()},
        "about": generator.about,
    }
    try:
        text = json.dumps(described, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{DESCRIPTION}: must hold JSON, but: {error}") from None
    Path(folder).mkdir(parents=True, exist_ok=True)
    _write(Path(folder) / PARAMETERS, content)
    _write(Path(folder) / DESCRIPTION, f"{text}\n".encode())


def load_generator(folder: str | Path, network: AnyGenerator | None = None) -> SavedGenerator:
    """Trained generators that `save_generator` or `gan-study export` wrote into a folder.

    network  the generator, if its class is your own, with the fields that `generator.json` has; one of this library is
             built from the file

    Errors: `ValueError`, one sentence, for files that are missing, damaged, foreign or of a newer version, and if the
    parameters are not those of the network.
    """
    path = Path(folder) / DESCRIPTION
    described = _read_description(path)
    try:
        generator_table, sample, seeds = described["network"], described["sample"], tuple(described["seeds"])
        shape = SampleShape(shape=tuple(sample["shape"]), bounded=sample["bounded"])
        units = None if sample["units"] is None else Units(**{k: tuple(v) for k, v in sample["units"].items()})
        checksum, latent, about = (
            described["parameters"]["sha256"],
            described["latent"]["size"],
            dict(described["about"]),
        )
        kind = str(generator_table["kind"])
        classes = _classes(described.get("classes"))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    own = None if network is None else without_labels(network)
    built = _library_network(generator_table, path) if kind in _KINDS else _own_network(generator_table, own, path)
    if classes is not None:
        built = ConditionalGenerator(network=built, classes=len(classes.names))
    try:
        expected = {name: (len(seeds), *sizes) for name, sizes in parameter_shapes(built, shape).items()}
    except Exception as error:  # the fields may be of any type, and a class of the user's may raise anything
        raise _damaged(path, f"its network cannot be built, {type(error).__name__}: {error}") from None
    parameters = _read_parameters(path.with_name(PARAMETERS), checksum)
    if {name: tuple(value.shape) for name, value in parameters.items()} != expected or built.latent != latent:
        raise ValueError(f"{path}: must describe the generator whose parameters are in {PARAMETERS}, but they differ")
    return SavedGenerator(
        network=built, parameters=parameters, shape=shape, seeds=seeds, units=units, classes=classes, about=about
    )


def _classes(described: Any) -> Classes | None:
    """The classes in a description. Errors: `ValueError` unless there are as many names as shares."""
    if described is None:
        return None
    classes = Classes(
        names=tuple(str(name) for name in described["names"]), shares=tuple(map(float, described["shares"]))
    )
    if len(classes.names) != len(classes.shares) or not classes.names:
        raise ValueError("classes must have as many names as shares")
    return classes


def _table(network: AnyGenerator) -> dict[str, Any]:
    """Kind and fields of a generator; the kind of a class that is not of this library is MODULE:CLASS."""
    own = type(network)
    kind = own.kind if own in _KINDS.values() else f"{own.__module__}:{own.__qualname__}"
    values: dict[str, Any] = asdict(network) if is_dataclass(network) else {}
    return {"kind": kind, **{name: value for name, value in values.items() if name != "kind"}}


def _library_network(table: Mapping[str, Any], path: Path) -> AnyGenerator:
    kind = _KINDS[table["kind"]]
    names = {one.name for one in fields(kind)}
    if unknown := sorted(set(table) - names):
        raise _damaged(path, f"network.{unknown[0]} is no field of {kind.__name__}")
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})
    except (TypeError, ValueError) as error:
        raise _damaged(path, f"network: {error}") from None


def _own_network(table: Mapping[str, Any], network: AnyGenerator | None, path: Path) -> AnyGenerator:
    module, _, name = str(table["kind"]).partition(":")
    if network is None:
        if not name:
            raise _damaged(path, f"network.kind is {module!r}, which this library does not have")
        raise ValueError(
            f"{path}: its network is a class of its author, so its module {module} is needed; import {name} from there "
            f"and call load_generator(folder, {name}(...)) with the fields in the file"
        )
    given = json.loads(json.dumps(_table(network)))
    if given != table:
        raise ValueError(f"{path}: must describe the given network, but describes {table}, and {given} was given")
    return network


def _read_description(path: Path) -> Mapping[str, Any]:
    try:
        described = json.loads(_content(path))
    except ValueError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise _damaged(path, "it is no JSON") from None
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise _damaged(path, f"its format is not {FORMAT!r}")
    version = described.get("format_version")
    if version not in (FORMAT_VERSION, FORMAT_WITH_CLASSES):
        raise ValueError(
            f"{path}: must be of format_version {FORMAT_WITH_CLASSES}, but is of {version}; update gan-studies"
        )
    return described


def _read_parameters(path: Path, checksum: str) -> Parameters:
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = _content(path)
    if sha256(content).hexdigest() != checksum:
        raise _damaged(path, f"its SHA-256 is not the one in {DESCRIPTION}")
    try:
        return load(content)
    except SafetensorError as error:
        raise _damaged(path, f"{error}") from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: must be a file that can be read, but {error.strerror or error}") from None


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(f"{path}: is damaged or foreign ({reason})")


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
