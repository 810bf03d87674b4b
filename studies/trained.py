"""Trained generators, taken out of a study."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from gan_core.networks import AnyGenerator, Generator, Networks, SampleSpace
from gan_core.randomness import stream
from studies.errors import InputError
from studies.modules import names_in, require
from studies.refusal import Parts
from studies.study import PARTS, Setting
from studies.validation import build


@dataclass(frozen=True)
class Best:
    """The configuration of one condition that went into confirm first, with its trained generators."""

    condition: str
    configuration: dict[str, Any]
    identity: dict[str, Any]
    seeds: list[int]
    space: SampleSpace
    shape: tuple[int, ...]
    parameters: dict[str, torch.Tensor]

    @cached_property
    def setting(self) -> Setting:
        """What was trained; a kind of the user's is looked up for it as Python finds it here."""
        return self._built(Setting, {part: self.identity[part] for part in PARTS}, ())

    @cached_property
    def network(self) -> AnyGenerator:
        """The generator's description."""
        networks = self.identity["networks"]
        if "generator" not in networks:
            return self._built(Networks, networks, ("networks",)).generator
        return self._built(Generator | AnyGenerator, networks["generator"], ("networks", "generator"))

    def _built(self, annotation: Any, table: Mapping[str, Any], parts: Parts) -> Any:
        known, used = self.identity["surroundings"].get("sources", {}), names_in(table)
        require({name: source for name, source in known.items() if name in used})
        return build(annotation, table, parts)

    def generator(self, member: int = 0) -> "TrainedGenerator":
        """One member's generator; `member` counts the seeds of the confirm trial from 0."""
        if not 0 <= member < len(self.seeds):
            raise InputError(f"member: must lie in 0 .. {len(self.seeds) - 1}, but is {member}")
        alone = {name: value[member : member + 1] for name, value in self.parameters.items()}
        return TrainedGenerator(self, alone, self.seeds[member])


@dataclass(frozen=True)
class TrainedGenerator:
    """A trained generator: call it for samples."""

    origin: Best
    parameters: dict[str, torch.Tensor]
    seed: int

    def __call__(self, samples: int, *, seed: int = 0) -> Float[np.ndarray, "samples ..."]:
        """That many fakes in the data's own shape and scale; the same `seed` gives the same ones."""
        network = self.origin.network
        z = torch.randn((1, samples, network.latent), generator=stream(seed, "results_z"))
        with torch.no_grad():
            fakes = network.generate(self.parameters, z, self.origin.space)[0]
        return fakes.numpy().reshape(samples, *self.origin.shape)
