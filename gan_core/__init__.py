"""Training and evaluation of GANs from objectives, constraints, networks and optimizers, one GAN per random seed.

    from gan_core import (
        Digits, Evaluator, GradientPenalty, MLPCritic, MLPGenerator, NetworkPair, Trainer, Training, Wasserstein,
    )

    data = Digits().load()
    trainer = Trainer(
        objective=Wasserstein(),
        constraint=GradientPenalty(gp_weight=10.0),
        networks=NetworkPair(generator=MLPGenerator(), critic=MLPCritic()),
        training=Training(n_critic=5),
        data=data,
        seeds=[0, 1, 2],
    )
    trainer.advance(100)
    evaluator = Evaluator(trainer.networks.generator, data)
    evaluator.evaluate(trainer.generator.frozen, last=True)["sliced_wasserstein"]     # one distance per seed

Objectives, constraints, networks, optimizers and data are frozen dataclasses whose fields are their hyperparameters.
`Objective`, `Constraint`, `Networks`, `Optimizer` and `Data` are unions of the classes in this library. To write your
own, subclass `AnyObjective`, `AnyConstraint`, `AnyGenerator`, `AnyCritic`, `AnyData` or `AnyMetric`; the classes in
`gan_core.contracts` test them. The library does not use Ray, MLflow or study files. All seeds are trained together.

Names are imported on first use; `__init__.pyi` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
