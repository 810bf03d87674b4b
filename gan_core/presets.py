"""Presets: methods of the literature, each as an objective, a constraint and the settings of its authors.

A condition in a study file starts from a preset if it gives the preset's name; values in the file override the preset.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Table = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A method of the literature.

    name    name in study files
    title   the method in a few words
    table   tables `objective`, `constraint` and `training` of a study file; if the method needs a certain critic, also
            `networks`
    ranges  search ranges of hyperparameters, by dotted path; the value `"search"` in a study file selects the range
    source  paper, and deviations from it
    """

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
"""Search ranges that all presets share, from Lucic et al. 2018 (arXiv:1711.10337, section 5)."""
PENALTY_RANGE: dict[str, Table] = {"constraint.gp_weight": {"log_uniform": [0.1, 100.0]}}
MARGIN_RANGE: dict[str, Table] = {"objective.margin": {"log_uniform": [0.01, 10.0]}}
"""Search range of EBGAN's margin, a mean squared error; an untrained critic's error on digits is near 1.1."""


def _training(kind: str, n_critic: int = 1, **settings: Any) -> Table:
    optimizer = {"kind": kind, **settings}
    return {"n_critic": n_critic, "critic_optimizer": optimizer, "generator_optimizer": optimizer}


def _penalty(gp_weight: float, **fields: Any) -> Table:
    return {"kind": "gradient_penalty", "gp_weight": gp_weight, **fields}


_AUTOENCODER = {"critic": {"kind": "autoencoder"}}
_SCALAR_ENERGY = {"critic": {"kind": "mlp", "form": "energy"}}
_NO_CONSTRAINT = {"kind": "none"}
_WGAN_GP_ADAM = _training("adam", n_critic=5, lr=1e-4, betas=[0.0, 0.9])
_SNGAN_ADAM = _training("adam", n_critic=5, lr=2e-4, betas=[0.0, 0.9])
_DCGAN_ADAM = _training("adam", lr=2e-4, betas=[0.5, 0.999])

