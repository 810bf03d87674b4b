"""Small packs for the tests: members with other numbers and schedules each, and the same members alone."""

from dataclasses import replace
from typing import Any

import torch
from small_gans import blob, small_networks

from gan_core.constraints import GradientPenalty
from gan_core.fields import numbers
from gan_core.training import SGD, Adam, Constant, Cosine, Halving, Linear, Member, RMSProp, Trainer, Training

OPTIMIZERS = [Adam(lr=1e-3, betas=(0.5, 0.9)), RMSProp(lr=1e-3, alpha=0.9), SGD(lr=1e-4, momentum=0.5)]
SCHEDULES = [Constant(), Linear(steps=15), Cosine(steps=12, start=2, final=0.1), Halving(every=7)]
USUAL: dict[str, Any] = {"batch": 4, "dtype": "float64"}


def scaled(value, share):
    """A number near `value` that keeps its bounds."""
    if isinstance(value, tuple):
        return tuple(scaled(part, share) for part in value)
    return share / 20 if value == 0 else value * (1 - share / 10)


def varied(description, share, **changes):
    """The description with every number changed, by another share for each member of a pack."""
    own = {name: scaled(value, share) for name, value in numbers(description).items()}
    if isinstance(description, GradientPenalty) and description.location != "around_real":
        del own["noise_scale"]
    return replace(description, **own | changes)


def members_of(objective, constraint, optimizer, count=4, **training: Any):
    """A pack with other numbers and another schedule for each member, with as many members as samples in a batch."""
    return [
        Member(
            objective=varied(objective, member),
            constraint=varied(constraint, member),
            training=Training(
                **USUAL | {"generator_average": 0.9 - member / 10} | training,
                critic_optimizer=varied(optimizer, member, schedule=SCHEDULES[member % 4]),
                generator_optimizer=varied(optimizer, member + 1, schedule=SCHEDULES[(member + 1) % 4]),
            ),
            seed=3 + member,
        )
        for member in range(count)
    ]


def pack_of(members, device="cpu"):
    networks = small_networks(members[0].objective.critic_form)
    return Trainer.of_pack(members, networks=networks, data=blob(), device=device)


def alone(member, device="cpu"):
    return Trainer(
        objective=member.objective,
        constraint=member.constraint,
        training=member.training,
        networks=small_networks(member.objective.critic_form),
        data=blob(),
        seeds=[member.seed],
        device=device,
    )


def tensors(trainer):
    """Every tensor of a trainer, each with a leading member axis."""
    carried = {**trainer.objective_state, **trainer.constraint_state}
    return {"generator": trainer.generator.flat, "critic": trainer.critic.flat, "average": trainer.average} | carried


def with_rate(member, rate):
    """The member with this learning rate in both optimizers."""
    training = member.training
    optimizers = {
        "critic_optimizer": replace(training.critic_optimizer, lr=rate),
        "generator_optimizer": replace(training.generator_optimizer, lr=rate),
    }
    return replace(member, training=replace(training, **optimizers))


def optimizer_tensors(trainer):
    states = [getattr(trainer, role).state()["optimizer"] for role in ("generator", "critic")]
    return [value for state in states for value in state.values() if isinstance(value, torch.Tensor)]


def assert_only_slot_differs(pack, disturbed, slot):
    """The bits of every other member are equal, and those of this one are not."""
    others = [member for member in range(len(pack.seeds)) if member != slot]
    pairs = [*zip(tensors(pack).values(), tensors(disturbed).values(), strict=True)]
    for expected, actual in [*pairs, *zip(optimizer_tensors(pack), optimizer_tensors(disturbed), strict=True)]:
        assert torch.equal(expected[others], actual[others])
    assert not torch.equal(pack.critic.flat[slot], disturbed.critic.flat[slot])
    assert disturbed.nonfinite_iteration[others].tolist() == [-1] * len(others)
