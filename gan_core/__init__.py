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
`AnyData` what one's own must fulfil. The library knows no Ray, no MLflow and no study files.
"""

from gan_core.constraints import AnyConstraint, Constraint, GradientPenalty, Unconstrained, WeightClipping, slope
from gan_core.data import (
    AnyData,
    Data,
    Dataset,
    Digits,
    Dirac,
    Grid,
    Modes,
    Ring,
    Segments,
    Sizes,
    Split,
    SwissRoll,
    TwoMoons,
)
from gan_core.metrics import (
    Box,
    Lines,
    Measures,
    Ruler,
    TransportPlan,
    jensen_shannon,
    mode_measures,
    sliced_wasserstein,
    transport_plan,
    wasserstein_1,
)
from gan_core.networks import (
    AnyCritic,
    AnyGenerator,
    AutoencoderCritic,
    Critic,
    DiracCritic,
    DiracGenerator,
    DiracPair,
    Generator,
    MLPCritic,
    MLPGenerator,
    NetworkPair,
    Networks,
    SampleSpace,
    SegmentGenerator,
)
from gan_core.objectives import (
    AnyObjective,
    Critique,
    EnergyMargin,
    LeastSquares,
    Memoryless,
    Minimax,
    NonSaturating,
    Objective,
    Wasserstein,
    pull_away,
)
from gan_core.optimizers import SGD, Adam, Optimizer, RMSProp
from gan_core.presets import PRESETS, Preset
from gan_core.randomness import stream
from gan_core.stability import OUTCOMES, Curve, Outcome, Thresholds, Verdict, judge, progress, search_score
from gan_core.training import Trainer, Training, UpdateOrder

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
    "Box",
    "Constraint",
    "Critic",
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
    "Grid",
    "LeastSquares",
    "Lines",
    "MLPCritic",
    "MLPGenerator",
    "Measures",
    "Memoryless",
    "Minimax",
    "Modes",
    "NetworkPair",
    "Networks",
    "NonSaturating",
    "Objective",
    "Optimizer",
    "Outcome",
    "Preset",
    "RMSProp",
    "Ring",
    "Ruler",
    "SampleSpace",
    "SegmentGenerator",
    "Segments",
    "Sizes",
    "Split",
    "SwissRoll",
    "Thresholds",
    "Trainer",
    "Training",
    "TransportPlan",
    "TwoMoons",
    "Unconstrained",
    "UpdateOrder",
    "Verdict",
    "Wasserstein",
    "WeightClipping",
    "jensen_shannon",
    "judge",
    "mode_measures",
    "progress",
    "pull_away",
    "search_score",
    "sliced_wasserstein",
    "slope",
    "stream",
    "transport_plan",
    "wasserstein_1",
]