_ROWS = [
    Preset(
        name="gan",
        title="GAN with the minimax loss",
        table={"objective": {"kind": "minimax"}, "constraint": _NO_CONSTRAINT, "training": _DCGAN_ADAM},
        ranges=SHARED_RANGES,
        source="Goodfellow et al. 2014, arXiv:1406.2661; Adam of Radford et al. 2016, arXiv:1511.06434",
    ),
    Preset(
        name="nsgan",
        title="GAN with the non-saturating generator loss",
        table={"objective": {"kind": "non_saturating"}, "constraint": _NO_CONSTRAINT, "training": _DCGAN_ADAM},
        ranges=SHARED_RANGES,
        source="Goodfellow et al. 2014, arXiv:1406.2661; Adam of Radford et al. 2016, arXiv:1511.06434",
    ),
    Preset(
        name="lsgan",
        title="Least-squares GAN",
        table={
            "objective": {"kind": "least_squares"},
            "constraint": _NO_CONSTRAINT,
            "training": _training("adam", lr=1e-3, betas=[0.5, 0.999]),
        },
        ranges=SHARED_RANGES,
        source="Mao et al. 2017, arXiv:1611.04076",
    ),
    Preset(
        name="wgan",
        title="Wasserstein GAN, weight clipping",
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
            "constraint": _penalty(10.0),
            "training": _WGAN_GP_ADAM,
        },
        ranges=SHARED_RANGES | PENALTY_RANGE,
        source="Gulrajani et al. 2017, arXiv:1704.00028",
    ),
    Preset(
        name="wgan-lp",
        title="Wasserstein GAN, one-sided gradient penalty between real and fake",
        table={
            "objective": {"kind": "wasserstein"},
            "constraint": _penalty(10.0, sides="one"),
            "training": _WGAN_GP_ADAM,
        },
        ranges=SHARED_RANGES | PENALTY_RANGE,
        source="Petzka et al. 2018, arXiv:1709.08894; optimizer of Gulrajani et al. 2017, arXiv:1704.00028",
    ),
    Preset(
        name="wgan-gp-real",
        title="Wasserstein GAN, gradient penalty at real samples",
        table={
            "objective": {"kind": "wasserstein"},
            "constraint": _penalty(10.0, location="real"),
            "training": _WGAN_GP_ADAM,
        },
        ranges=SHARED_RANGES | PENALTY_RANGE,
        source="the proposal of lecture notes on Gulrajani et al. 2017, arXiv:1704.00028, whose settings it keeps",
    ),
    Preset(
        name="wgan-sn",
        title="Wasserstein GAN, spectral normalisation of the critic",
        table={
            "objective": {"kind": "wasserstein"},
            "constraint": {"kind": "spectral_norm"},
            "training": _SNGAN_ADAM,
        },
        ranges=SHARED_RANGES,
        source="Arjovsky et al. 2017, arXiv:1701.07875; "
        "constraint and optimizer of Miyato et al. 2018, arXiv:1802.05957",
    ),
    Preset(
        name="sngan",
        title="Hinge loss, spectral normalisation of the critic",
        table={"objective": {"kind": "hinge"}, "constraint": {"kind": "spectral_norm"}, "training": _SNGAN_ADAM},
        ranges=SHARED_RANGES,
        source="Miyato et al. 2018, arXiv:1802.05957; hinge of Lim & Ye 2017, arXiv:1705.02894",
    ),
    Preset(
        name="dragan",
        title="Non-saturating GAN, gradient penalty around real samples",
        table={
            "objective": {"kind": "non_saturating"},
            "constraint": _penalty(10.0, location="around_real"),
            "training": _training("adam", lr=1e-4, betas=[0.5, 0.9]),
        },
        ranges=SHARED_RANGES | PENALTY_RANGE,
        source="Kodali et al. 2017, arXiv:1705.07215, and its authors' notebook",
    ),
    Preset(
        name="gan-r1",
        title="Non-saturating GAN, gradient penalty towards 0 at real samples",
        table={
            "objective": {"kind": "non_saturating"},
            "constraint": _penalty(5.0, location="real", target=0),
            "training": _training("rmsprop", lr=1e-4),
        },
        ranges=SHARED_RANGES | PENALTY_RANGE,
        source="Mescheder et al. 2018, arXiv:1801.04406: gamma 10 in its eq. 9, which is gp_weight 5",
    ),
    Preset(
        name="r3gan",
        title="Relativistic pairs, gradient penalties towards 0 at real samples and fakes",
        table={
            "objective": {"kind": "relativistic"},
            "constraint": _penalty(0.5, location="real_and_fake", target=0),
            "training": _training("adam", lr=2e-4, betas=[0.0, 0.9]),
        },
        ranges=SHARED_RANGES | PENALTY_RANGE,
        source="Huang et al. 2024, arXiv:2501.05441, with the pairs of Jolicoeur-Martineau 2018, arXiv:1807.00734: "
        "gamma 1 (ImageNet-64), which is gp_weight 0.5, and the first learning rate and beta of its schedules",
    ),
    Preset(
        name="ebgan",
        title="Energy-based GAN, autoencoder critic with a margin",
        table={
            "objective": {"kind": "energy_margin", "margin": 10.0},
            "constraint": _NO_CONSTRAINT,
            "networks": _AUTOENCODER,
            "training": _training("adam", lr=1e-3, betas=[0.5, 0.999]),
        },
        ranges=SHARED_RANGES | MARGIN_RANGE,
        source="Zhao et al. 2017, arXiv:1609.03126",
    ),
    Preset(
        name="ebgan-pt",
        title="Energy-based GAN with the pull-away term",
        table={
            "objective": {"kind": "energy_margin", "margin": 10.0, "pull_away_weight": 0.1},
            "constraint": _NO_CONSTRAINT,
            "networks": _AUTOENCODER,
            "training": _training("adam", lr=1e-3, betas=[0.5, 0.999]),
        },
        ranges=SHARED_RANGES | MARGIN_RANGE | {"objective.pull_away_weight": {"log_uniform": [0.01, 1.0]}},
        source="Zhao et al. 2017, arXiv:1609.03126, section 2.4",
    ),
    Preset(
        name="began",
        title="Boundary equilibrium GAN, autoencoder critic",
        table={
            "objective": {"kind": "boundary_equilibrium", "gamma": 0.5, "balance_rate": 1e-3},
            "constraint": _NO_CONSTRAINT,
            "networks": {"critic": {"kind": "autoencoder", "energy": "absolute_error_mean"}},
            "training": _training("adam", lr=1e-4, betas=[0.5, 0.999]),
        },
        ranges=SHARED_RANGES
        | {"objective.gamma": {"uniform": [0.0, 1.0]}, "objective.balance_rate": {"log_uniform": [1e-4, 1e-2]}},
        source="Berthelot et al. 2017, arXiv:1703.10717; its batch of 16 is left to the study",
    ),
    Preset(
        name="loss-sensitive",
        title="Loss-sensitive GAN, margin proportional to the distance of a pair",
        table={
            "objective": {"kind": "loss_sensitive", "margin": 2.4576, "difference": "absolute_mean"},
            "constraint": _NO_CONSTRAINT,
            "networks": _SCALAR_ENERGY,
            "training": _training("adam", lr=1e-4, betas=[0.5, 0.999]),
        },
        ranges=SHARED_RANGES | {"objective.margin": {"log_uniform": [0.01, 100.0]}},
        source="Qi 2017, arXiv:1701.06264, and its author's code; the last ReLU of U is left out",
    ),
    Preset(
        name="gls-gan",
        title="Generalised loss-sensitive GAN, slope below the margin",
        table={
            "objective": {
                "kind": "loss_sensitive",
                "margin": 2.4576,
                "difference": "absolute_mean",
                "slope": -1.0,
            },
            "constraint": _NO_CONSTRAINT,
            "networks": _SCALAR_ENERGY,
            "training": _training("adam", lr=1e-4, betas=[0.5, 0.999]),
        },
        ranges=SHARED_RANGES
        | {"objective.margin": {"log_uniform": [0.01, 100.0]}, "objective.slope": {"uniform": [-1.0, 1.0]}},
        source="Qi 2017, arXiv:1701.06264, appendix D; slope of its author's later code (0.2 in the first)",
    ),
]

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ROWS}
"""Every preset by its name."""
