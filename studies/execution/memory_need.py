"""Memory that a process needs at least to train trials of a study, and the check that a machine has it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gan_core.networks import parameter_shapes
from gan_core.shapes import SampleShape
from gan_core.training import Training, pack_members
from studies.design import total
from studies.errors import InputError
from studies.execution.disk_space import key_with_most_gans
from studies.execution.resources import Allocation, Resources
from studies.file.condition import Condition, Setting
from studies.file.messages import count_noun
from studies.file.real_samples import load_samples
from studies.file.study import Study
from studies.numbers import format_bytes

BYTES_OF = {"float32": 4, "float64": 8}
FEW = 3
"""Number of GANs that any study trains side by side: if these do not fit, the networks or the batch are too large."""
TRIAL_BYTES = 7000
"""Bytes that a trial takes at least in the driver, which lists all trials; 7,300 to 10,100 were measured."""
CONTEXT = 0.3e9
"""Bytes of a GPU that CUDA's context and the kernels of PyTorch take in a process; today's cards take more."""
MOMENTS = {"adam": 2, "rmsprop": 1}
"""Numbers that an optimizer keeps for each parameter, without momentum."""


@dataclass(frozen=True)
class LeastMemory:
    """Bytes that one GAN takes at least while it trains beside others in a process; infinite beyond 2^63.

    parameters  weights, gradients and moments of both networks
    batch       a batch of real samples and of fakes, and the outputs of the layers for them, at the floating-point type
    evaluation  fakes of an evaluation
    """

    parameters: float
    batch: float
    evaluation: float

    @property
    def total(self) -> float:
        """All of them together."""
        return self.parameters + self.batch + self.evaluation


def least_memory(setting: Setting, shape: SampleShape, samples: int) -> LeastMemory:
    """Memory of one GAN: a lower bound, for settings that cannot fit. Autograd and temporary tensors take more.

    A layer's outputs are counted by its biases, so those of a convolution for a single pixel.

    samples  number of fakes of an evaluation
    """
    training, size = setting.training, BYTES_OF[setting.training.dtype]
    networks = setting.networks
    try:
        shapes = {
            "generator": parameter_shapes(networks.generator, shape),
            "critic": parameter_shapes(networks.critic, shape),
        }
    except OverflowError:
        return LeastMemory(math.inf, 0.0, 0.0)
    counts = {role: sum(map(math.prod, of_role.values())) for role, of_role in shapes.items()}
    outputs = sum(
        math.prod(sizes) for of_role in shapes.values() for name, sizes in of_role.items() if name.endswith("bias")
    )
    return LeastMemory(
        parameters=size * sum(count * _copies(training, role) for role, count in counts.items()),
        batch=size * training.batch * (2 * shape.dim + outputs),
        evaluation=size * samples * shape.dim,
    )


def _copies(training: Training, role: str) -> int:
    """Numbers that are kept for each parameter of a network: itself, its gradient, the optimizer's, the average."""
    optimizer = training.critic_optimizer if role == "critic" else training.generator_optimizer
    averages = role == "generator" and training.generator_average > 0
    return 2 + MOMENTS.get(optimizer.kind, 0) + averages


