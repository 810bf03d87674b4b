"""Contract tests for your own objectives, constraints, networks, data, metrics and loops: a subclass inherits them.

    from gan_core.contracts import ObjectiveContract
    from my_module import MyObjective

    class TestMyObjective(ObjectiveContract):
        subject = MyObjective(sharpness=0.5)

pytest collects the subclass by its name; these classes do not import pytest. They test the assumptions of the trainer:
losses reduce over the batch axis alone, so the numbers of a seed do not depend on the other seeds; random numbers come
from the arguments alone; gradients are finite at scores of +-10000; states can be saved and loaded. The classes in
this library pass the same tests.
"""

from gan_core.contracts.constraint_contract import ConstraintContract
from gan_core.contracts.data_contract import DataContract
from gan_core.contracts.loop_contract import StepLoopContract
from gan_core.contracts.metric_contract import MetricContract
from gan_core.contracts.network_contracts import CriticContract, GeneratorContract
from gan_core.contracts.objective_contract import ObjectiveContract

__all__ = [
    "ConstraintContract",
    "CriticContract",
    "DataContract",
    "GeneratorContract",
    "MetricContract",
    "ObjectiveContract",
    "StepLoopContract",
]
