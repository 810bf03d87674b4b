"""Training and evaluation on a GPU: equal to the processor, packs equal to their trials alone, members isolated.

Without a GPU they are skipped. They need no other package than `gan_core` does, and pytest:

    python -m pytest --noconftest -c /dev/null --rootdir . tests/test_cuda.py
"""

import io

import numpy as np
import pytest
import torch
from small_gans import CONSTRAINTS, OBJECTIVES, evaluator_of, kind_of, preset_trainer
from small_packs import (
    OPTIMIZERS,
    alone,
    assert_only_slot_differs,
    members_of,
    optimizer_tensors,
    pack_of,
    tensors,
    with_rate,
)
from torch.testing import assert_close

from gan_core.constraints import GradientPenalty, SpectralNorm
from gan_core.objectives import BoundaryEquilibrium
from gan_core.presets import PRESETS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

COMBINED = [
    (OBJECTIVES[case % len(OBJECTIVES)], CONSTRAINTS[case % len(CONSTRAINTS)], OPTIMIZERS[case % len(OPTIMIZERS)])
    for case in range(len(CONSTRAINTS))
]
"""Each constraint once, each objective and each optimizer several times."""
every_combination = pytest.mark.parametrize(
    ("objective", "constraint", "optimizer"), COMBINED, ids=["-".join(map(kind_of, parts)) for parts in COMBINED]
)
ITERATIONS = 20


@pytest.mark.parametrize("preset", list(PRESETS))
def test_training_on_a_gpu_equals_training_on_a_processor(preset):
    on_gpu, on_processor = (
        preset_trainer(preset, training={"dtype": "float64"}, device=device) for device in ("cuda", "cpu")
    )
    for trainer in (on_gpu, on_processor):
        trainer.advance(ITERATIONS)
    assert on_gpu.generator.flat.is_cuda
    for actual, expected in ((on_gpu.generator, on_processor.generator), (on_gpu.critic, on_processor.critic)):
        assert_close(actual.flat.cpu(), expected.flat, rtol=0, atol=1e-9)
    health = on_processor.health()
    for name, value in on_gpu.health().items():
        assert_close(value.cpu(), health[name], rtol=1e-7, atol=1e-8)


@every_combination
def test_a_pack_on_a_gpu_equals_the_pack_on_a_processor(objective, constraint, optimizer):
    members = members_of(objective, constraint, optimizer)
    on_gpu, on_processor = pack_of(members, "cuda"), pack_of(members)
    for pack in (on_gpu, on_processor):
        pack.advance(ITERATIONS)
    for name, expected in tensors(on_processor).items():
        assert_close(tensors(on_gpu)[name].cpu(), expected, rtol=0, atol=1e-9)


@every_combination
def test_a_pack_on_a_gpu_equals_its_trials_alone(objective, constraint, optimizer):
    members = members_of(objective, constraint, optimizer)
    pack = pack_of(members, "cuda")
    pack.advance(ITERATIONS)
    for slot, member in enumerate(members):
        trial = alone(member, "cuda")
        trial.advance(ITERATIONS)
        for name, value in tensors(trial).items():
            assert_close(tensors(pack)[name][slot], value[0], rtol=0, atol=1e-9)


@every_combination
def test_a_diverged_member_on_a_gpu_changes_no_bit_of_the_others(objective, constraint, optimizer):
    members = members_of(objective, constraint, optimizer, count=9, dtype="float32")
    disturbed = [*members[:7], with_rate(members[7], 1e30), members[8]]
    packs = pack_of(members, "cuda"), pack_of(disturbed, "cuda")
    for pack in packs:
        pack.advance(8)
    assert_only_slot_differs(*packs, slot=7)


@every_combination
def test_a_member_with_nan_on_a_gpu_changes_no_bit_of_the_others(objective, constraint, optimizer):
    members = members_of(objective, constraint, optimizer, count=5, dtype="float32")
    packs = pack_of(members, "cuda"), pack_of(members, "cuda")
    for pack in packs:
        pack.advance(3)
    packs[1].generator.flat[2] = torch.nan
    packs[1].critic.flat[2] = torch.nan
    for pack in packs:
        pack.advance(4)
    assert_only_slot_differs(*packs, slot=2)
    assert packs[1].nonfinite_iteration[2].item() == 4


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_a_resumed_pack_on_a_gpu_gives_the_same_bits(optimizer):
    members = members_of(BoundaryEquilibrium(balance_rate=0.1), SpectralNorm(), optimizer, dtype="float32")
    undisturbed, interrupted, resumed = (pack_of(members, "cuda") for _ in range(3))
    undisturbed.advance(9)
    interrupted.advance(4)
    file = io.BytesIO()
    torch.save(interrupted.state(), file)
    file.seek(0)
    resumed.load(torch.load(file, weights_only=True, map_location="cpu"))
    resumed.advance(5)
    pairs = zip(tensors(undisturbed).values(), tensors(resumed).values(), strict=True)
    assert all(torch.equal(expected, actual) for expected, actual in pairs)
    pairs = zip(optimizer_tensors(undisturbed), optimizer_tensors(resumed), strict=True)
    assert all(torch.equal(expected, actual) for expected, actual in pairs)


def test_an_evaluation_on_a_gpu_equals_that_on_a_processor():
    members = members_of(BoundaryEquilibrium(), GradientPenalty(), OPTIMIZERS[0])
    values = []
    for device in ("cuda", "cpu"):
        pack = pack_of(members, device)
        pack.advance(ITERATIONS)
        values.append(evaluator_of(pack).evaluate(pack.generator.frozen, last=False))
    on_gpu, on_processor = values
    assert on_gpu.keys() == on_processor.keys()
    for name, expected in on_processor.items():
        np.testing.assert_allclose(on_gpu[name], expected, rtol=1e-9, atol=1e-9)


def test_an_iteration_of_a_pack_does_not_wait_for_the_gpu():
    """In the middle of a block of random numbers; a wait would raise an exception."""
    pack = pack_of(members_of(BoundaryEquilibrium(), GradientPenalty(), OPTIMIZERS[0], dtype="float32"), "cuda")
    pack.advance(4)
    torch.cuda.set_sync_debug_mode("error")
    try:
        pack.advance(4)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert pack.iteration == 8
