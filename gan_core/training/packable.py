"""The check that an objective and a constraint can be mapped over the members of a pack."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from gan_core.constraints import AnyConstraint
from gan_core.fields import numbers
from gan_core.networks import CriticAt, Networks
from gan_core.objectives import AnyObjective
from gan_core.shapes import Parameters, SampleShape
from gan_core.training.mapping import Mapped, tensors_in, with_tensors

Call = tuple[str, tuple[Any, ...]]
"""Name of a method and its arguments."""

MEMBERS, BATCH = 2, 4


def why_unpackable(
    objective: AnyObjective, constraint: AnyConstraint, networks: Networks, shape: SampleShape
) -> str | None:
    """Reason why GANs with this objective and this constraint cannot form a pack; None if they can.

    Every method is called on a small batch, with numbers and with a tensor in the place of each number, and must return
    the same. The reason opens with the path of the first hyperparameter in whose place a tensor fails, as it does in an
    `if`, in `float()` or in a function that is not torch's. Exceptions of the calls with numbers are passed on.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = [networks.critic.initial(shape, generator) for _ in range(MEMBERS)]
    parameters = {name: torch.stack([one[name] for one in drawn]).double() for name in drawn[0]}
    real, fake = torch.randn((2, MEMBERS, BATCH, shape.dim), generator=generator, dtype=torch.float64)
    classes = networks.critic.label_width
    labels = torch.eye(classes, dtype=torch.float64)[torch.arange(BATCH) % classes] if classes else None
    critic = CriticAt(networks.critic, parameters, shape, None if labels is None else labels.expand(MEMBERS, -1, -1))
    of_objective = _objective_calls(objective, critic, real, fake)
    of_constraint = _constraint_calls(constraint, critic, parameters, real, fake)
    return _reason("objective", objective, of_objective) or _reason("constraint", constraint, of_constraint)


def _objective_calls(objective: AnyObjective, critic: CriticAt, real: Tensor, fake: Tensor) -> Iterator[Call]:
    initial = objective.initial_state(MEMBERS)
    state = {name: value.double() for name, value in initial.items()}
    on_real, on_fake = critic.call(real).detach(), critic.call(fake).detach()
    yield "critic_loss", (on_real, on_fake, state)
    yield "generator_loss", (on_real if objective.generator_reads_real or state else None, on_fake, state)
    yield "next_state", (on_real, on_fake, state)
    yield "metrics", (on_real, on_fake, state)


def _constraint_calls(
    constraint: AnyConstraint, critic: CriticAt, parameters: Parameters, real: Tensor, fake: Tensor
) -> Iterator[Call]:
    streams = [torch.Generator().manual_seed(member) for member in range(MEMBERS)]
    state = constraint.initial_state(parameters, streams)
    yield "next_state", (parameters, state)
    yield "map_parameters", (parameters, state)
    yield "noise_width", (real.shape[-1],)
    noise = torch.rand((MEMBERS, BATCH, constraint.noise_width(real.shape[-1])), generator=streams[0]).double()
    yield "points", (real, fake, noise)
    points = constraint.points(real, fake, noise)
    if points is not None:
        yield "cost", (critic.gradient(points).detach(),)
    yield "project_", (torch.cat([value.flatten(1) for value in parameters.values()], dim=1),)


def _reason(path: str, description: Any, calls: Iterator[Call]) -> str | None:
    names = list(numbers(description))
    if not names:
        return None
    known = {
        "kind",
        *(field.name for field in fields(description)),
    }  # a study gives a user's class the name that it uses
    attributes = set(getattr(description, "__dict__", {})) - known
    set_once = [name for name in sorted(attributes) if not hasattr(type(description), name)]
    if set_once:
        return f"{path}.{set_once[0]}: must be a field or a property, since members of a pack are copies of the fields"
    listed = list(calls)
    if _failure(description, names, listed) is None:
        return None
    failures = {name: _failure(description, [name], listed) for name in names}
    name, failure = next(((name, text) for name, text in failures.items() if text), ("kind", None))
    return (
        f"{path}.{name}: cannot differ between the members of a pack, since {type(description).__name__} "
        f"{failure or _failure(description, names, listed)}"
    )


def _failure(description: Any, names: Sequence[str], calls: Sequence[Call]) -> str | None:
    """Text that says how the methods fail with tensors in the place of these numbers; None if they do not fail."""
    members = [description] * MEMBERS
    plain = Mapped(members, [], torch.device("cpu"), torch.float64)
    mapped = Mapped(members, names, torch.device("cpu"), torch.float64)
    for method, arguments in calls:
        expected = _tensors_after(plain, method, arguments)
        try:
            actual = _tensors_after(mapped, method, arguments)
        except Exception as error:
            return f"fails with a tensor in its place: {str(error).splitlines()[0].split('. ')[0]}"
        same = len(actual) == len(expected) and all(
            torch.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True)
            for one, other in zip(actual, expected, strict=True)
        )
        if not same:
            return f"returns other values from {method}() with a tensor in its place"
    return None


def _tensors_after(mapped: Mapped[Any], method: str, arguments: tuple[Any, ...]) -> list[Tensor]:
    """Tensors that a method returns, and its arguments afterwards: a projection changes them."""
    copies = with_tensors(arguments, [tensor.clone() for tensor in tensors_in(arguments)])
    returned = mapped.call(method, *copies)
    return tensors_in((returned, copies))
