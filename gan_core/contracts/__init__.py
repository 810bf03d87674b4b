"""What one's own objective, constraint, network or data set must fulfil, as tests that a subclass inherits.

    from gan_core.contracts import ObjectiveContract
    from my_module import MyObjective

    class TestMyObjective(ObjectiveContract):
        subject = MyObjective(sharpness=0.5)

pytest finds the subclass by its name; nothing here needs pytest. What is asked is what the trainer relies on: losses
that reduce over the batch alone, so that a seed has the same numbers alone and among others; no randomness but what
is handed in; finite gradients at scores of +-10000; memory and state that survive a checkpoint. The kinds that ship
are held to the same classes.
"""

from gan_core.contracts.constraint import ConstraintContract
from gan_core.contracts.data import DataContract
from gan_core.contracts.networks import CriticContract, GeneratorContract
from gan_core.contracts.objective import ObjectiveContract

__all__ = ["ConstraintContract", "CriticContract", "DataContract", "GeneratorContract", "ObjectiveContract"]
