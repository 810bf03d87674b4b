"""Numbers and texts that no machine can work with: refused at once, in one sentence with the key's path."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studies.design import total
from studies.errors import InputError
from studies.execution.memory_need import check_memory, least_gpu_memory, least_memory
from studies.execution.resources import Allocation, Node, Resources
from studies.execution.runner import check_resources
from studies.file.real_samples import load_samples
from studies.file.refusal import MOST_LINES
from studies.file.study import Study
from studies.file.trees import leaves
from studies.ledger.ledger import Ledger

STUDY = """
name = "large"
budget.steps = 100
data.kind = "ring"
"""
CONDITION = '[[conditions]]\nname = "{name}"\npreset = "gan"\n'
GAN = CONDITION.format(name="gan")
LONG = "k" * 200_000
LISTED = [1e-6 * number for number in range(1, 50_001)]
SECONDS = 5.0
"""Largest processor time of an answer, which takes up to 2 s on a fast machine."""
GIGABYTES = 16 * 10**9

Load = Callable[..., Study]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_text(text: str = STUDY + GAN, *overrides: str) -> Study:
        path = tmp_path / "study.toml"
        path.write_text(text)
        return Study.load(path, overrides=[f"ledger.root={tmp_path / 'ledger'}", *overrides])

    return load_text


ODD = {
    "a long key": STUDY + f"{LONG} = 1\n" + GAN,
    "a long key of a condition": STUDY + GAN + f"training.{LONG} = 1\n",
    "a long key of a distribution": STUDY + GAN + f"training.critic_optimizer.lr = {{uniform = [1, 2], {LONG} = 1}}\n",
    "a table with a long key": STUDY + GAN + f"training.critic_optimizer.lr = {{{LONG} = 1}}\n",
    "a long choice": STUDY + GAN + f'training.update_order = "{LONG}"\n',
    "a long kind": STUDY + GAN + f'objective = {{kind = "{LONG}"}}\n',
    "a long reference": STUDY + GAN + f'objective = {{kind = "{LONG}:{LONG}"}}\n',
    "a long preset": STUDY + GAN.replace('"gan"\n', f'"{LONG}"\n'),
    "a long name": STUDY + CONDITION.format(name="n" * 10_000),
    "control characters in a name": STUDY + CONDITION.format(name="a\\u202Eb\\u0007"),
    "control characters in a key": STUDY + '"a\\u202Eb\\u001b[31m" = 1\n' + GAN,
    "many values": STUDY + GAN + f"training.critic_optimizer.lr = {{choice = {LISTED}}}\n",
    "a long grid": STUDY + GAN + f"training.critic_optimizer.lr = {{grid = {LISTED}}}\n",
    "many values together": STUDY
    + "".join(
        CONDITION.format(name=f"gan{number}") + f"training.critic_optimizer.lr = {{choice = {LISTED[:450]}}}\n"
        for number in range(5)
    ),
    "many conditions": STUDY + "".join(CONDITION.format(name=f"gan{number}") for number in range(5000)),
    "many tables": STUDY + f"evaluation.metrics = [{', '.join(['{}'] * 10_000)}]\n" + GAN,
    "a long list": STUDY + GAN + f"training.critic_optimizer.betas = {[0.5] * 100_000}\n",
    "nested lists": STUDY + GAN + f"training.critic_optimizer.lr = {'[' * 100_000}{']' * 100_000}\n",
    "nested tables": STUDY + GAN + f"{'.'.join(['a'] * 50_000)} = 1\n",
    "nested conditions of a value": STUDY
    + GAN
    + f"training.critic_optimizer.lr = {{uniform = [1, 2], when = {{{'.'.join(['a'] * 60)} = 1}}, otherwise = 1}}\n",
    "an integer of 5000 digits": STUDY + f"seeds = {'9' * 5000}\n" + GAN,
    "an integer of 4000 digits": STUDY + f"seeds = {'9' * 4000}\n" + GAN,
    "a hexadecimal integer": STUDY + f"seeds = 0x{'f' * 50_000}\n" + GAN,
    "an integer in a choice": STUDY + GAN + f"training.batch = {{choice = [{'9' * 4000}]}}\n",
    "negative zero": STUDY + GAN + "training.critic_optimizer.lr = -0.0\n",
    "two zeros": STUDY + GAN + "training.critic_optimizer.betas = [{choice = [0.0, -0.0]}, 0.9]\n",
    "an empty list": STUDY + GAN + "training.critic_optimizer.betas = []\n",
    "an empty choice": STUDY + GAN + "training.critic_optimizer.lr = {choice = []}\n",
    "equal conditions": STUDY + GAN + GAN,
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_refused_at_once_in_a_short_message_without_control_characters(load: Load, name: str) -> None:
    started = process_time()
    with pytest.raises(InputError) as refused:
        load(ODD[name])
    assert process_time() - started < SECONDS
    lines = str(refused.value).splitlines()
    assert len(lines) <= MOST_LINES + 1
    assert all(len(line) < 400 and line.isprintable() for line in lines)
    assert all(": " in line for line in lines[:MOST_LINES])


def test_many_conditions_and_values_are_accepted_at_once(load: Load) -> None:
    conditions = "".join(CONDITION.format(name=f"gan{number}") for number in range(60))
    started = process_time()
    study = load(STUDY + conditions + f"training.critic_optimizer.lr = {{choice = {LISTED[:150]}}}\n")
    assert process_time() - started < SECONDS
    assert len(study.conditions) == 60


NUMBERS = [
    ".".join(parts)
    for parts, leaf in leaves(
        {name: value for name, value in Study.load("first-study").table().items() if name != "conditions"}
    )
    if isinstance(leaf, int | float) and not isinstance(leaf, bool)
]
"""Dotted path of every number outside the conditions."""
IN_CONDITION = [
    f"conditions.gan.{path}"
    for path in (
        "training.batch",
        "training.n_critic",
        "training.warmup_steps",
        "training.warmup_n_critic",
        "training.warmup_every",
        "training.pretrain_steps",
        "training.generator_average",
        "training.critic_optimizer.lr",
        "training.critic_optimizer.eps",
        "networks.generator.width",
        "networks.generator.depth",
        "networks.generator.latent",
        "networks.critic.width",
        "networks.critic.depth",
        "replicate",
    )
]
EXTREMES = st.one_of(
    st.sampled_from(["inf", "-inf", "nan", "-0.0", "0", str(2**63 - 1), str(-(2**63)), "1e308", "5e-324", str(2**40)]),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


@given(path=st.sampled_from([*NUMBERS, *IN_CONDITION]), value=EXTREMES)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_number_in_any_field_is_answered_at_once(load: Load, path: str, value: str) -> None:
    started, sentence = process_time(), ""
    try:
        check_memory(load(STUDY + GAN, f"{path}={value}"), LARGE, ONE_CORE)
    except InputError as refused:
        sentence = str(refused)
    assert process_time() - started < SECONDS
    for line in sentence.splitlines():  # of the key itself, or of one that must fit to it
        assert line.startswith(("search.", "budget.steps", "evaluation.measurements", path.split(".")[0]))
    if not sentence:
        assert value not in ("inf", "-inf", "nan")


LARGE = Resources(nodes=(Node(cpu=2, gpu=0, memory=GIGABYTES),))
ONE_CORE = Allocation(cpu=1, gpu=0)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            [f"search.confirm.seeds={2**40}"],
            "search.confirm.seeds: must be <= 1000000, since a phase has 1000000 seeds, but is 1099511627776",
        ),
        ([f"seeds={2**40}"], "seeds: must be <= 1000000, since a phase has 1000000 seeds, but is 1099511627776"),
        (
            ["search.confirm.best=20", "search.confirm.seeds=60000"],
            "search.confirm.best: must be <= 16, since a phase has 1000000 seeds, 60000 for each trial, but is 20",
        ),
        ([f"budget.steps={2**62}"], f"budget.steps: must be <= 1000000000, but is {2**62}"),
        ([f"networks.generator.depth={2**40}"], f"networks.generator.depth: must be <= 1000, but is {2**40}"),
        ([f"evaluation.measurements={2**40}"], f"evaluation.measurements: must be <= 100000, but is {2**40}"),
    ],
)
def test_numbers_beyond_seeds_and_steps_are_refused(load: Load, overrides: list[str], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        load(STUDY + GAN, *overrides)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("override", "path", "needs"),
    [
        (f"training.batch={2**63 - 1}", "conditions.gan.training.batch", "need more than 2^63 bytes"),
        ("networks.generator.width=1000000", "conditions.gan.networks", "need at least 320 TB"),
        ("networks.critic.width=1000000", "conditions.gan.networks", "need at least 320 TB"),
        (f"networks.generator.width={2**62}", "conditions.gan.networks", "need more than 2^63 bytes"),
        ("search.confirm.seeds=1000000", "search.confirm.seeds", "1000000 GANs"),
        ("seeds=300000", "seeds", "300000 GANs"),
    ],
)
def test_what_does_not_fit_into_memory_is_refused_with_the_key_the_need_and_the_memory(
    load: Load, override: str, path: str, needs: str
) -> None:
    study = load(STUDY + GAN, override, "search.explore=2", "search.exploit.trials=0", "search.packs=true")
    with pytest.raises(InputError) as refused:
        check_memory(study, LARGE, ONE_CORE)
    sentence = str(refused.value)
    assert sentence.startswith(f"{path}: must leave room in memory, but ")
    assert sentence.endswith(", and this machine has 16.0 GB")
    assert needs in sentence
    check_memory(load(STUDY + GAN), LARGE, ONE_CORE)
    check_memory(study, Resources(nodes=(Node(cpu=2, gpu=0),), joined=True), ONE_CORE)  # of unknown memory


def test_a_list_of_trials_that_does_not_fit_into_memory_is_refused(load: Load) -> None:
    study = load(STUDY + GAN, "search.explore=300000", "search.exploit.trials=0")
    with pytest.raises(InputError) as refused:
        check_memory(study, Resources(nodes=(Node(cpu=2, gpu=0, memory=2 * 10**9),)), ONE_CORE)
    listed = re.fullmatch(
        r"search\.explore: must leave room in memory, but the list of (3000\d\d) trials needs at least 2\.1 GB, "
        r"and this machine has 2\.0 GB",
        str(refused.value),
    )
    assert listed is not None
    assert int(listed[1]) == total(study)


def test_the_least_memory_is_that_of_parameters_moments_batch_and_evaluation(load: Load) -> None:
    small = load(
        STUDY + GAN,
        "networks.generator={kind='mlp',width=5,depth=1,latent=3}",
        "networks.critic={kind='mlp',width=7,depth=1}",
        "training.batch=10",
        "training.critic_optimizer={kind='sgd',lr=0.1}",
        "training.generator_average=0.9",
        "training.dtype='float64'",
        "evaluation.samples=60",
    )
    setting = small.conditions[0].setting({})
    least = least_memory(setting, load_samples(small.data).sample_shape, small.evaluation.samples)
    generator, critic = 3 * 5 + 5 + 5 * 2 + 2, 2 * 7 + 7 + 7 + 1
    assert least.parameters == 8 * (generator * (1 + 1 + 2 + 1) + critic * (1 + 1))  # Adam has two moments
    assert least.batch == 8 * 10 * (2 * 2 + (5 + 2) + (7 + 1))
    assert least.evaluation == 8 * 60 * 2


def gpu_study(load: Load, *overrides: str) -> Study:
    return load(
        STUDY + GAN, "resources.gpu='auto'", "search.packs=true", "seeds=3", "search.confirm.seeds=10", *overrides
    )


def sharing(gpus: float, gigabytes: float, *, joined: bool = False) -> Resources:
    return Resources(nodes=(Node(cpu=16, gpu=gpus, gpu_memory=gigabytes * 1e9),), joined=joined)


def test_the_least_memory_of_a_gpu_is_that_of_the_context_the_samples_and_a_full_pack(load: Load) -> None:
    study = gpu_study(load)
    condition, data = study.conditions[0], load_samples(study.data)
    needed, least = least_gpu_memory(study, condition)
    assert least == least_memory(condition.setting({}), data.sample_shape, study.evaluation.samples)
    pack = 192 * (least.parameters + least.batch)  # 64 trials of 3 seeds
    assert needed == 0.3e9 + data.train.nbytes + pack + least.evaluation
    alone = gpu_study(load, "search.packs=false")
    assert least_gpu_memory(alone, condition)[0] == pytest.approx(needed - pack * 182 / 192)  # ten seeds confirm


def test_processes_that_cannot_share_a_gpu_are_refused_with_the_share_that_each_needs(load: Load) -> None:
    study = gpu_study(load)
    needed, _ = least_gpu_memory(study, study.conditions[0])
    fits, small = sharing(1, 16.5 * needed / 1e9), sharing(1, 10 * needed / 1e9)
    assert fits.allocation(study.resources).gpu == 1 / 16
    check_memory(study, fits, fits.allocation(study.resources))
    sentence = r"^resources\.gpu: must be >= 0\.1, since a process of conditions\.gan needs at least .* but is 0\.062"
    with pytest.raises(InputError, match=sentence):
        check_memory(study, small, small.allocation(study.resources))
    check_memory(study, small, Allocation(cpu=1, gpu=0.1))
    unknown = sharing(1, math.inf, joined=True)
    check_memory(study, unknown, unknown.allocation(study.resources))


def test_a_pack_that_no_gpu_holds_is_refused_with_the_key_that_asks_for_most(load: Load) -> None:
    study = gpu_study(load, "training.batch=100000000")
    with pytest.raises(
        InputError, match=r"^conditions\.gan\.training\.batch: must leave room on a GPU, but .* has 16\.0 GB$"
    ):
        check_memory(study, sharing(1, 16), Allocation(cpu=1, gpu=2))


def test_a_study_for_more_disk_than_there_is_is_refused(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load(STUDY + GAN, "search.explore=100000")
    with pytest.raises(InputError, match=r"^search.explore: must leave room .* 100007 trials need about .* to spare$"):
        check_resources(study, Ledger(study.ledger.root), LARGE)
