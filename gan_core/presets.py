"""Literature names as objective x constraint x the authors' settings.

A preset is a piece of a study file under a well-known name: whatever a study says itself wins over it. `ranges` are
the ranges worth searching, by the dotted path of the knob; `"search"` in a study file stands for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Table = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One named method: what its authors trained, and where a search for better settings should look."""

    name: str
    title: str
    table: Table
    ranges: Mapping[str, Table]
    source: str


LEARNING_RATE: Table = {"log_uniform": [1e-5, 1e-2]}
SHARED_RANGES: dict[str, Table] = {
    "training.critic_optimizer.lr": LEARNING_RATE,
    "training.generator_optimizer.lr": LEARNING_RATE,
    "training.n_critic": {"choice": [1, 5]},
}
"""The ranges of Lucic et al. 2018 (arXiv:1711.10337, section 5), the same for every method."""


def _training(kind: str, n_critic: int = 1, **settings: Any) -> Table:
    optimizer = {"kind": kind, **settings}
    return {"n_critic": n_critic, "critic_optimizer": optimizer, "generator_optimizer": optimizer}


_AUTOENCODER = {"critic": {"kind": "autoencoder"}}
_DCGAN_ADAM = _training("adam", lr=2e-4, betas=[0.5, 0.999])

_ROWS = [
    Preset(
        name="gan",
        title="GAN, the minimax game",
        table={"objective": {"kind": "minimax"}, "constraint": {"kind": "none"}, "training": _DCGAN_ADAM},
        ranges=SHARED_RANGES,
        source="Goodfellow et al. 2014, arXiv:1406.2661; Adam of Radford et al. 2016, arXiv:1511.06434",
    ),
    Preset(
        name="nsgan",
        title="GAN with the non-saturating generator",
        table={"objective": {"kind": "non_saturating"}, "constraint": {"kind": "none"}, "training": _DCGAN_ADAM},
        ranges=SHARED_RANGES,
        source="Goodfellow et al. 2014, arXiv:1406.2661; Adam of Radford et al. 2016, arXiv:1511.06434",
    ),
    Preset(
        name="lsgan",
        title="Least-squares GAN",
        table={
            "objective": {"kind": "least_squares"},
            "constraint": {"kind": "none"},
            "training": _training("adam", lr=1e-3, betas=[0.5, 0.999]),
        },
        ranges=SHARED_RANGES,
        source="Mao et al. 2017, arXiv:1611.04076",
    ),
    Preset(
        name="wgan",
        title="Wasserstein GAN, weights clipped",
        table={
            "objective": {"kind": "wasserstein"},
            "constraint": {"kind": "weight_clipping", "clip_value": 0.01},
            "training": _training("rmsprop", n_critic=5, lr=5e-5),
        },
        ranges=SHARED_RANGES | {"constraint.clip_value": {"log_uniform": [1e-3, 1.0]}},
        source="Arjovsky et al. 2017, arXiv:1701.07875",
    ),
    Preset(
        name="wgan-gp",
        title="Wasserstein GAN, gradient penalty between real and fake",
        table={
            "objective": {"kind": "wasserstein"},
            "constraint": {"kind": "gradient_penalty", "gp_weight": 10.0},
            "training": _training("adam", n_critic=5, lr=1e-4, betas=[0.0, 0.9]),
        },
        ranges=SHARED_RANGES | {"constraint.gp_weight": {"log_uniform": [0.1, 100.0]}},
        source="Gulrajani et al. 2017, arXiv:1704.00028",
    ),
    Preset(
        name="ebgan",
        title="Energy-based GAN, autoencoder critic with a margin",
        table={
            "objective": {"kind": "energy_margin", "margin": 10.0},
            "constraint": {"kind": "none"},
            "networks": _AUTOENCODER,
            "training": _training("adam", lr=1e-3, betas=[0.5, 0.999]),
        },
        # The unit is the mean squared error on data in [-1, 1], where real digits start near 0.8.
        ranges=SHARED_RANGES | {"objective.margin": {"log_uniform": [0.01, 10.0]}},
        source="Zhao et al. 2017, arXiv:1609.03126",
    ),
]

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ROWS}
