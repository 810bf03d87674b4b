"""GANs as values: objectives, constraints, networks and optimizers that combine, trained S seeds side by side.

    from gan_core import Digits, GradientPenalty, MLPCritic, MLPGenerator, NetworkPair, Trainer, Training, Wasserstein

    trainer = Trainer(
        objective=Wasserstein(),
        constraint=GradientPenalty(gp_weight=10.0),
        networks=NetworkPair(generator=MLPGenerator(), critic=MLPCritic()),
        training=Training(n_critic=5),
        data=Digits().load(),
        seeds=[0, 1, 2],
    )
    trainer.advance(100)
    trainer.measure()["sliced_wasserstein"]         # one distance per seed

Every description is a frozen dataclass whose fields are its knobs; `Objective`, `Constraint`, `Networks`, `Optimizer`
and `Data` are the unions of what there is, and `AnyObjective`, `AnyConstraint`, `AnyGenerator`, `AnyCritic` and
`AnyData` what one's own must fulfil, which the classes in `gan_core.contracts` test. The library knows no Ray, no
MLflow and no study files.
"""

from gan_core.citations import citation
from gan_core.constraints import (
    AnyConstraint,
    Constraint,
    CriticField,
    GradientPenalty,
    SpectralNorm,
    Unconstrained,
    WeightClipping,
    gradient_by_autograd,
    slope,
)
from gan_core.data import AnyData, Data, Dataset, Digits, Dirac, Sizes, Split
from gan_core.metrics import Lines, Measures, Ruler, sliced_wasserstein
from gan_core.networks import (
    AnyCritic,
    AnyGenerator,
    AutoencoderCritic,
    AutogradCritic,
    Critic,
    CriticAt,
    DiracCritic,
    DiracGenerator,
    DiracPair,
    Generator,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    Networks,
    SampleSpace,
)
from gan_core.objectives import (
    AnyObjective,
    BoundaryEquilibrium,
    Critique,
    EnergyMargin,
    Hinge,
    LeastSquares,
    LossSensitive,
    Memoryless,
    Minimax,
    NonSaturating,
    Objective,
    Relativistic,
    Wasserstein,
    pull_away,
)
from gan_core.optimizers import SGD, Adam, Constant, Cosine, Halving, Linear, Optimizer, RMSProp, Schedule
from gan_core.presets import PRESETS, Preset
from gan_core.randomness import stream
from gan_core.stability import OUTCOMES, Curve, Outcome, Thresholds, Verdict, judge, progress, search_score
from gan_core.training import Trainer, Training, UpdateOrder, check_game

__all__ = [
    "OUTCOMES",
    "PRESETS",
    "SGD",
    "Adam",
    "AnyConstraint",
    "AnyCritic",
    "AnyData",
    "AnyGenerator",
    "AnyObjective",
    "AutoencoderCritic",
    "AutogradCritic",
    "BoundaryEquilibrium",
    "Constant",
    "Constraint",
    "Cosine",
    "Critic",
    "CriticAt",
    "CriticField",
    "Critique",
    "Curve",
    "Data",
    "Dataset",
    "Digits",
    "Dirac",
    "DiracCritic",
    "DiracGenerator",
    "DiracPair",
    "EnergyMargin",
    "Generator",
    "GradientPenalty",
    "Halving",
    "Hinge",
    "LeastSquares",
    "Linear",
    "Lines",
    "LossSensitive",
    "MLPCritic",
    "MLPGenerator",
    "Measures",
    "Memoryless",
    "Minimax",
    "NetworkPair",
    "Networks",
    "NonSaturating",
    "Objective",
    "Optimizer",
    "Outcome",
    "Preset",
    "RMSProp",
    "Relativistic",
    "Ruler",
    "SampleSpace",
    "Schedule",
    "Sizes",
    "SpectralNorm",
    "Split",
    "Thresholds",
    "Trainer",
    "Training",
    "Unconstrained",
    "UpdateOrder",
    "Verdict",
    "Wasserstein",
    "WeightClipping",
    "check_game",
    "citation",
    "gradient_by_autograd",
    "judge",
    "progress",
    "pull_away",
    "search_score",
    "sliced_wasserstein",
    "slope",
    "stream",
]
