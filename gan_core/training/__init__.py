"""Training: settings, optimizers, random streams, and the loop that trains S GANs together, one per seed."""

from gan_core.training.loop_trainer import LoopTrainer
from gan_core.training.optimizers import SGD, Adam, Constant, Cosine, Halving, Linear, Optimizer, RMSProp, Schedule
from gan_core.training.own_loops import (
    Generate,
    GenerateFrom,
    OwnLoop,
    Report,
    StepLoop,
    TrainingPairs,
    TrainingRun,
    WholeLoop,
    generates_from_latents,
    loop_of_function,
)
from gan_core.training.packable import why_unpackable
from gan_core.training.packs import Member, Structure, check_alike, pack_members, structure
from gan_core.training.randomness import EVALUATION_SEED, evaluation_latents, stream
from gan_core.training.settings import Training, UpdateOrder, check_compatible, check_conditional
from gan_core.training.trainer import Trainer

__all__ = [
    "EVALUATION_SEED",
    "SGD",
    "Adam",
    "Constant",
    "Cosine",
    "Generate",
    "GenerateFrom",
    "Halving",
    "Linear",
    "LoopTrainer",
    "Member",
    "Optimizer",
    "OwnLoop",
    "RMSProp",
    "Report",
    "Schedule",
    "StepLoop",
    "Structure",
    "Trainer",
    "Training",
    "TrainingPairs",
    "TrainingRun",
    "UpdateOrder",
    "WholeLoop",
    "check_alike",
    "check_compatible",
    "check_conditional",
    "evaluation_latents",
    "generates_from_latents",
    "loop_of_function",
    "pack_members",
    "stream",
    "structure",
    "why_unpackable",
]
