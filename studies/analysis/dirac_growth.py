"""Growth per iteration of the Dirac pair in each cell of a map: measured, and from the two-by-two matrix of theory.

Near the equilibrium an iteration of the Dirac pair is a linear map of (theta, psi); with Wasserstein's loss it is one
everywhere. With a = f'(0) (1 for Wasserstein's loss, 1/2 for the logistic losses), g = 2 gp_weight of a penalty towards
slope 0, and learning rates h_c and h_g of gradient descent, a critic step is psi <- (1 - h_c g) psi - h_c a theta, a
generator step theta <- theta + h_g a psi.

Source: Mescheder, Geiger & Nowozin 2018, arXiv:1801.04406, sections 3 and 4; their psi is minus ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from gan_core.constraints import GradientPenalty, Unconstrained
from gan_core.networks import DiracPair
from gan_core.training import SGD
from studies.analysis.stability_map import cell_values
from studies.file.condition import Condition, Setting
from studies.ledger.trial_records import TrialRecord
from studies.tables.results import Results

DISTANCE, WEIGHT = "distance_to_equilibrium", "constraint.gp_weight"
SLOPES: Mapping[str, float] = {"wasserstein": 1.0, "minimax": 0.5, "non_saturating": 0.5}
"""a = f'(0) of each objective for which the theory is stated here, by kind."""


@dataclass(frozen=True, kw_only=True)
class LinearGame:
    """The linear map of one iteration with one critic step.

    slope          a = f'(0)
    gamma          g: twice the weight of the penalty
    critic_lr      h_c
    generator_lr   h_g
    update_order   as in `Training`
    """

    slope: float
    gamma: float
    critic_lr: float
    generator_lr: float
    update_order: str

    @property
    def matrix(self) -> Float[np.ndarray, "2 2"]:
        """The matrix that maps (theta, psi) to their values after one iteration."""
        generator = np.array([[1.0, self.generator_lr * self.slope], [0.0, 1.0]])
        critic = np.array([[1.0, 0.0], [-self.critic_lr * self.slope, 1 - self.critic_lr * self.gamma]])
        match self.update_order:
            case "critic_first":
                return generator @ critic
            case "alternating":
                return critic @ generator
            case _:
                return np.stack([generator[0], critic[1]])

    @property
    def border(self) -> tuple[float, float]:
        """The interval of g in which both eigenvalues are below 1 in modulus; empty if its first end is the larger.

        simultaneous               h_g a^2 < g < 2/h_c + h_g a^2/2
        critic_first, alternating        0 < g < 2/h_c - h_g a^2/2

        These are determinant < 1 and 1 + trace + determinant > 0.
        """
        shift = self.generator_lr * self.slope**2
        simultaneous = self.update_order == "simultaneous"
        return (shift if simultaneous else 0.0), 2 / self.critic_lr + (shift if simultaneous else -shift) / 2


def linear_game(setting: Setting) -> LinearGame | None:
    """The linear map of a setting; None unless it is one of a pair, objective and constraint that are stated here."""
    objective, constraint, training = setting.objective, setting.constraint, setting.training
    optimizers = (training.critic_optimizer, training.generator_optimizer)
    plain = all(type(optimizer) is SGD and optimizer == SGD(lr=optimizer.lr) for optimizer in optimizers)
    towards_zero = isinstance(constraint, GradientPenalty) and constraint.target == 0
    known = isinstance(setting.networks, DiracPair) and plain and training.n_critic == 1 and not training.warmup_steps
    slope = SLOPES.get(getattr(objective, "kind", ""))
    if not known or slope is None or not (towards_zero or isinstance(constraint, Unconstrained)):
        return None
    gamma = 0.0
    if isinstance(constraint, GradientPenalty):  # a linear critic has the same slope everywhere
        gamma = constraint.gp_weight * (4 if constraint.location == "real_and_fake" else 2)
    return LinearGame(
        slope=slope,
        gamma=gamma,
        critic_lr=training.critic_optimizer.lr,
        generator_lr=training.generator_optimizer.lr,
        update_order=training.update_order,
    )


def measured_growth(results: Results, condition: str) -> Float[np.ndarray, "x y"] | None:
    """(last distance / first distance)^(1 / iterations) in each cell, the median over its seeds; NaN if not finite.

    None if no finished trial of the condition's map has the distance to the equilibrium. A pair of complex eigenvalues
    makes the distance swing, so that this is the modulus of the largest eigenvalue only up to a factor that goes to 1
    with the number of iterations.
    """

    def growth(trial: TrialRecord) -> float | None:
        distances = trial.curves.of(DISTANCE)
        if distances is None:
            return None
        iterations, ratios = int(trial.facts["generator_steps"]), distances[:, -1] / distances[:, 0]
        return float(np.median(ratios ** (1 / iterations))) if iterations else np.nan

    return cell_values(results, condition, growth)


def border_weights(condition: Condition, configuration: Mapping[str, Any]) -> tuple[float, float] | None:
    """The weights of the penalty between which theory has convergence, the other settings being as given.

    None without a `linear_game`, and if no weight converges.
    """
    game = linear_game(condition.setting(configuration))
    if game is None or not game.gamma:
        return None
    low, high = (configuration[WEIGHT] * gamma / game.gamma for gamma in game.border)
    return (low, high) if low < high else None