def least_gpu_memory(study: Study, condition: Condition) -> tuple[float, LeastMemory]:
    """Bytes of a GPU that a process needs at least for the trials of a condition, and those of one of their GANs.

    Of a condition with a loop of its own CUDA's context alone is known.
    They are CUDA's context, the training samples, and a pack of GANs, of which one at a time is evaluated. Autograd and
    temporary tensors take more.
    """
    data = load_samples(study.data)
    needs = []
    for setting in _unequal_settings(condition):
        least = least_memory(setting, data.sample_shape, study.evaluation.samples)
        packed = pack_members(setting.networks, data.sample_shape, "cuda") if study.search.in_packs else 0
        confirmed = study.search.confirm.seeds if study.search.confirm.best else 0
        members = max(study.seeds, confirmed, packed // study.seeds * study.seeds)
        needs.append(
            (CONTEXT + data.train.nbytes + members * (least.total - least.evaluation) + least.evaluation, least)
        )
    if not needs:  # the networks of a user's loop are unknown
        return CONTEXT, LeastMemory(0.0, 0.0, 0.0)
    return max(needs, key=lambda need: need[0])


def _check_gpu_memory(study: Study, resources: Resources, share: float) -> None:
    """Check that the processes that share a GPU fit on it; `share` is that of one process, at most 1.

    Errors: `InputError` with the key that asks for most, or with the share that is too small.
    """
    most = max((node.gpu_memory for node in resources.nodes if node.gpu), default=math.inf)
    for condition in study.conditions if most < math.inf else ():
        needed, least = least_gpu_memory(study, condition)
        if needed > share * most:
            needs = f"a process of conditions.{condition.name} needs at least {format_bytes(needed)}"
            if needed > most:
                path = _largest_part(condition, least)
                raise InputError(f"{path}: must leave room on a GPU, but {needs}, and a GPU has {format_bytes(most)}")
            raise InputError(
                f"resources.gpu: must be >= {math.ceil(100 * needed / most) / 100:g}, since {needs} of a GPU of "
                f"{format_bytes(most)}, but is {share:.2g}"
            )


def check_memory(study: Study, resources: Resources, allocation: Allocation) -> None:
    """Check that the least memory of each trial fits on one node; of trials on GPUs, on its GPU where that is known.

    On processors the list of all trials must fit too.

    Errors: `InputError` with the key that asks for most, the bytes that are needed, and those that there are.
    """
    if allocation.gpu:
        _check_gpu_memory(study, resources, min(1.0, allocation.gpu))
        return
    most = max((node.memory for node in resources.nodes), default=math.inf)
    if most == math.inf:
        return
    owner = "the largest node" if resources.joined else "this machine"
    trials = total(study)
    if trials * TRIAL_BYTES > most:
        raise InputError(
            f"{key_with_most_gans(study)}: must leave room in memory, but the list of {count_noun(trials, 'trial')} "
            f"needs at least {format_bytes(trials * TRIAL_BYTES)}, and {owner} has {format_bytes(most)}"
        )
    shape = load_samples(study.data).sample_shape
    for condition in study.conditions:
        for setting in _unequal_settings(condition):
            least = least_memory(setting, shape, study.evaluation.samples)
            path, members = _members(study, setting, shape, least.total > most)
            needed = members * least.total
            if needed > most:
                if min(members, FEW) * least.total > most:
                    path = _largest_part(condition, least)
                words = "more than 2^63 bytes" if needed >= 2**63 else f"at least {format_bytes(needed)}"
                raise InputError(
                    f"{path}: must leave room in memory, but {count_noun(members, 'GAN')} of "
                    f"conditions.{condition.name} that train side by side need {words}, and {owner} has "
                    f"{format_bytes(most)}"
                )


def _unequal_settings(condition: Condition) -> Iterator[Setting]:
    """The extreme settings that differ in the networks, the batch, or what an optimizer keeps."""
    seen = set()
    for setting in condition.extreme_settings():
        training = setting.training
        optimizers = (training.critic_optimizer.kind, training.generator_optimizer.kind)
        key = (repr(setting.networks), training.batch, training.dtype, training.generator_average > 0, optimizers)
        if key not in seen:
            seen.add(key)
            yield setting


def _members(study: Study, setting: Setting, shape: SampleShape, too_large: bool) -> tuple[str, int]:
    """Largest number of GANs that a process trains side by side, and the key that it comes from.

    too_large  True if a single GAN does not fit
    """
    search = study.search
    numbers = {"seeds": study.seeds, "search.confirm.seeds": search.confirm.seeds if search.confirm.best else 0}
    if search.in_packs and not too_large:
        in_pack = pack_members(setting.networks, shape, "cpu") // study.seeds * study.seeds
        numbers["search.packs"] = in_pack
    path = max(numbers, key=lambda name: numbers[name])
    return path, numbers[path]


def _largest_part(condition: Condition, least: LeastMemory) -> str:
    """Path of the key that a GAN takes most memory for."""
    name = f"conditions.{condition.name}"
    parts = {
        f"{name}.networks": least.parameters,
        f"{name}.training.batch": least.batch,
        "evaluation.samples": least.evaluation,
    }
    return max(parts, key=lambda part: parts[part])
