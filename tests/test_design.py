"""The trials of a study: order, seeds, addresses, and when exploit and confirm trials are determined."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from math import log10
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gan_core.presets import PRESETS
from studies.design import (
    NUMERICS_VERSION,
    Configuration,
    Design,
    Provenance,
    TrialSpec,
    content_address,
    counts,
    payload,
    suggest,
    total,
)
from studies.design.suggestions import sampler_seed
from studies.errors import InputError
from studies.file.distributions import (
    Choice,
    Distribution,
    Grid,
    IntUniform,
    LogUniform,
    Uniform,
    When,
    draw,
    may_draw,
)
from studies.file.study import Study

HERE = Provenance(data_fingerprint="digits", torch_version="2.13.0", device="cpu")

TEXT = """
name = "plan"
seeds = 3
budget.steps = 100
search = {explore = 11, exploit = {trials = 4}, confirm = {best = 2, seeds = 10}}

[[conditions]]
name = "wgan"
preset = "wgan"
constraint.clip_value = {log_uniform = [1e-3, 1.0]}

[[conditions]]
name = "gan"
preset = "gan"
training.critic_optimizer.lr = {log_uniform = [1e-5, 1e-2]}
training.n_critic = {choice = [1, 5]}

[[conditions]]
name = "bare"
preset = "lsgan"
"""

EVERY_KIND = """
name = "kinds"
budget.steps = 100
search = {explore = 12, exploit = {trials = 4}}

[[conditions]]
name = "a"
preset = "wgan-gp"
constraint.gp_weight = {log_uniform = [0.1, 100]}
training.batch = {int_uniform = [3, 9]}
training.n_critic = {grid = [1, 2, 3]}
training.update_order = {choice = ["critic_first", "alternating", "simultaneous"]}
training.critic_optimizer.betas = [{uniform = [0, 0.9]}, 0.9]
"""

Load = Callable[..., Study]
Pick = Callable[[list[TrialSpec]], TrialSpec]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_text(*overrides: str, text: str = TEXT) -> Study:
        path = tmp_path / "study.toml"
        path.write_text(text)
        return Study.load(path, overrides=overrides)

    return load_text


def score_of(trial: TrialSpec) -> float:
    """A pseudo-random number in [0, 1) that depends on the trial's address alone."""
    return int(trial.address[:8], 16) / 2**32


def first(pending: list[TrialSpec]) -> TrialSpec:
    return pending[0]


def run_to_end(
    design: Design, *, score: Callable[[TrialSpec], float] = score_of, pick: Pick = first, until: str = "confirm"
) -> dict[str, float]:
    """Scores of all trials of the phases up to `until`, which end one after the other in the order of `pick`."""
    phases = ["explore", "exploit", "confirm"][: ["explore", "exploit", "confirm"].index(until) + 1]
    scores: dict[str, float] = {}
    while pending := [t for t in design.trials(scores) if t.phase in phases and t.key not in scores]:
        ended = pick(pending)
        scores[ended.key] = score(ended)
    return scores


def all_trials(study: Study, **how: Callable[..., object]) -> list[TrialSpec]:
    design = Design(study, HERE)
    return list(design.trials(run_to_end(design, **how)))  # type: ignore[arg-type]


def issued(design: Design, scores: dict[str, float], phase: str, condition: str = "wgan") -> list[TrialSpec]:
    return [t for t in design.trials(scores) if (t.phase, t.condition) == (phase, condition)]


def configurations(trials: list[TrialSpec]) -> dict[str, Configuration]:
    return {trial.name: trial.configuration for trial in trials}


# -- order, counts, seeds --------------------------------------------------------------------------------------------


def test_trials_are_issued_phase_by_phase_and_round_robin_over_the_conditions(load: Load) -> None:
    names = [trial.name for trial in all_trials(load("search.explore=2", "search.exploit.trials=2"))]
    assert names == [
        *("wgan-explore-0", "gan-explore-0", "bare-explore-0", "wgan-explore-1", "gan-explore-1", "bare-explore-1"),
        *("wgan-exploit-0", "gan-exploit-0", "bare-exploit-0", "wgan-exploit-1", "gan-exploit-1", "bare-exploit-1"),
        *("wgan-confirm-0", "gan-confirm-0", "bare-confirm-0", "wgan-confirm-1", "gan-confirm-1", "bare-confirm-1"),
    ]


def test_every_condition_has_the_counts_of_the_search(load: Load) -> None:
    study = load()
    assert all(
        counts(study, condition) == {"explore": 11, "exploit": 4, "confirm": 2} for condition in study.conditions
    )
    assert len(all_trials(study)) == total(study) == (11 + 4 + 2) * 3


def test_seeds_of_a_phase_are_consecutive_from_its_first_seed(load: Load) -> None:
    trials = {trial.name: trial.seeds for trial in all_trials(load())}
    assert trials["wgan-explore-0"] == [0, 1, 2]
    assert trials["wgan-explore-10"] == [30, 31, 32]
    assert trials["wgan-exploit-0"] == [1_000_000, 1_000_001, 1_000_002]
    assert trials["wgan-exploit-3"] == [1_000_009, 1_000_010, 1_000_011]
    assert trials["wgan-confirm-0"] == list(range(2_000_000, 2_000_010))
    assert trials["wgan-confirm-1"] == list(range(2_000_010, 2_000_020))


def test_every_condition_has_the_same_seeds(load: Load) -> None:
    by_phase_and_index: dict[tuple[str, int], list[list[int]]] = {}
    for trial in all_trials(load()):
        by_phase_and_index.setdefault((trial.phase, trial.index), []).append(trial.seeds)
    assert all(seeds == [seeds[0]] * 3 for seeds in by_phase_and_index.values())


def test_no_two_trials_of_a_condition_share_a_seed(load: Load) -> None:
    seeds = [seed for trial in all_trials(load()) if trial.condition == "gan" for seed in trial.seeds]
    assert len(seeds) == len(set(seeds)) == 15 * 3 + 2 * 10


def test_only_confirm_is_evaluated_against_the_test_split(load: Load) -> None:
    for trial in all_trials(load()):
        assert trial.evaluation["split"] == ("test" if trial.phase == "confirm" else "validation")


# -- explore ---------------------------------------------------------------------------------------------------------


def test_explore_does_not_depend_on_the_other_conditions_their_order_or_their_names(load: Load) -> None:
    study = load()
    whole = {t.name: t for t in all_trials(study) if t.phase == "explore"}
    backwards = replace(study, conditions=study.conditions[::-1])
    alone = replace(study, conditions=study.conditions[1:2])
    renamed = replace(study, conditions=(replace(study.conditions[1], name="other"),))
    for changed, name in ((backwards, "gan"), (alone, "gan"), (renamed, "other")):
        explored = [t for t in all_trials(changed) if (t.phase, t.condition) == ("explore", name)]
        assert [t.address for t in explored] == [whole[f"gan-explore-{index}"].address for index in range(11)]


def test_explore_trials_do_not_depend_on_scores(load: Load) -> None:
    design = Design(load(), HERE)
    at_once = [t.address for t in design.trials({})]
    assert len(at_once) == 33
    scores = run_to_end(design)
    assert [t.address for t in design.trials(scores)][:33] == at_once


def test_more_explore_trials_keep_the_earlier_ones(load: Load) -> None:
    few, many = (
        [t for t in Design(load(f"search.explore={count}"), HERE).trials({}) if t.condition == "wgan"]
        for count in (8, 11)
    )
    assert [t.address for t in many[:8]] == [t.address for t in few]


def test_another_search_seed_gives_other_draws(load: Load) -> None:
    for condition in ("wgan", "gan"):
        draws, other_draws = (
            [t.configuration for t in issued(Design(load(f"search.seed={seed}"), HERE), {}, "explore", condition)]
            for seed in (0, 1)
        )
        assert all(a != b for a, b in zip(draws, other_draws, strict=True))


# -- addresses -------------------------------------------------------------------------------------------------------


def address(study: Study, provenance: Provenance = HERE) -> str:
    return next(Design(study, provenance).trials({})).address


def test_an_identity_has_only_keys_that_determine_the_numbers(load: Load) -> None:
    for trial in all_trials(load()):
        assert set(trial.identity) == {
            *("objective", "constraint", "networks", "training"),
            *("data", "budget", "seeds", "provenance"),
            *([] if trial.place is None else ["pack"]),
        }
        assert set(trial.identity["provenance"]) == {
            *("data_fingerprint", "torch_version", "device", "numerics_version"),
        }
        assert set(trial.evaluation) == {"split", "settings", "provenance"}
        assert set(trial.evaluation["provenance"]) == {
            *("data_fingerprint", "torch_version", "device", "evaluation_version"),
        }


@pytest.mark.parametrize(
    "changed",
    [
        {"data_fingerprint": "other"},
        {"torch_version": "2.14.0"},
        {"device": "cuda"},
        {"numerics_version": NUMERICS_VERSION + 1},
    ],
    ids=str,
)
def test_an_address_changes_with_the_provenance(load: Load, changed: dict[str, Any]) -> None:
    assert address(load(), replace(HERE, **changed)) != address(load())


@pytest.mark.parametrize(
    "assignment",
    [
        "seeds=4",
        "budget.steps=101",
        "budget.unit=generator_steps",
        "data={kind='digits',held_out=399}",
        "networks.generator.latent=31",
        "networks.generator.output=linear",
        "networks.critic.depth=2",
        "training.batch=63",
        "training.n_critic=4",
        "training.update_order=alternating",
        "conditions.wgan.training.critic_optimizer.lr=1e-4",
        "conditions.wgan.training.generator_optimizer={kind='sgd'}",
        "conditions.wgan.objective={kind='minimax'}",
        "conditions.wgan.constraint={kind='none'}",
        "conditions.wgan.constraint.clip_value=0.5",
        "search.seed=1",  # another configuration
    ],
)
def test_an_address_changes_with_what_determines_the_numbers(load: Load, assignment: str) -> None:
    assert address(load(assignment)) != address(load())


@pytest.mark.parametrize(
    "assignment",
    [
        "evaluation.measurements=19",
        "evaluation.samples=801",
        "evaluation.directions=511",
        "evaluation.cells=21",
        "evaluation.neighbours=6",
        "evaluation.exact=every",
    ],
)
def test_what_is_measured_changes_the_address_of_the_evaluation_alone(load: Load, assignment: str) -> None:
    changed, plain = (next(Design(load(*overrides), HERE).trials({})) for overrides in ((assignment,), ()))
    assert changed.address == plain.address
    assert changed.evaluation_address != plain.evaluation_address
    assert changed.key == f"{plain.address}.{changed.evaluation_address}"


def test_the_version_of_the_metrics_changes_the_address_of_the_evaluation_alone(load: Load) -> None:
    changed, plain = (next(Design(load(), replace(HERE, evaluation_version=version)).trials({})) for version in (0, 1))
    assert changed.address == plain.address
    assert changed.evaluation_address != plain.evaluation_address


def test_confirm_and_explore_have_different_evaluations_of_one_kind(load: Load) -> None:
    addresses = {trial.phase: trial.evaluation_address for trial in all_trials(load())}
    assert addresses["explore"] == addresses["exploit"] != addresses["confirm"]


def test_an_address_changes_with_every_single_value_of_the_identity(load: Load) -> None:
    identity = next(Design(load(), HERE).trials({})).identity
    changed = [content_address(other) for other in one_value_changed(identity)]
    assert len(changed) > 30
    assert len({content_address(identity), *changed}) == len(changed) + 1


def one_value_changed(tree: object) -> list:
    if isinstance(tree, dict):
        return [{**tree, key: other} for key, value in tree.items() for other in one_value_changed(value)]
    if isinstance(tree, list):
        return [
            [*tree[:position], other, *tree[position + 1 :]]
            for position, value in enumerate(tree)
            for other in one_value_changed(value)
        ]
    return [f"{tree}+" if isinstance(tree, str) else tree + 1]  # type: ignore[operator]


@pytest.mark.parametrize(
    "assignment",
    [
        "name=other",
        "search.explore=12",
        "search.exploit.trials=0",
        "search.exploit.batch=3",
        "search.sampler=random",
        "search.confirm={best=0,seeds=3}",
        "outcomes.near=0.5",
        "outcomes.moved=0",
        "resources.cpu=2",
        "limits.trial_retries=0",
        "checkpoint.every_seconds=1",
        "ledger.root=elsewhere",
    ],
)
def test_an_address_does_not_change_with_anything_else(load: Load, assignment: str) -> None:
    assert address(load(assignment)) == address(load())


def test_an_address_does_not_depend_on_names_of_conditions_and_presets(load: Load) -> None:
    written_out = TEXT.replace(
        'name = "wgan"\npreset = "wgan"',
        'name = "other"\nobjective.kind = "wasserstein"\nconstraint.kind = "weight_clipping"\n'
        "training = {n_critic = 5, critic_optimizer = {kind = 'rmsprop', lr = 5e-5}, "
        "generator_optimizer = {kind = 'rmsprop', lr = 5e-5}}",
    )
    assert address(load(text=written_out)) == address(load())


def test_equal_trials_of_two_phases_have_one_address(load: Load) -> None:
    trial = next(Design(load(), HERE).trials({}))
    twin = replace(trial, phase="exploit", index=7, condition="other")
    assert content_address(twin.identity) == trial.address


def test_an_address_does_not_depend_on_the_order_of_keys(load: Load) -> None:
    identity = next(Design(load(), HERE).trials({})).identity
    assert content_address(dict(reversed(identity.items()))) == content_address(identity)


def test_the_payload_of_a_worker_holds_the_identity_whose_hash_is_the_address(load: Load) -> None:
    for trial in all_trials(load()):
        (sent,) = json.loads(payload([trial]))
        assert sent["address"] == content_address(sent["identity"]) == trial.address


# -- exploit ---------------------------------------------------------------------------------------------------------


def test_exploit_starts_after_the_last_explore_trial_of_its_condition(load: Load) -> None:
    design = Design(load(), HERE)
    *earlier, last = issued(design, {}, "explore")
    scores = {t.key: score_of(t) for t in earlier}
    assert not issued(design, scores, "exploit")
    scores[last.key] = 0.0
    assert issued(design, scores, "exploit")
    assert not issued(design, scores, "exploit", "gan")


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_a_batch_of_exploit_is_known_as_soon_as_the_earlier_batches_have_ended(load: Load, batch: int) -> None:
    design = Design(load(f"search.exploit.batch={batch}"), HERE)
    scores = run_to_end(design, until="explore")
    first_batch = issued(design, scores, "exploit")
    assert [t.index for t in first_batch] == list(range(min(batch, 4)))
    for trial in first_batch[:-1]:
        scores[trial.key] = 0.5
    assert [t.index for t in issued(design, scores, "exploit")] == list(range(min(batch, 4)))
    scores[first_batch[-1].key] = 0.5
    assert [t.index for t in issued(design, scores, "exploit")] == list(range(min(2 * batch, 4)))


def with_score(scores: dict[str, float], trial: TrialSpec, score: float) -> dict[str, float]:
    return {**scores, trial.key: score}


def test_a_suggestion_depends_on_the_scores_of_earlier_batches_alone(load: Load) -> None:
    study = load("search.exploit={trials=4,batch=2}")
    explored = run_to_end(Design(study, HERE), until="explore")
    first, second = issued(Design(study, HERE), explored, "exploit", "gan")

    def second_batch(*scores_of_first_batch: float, score_of_third: float | None = None) -> list[Configuration]:
        scores = explored
        for trial, score in zip((first, second), scores_of_first_batch, strict=True):
            scores = with_score(scores, trial, score)
        if score_of_third is not None:
            third = issued(Design(study, HERE), scores, "exploit", "gan")[2]
            scores = with_score(scores, third, score_of_third)
        return configurations_of(issued(Design(study, HERE), scores, "exploit", "gan")[2:])

    expected = second_batch(0.0, 0.5)
    assert len(expected) == 2
    for score_of_third in (0.0, 1.0):
        assert second_batch(0.0, 0.5, score_of_third=score_of_third) == expected
    assert second_batch(1.0, 0.5) != expected
    assert second_batch(0.0, 1.0) != expected


def test_more_exploit_trials_keep_the_earlier_suggestions(load: Load) -> None:
    few, many = (all_trials(load(f"search.exploit={{trials={trials},batch=4}}")) for trials in (3, 9))
    earlier = [t.address for t in many if t.phase == "exploit" and t.index < 3]
    assert [t.address for t in few if t.phase == "exploit"] == earlier


def test_the_earlier_suggestions_of_a_batch_count_as_running(load: Load) -> None:
    """Without them TPE would get the same results for every suggestion of a batch."""
    study = load("search.exploit={trials=2,batch=2}", "search.sampler=tpe")
    design = Design(study, HERE)
    scores = run_to_end(design, until="explore")
    condition = study.condition("gan")
    first, second = issued(design, scores, "exploit", "gan")
    explored = issued(design, {}, "explore", "gan")
    ended = [(t.configuration, scores[t.key]) for t in explored]

    def suggestion(running: list[Configuration]) -> Configuration:
        seed = sampler_seed(0, "gan", 1)
        return suggest(condition.hyperparameters, ended=ended, running=running, fixed={}, sampler="tpe", seed=seed)

    assert suggestion([first.configuration]) == second.configuration
    assert suggestion([]) != second.configuration


def configurations_of(trials: list[TrialSpec]) -> list[Configuration]:
    return [trial.configuration for trial in trials]


def test_a_suggestion_depends_on_the_explore_trials(load: Load) -> None:
    study = load("search.exploit.trials=1")
    scores = run_to_end(Design(study, HERE), until="explore")
    (suggestion,) = issued(Design(study, HERE), scores, "exploit")
    best = max(issued(Design(study, HERE), {}, "explore"), key=lambda trial: scores[trial.key])
    (other,) = issued(Design(study, HERE), with_score(scores, best, 0.0), "exploit")
    assert suggestion.configuration != other.configuration


def test_a_suggestion_does_not_depend_on_other_conditions(load: Load) -> None:
    study = load()
    together = configurations([t for t in all_trials(study) if t.condition == "gan"])
    alone = configurations(all_trials(replace(study, conditions=study.conditions[1:2])))
    assert together == alone


def test_suggestions_concentrate_where_scores_are_high(load: Load) -> None:
    study = load("search.explore=32", "search.exploit.trials=16")

    def nearness(trial: TrialSpec) -> float:
        return -abs(trial.configuration.get("constraint.clip_value", 0) - 0.1)

    def share_near(trials: list[TrialSpec], phase: str) -> float:
        near = [nearness(t) > -0.05 for t in trials if (t.phase, t.condition) == (phase, "wgan")]
        return sum(near) / len(near)

    trials = all_trials(replace(study, conditions=study.conditions[:1]), score=nearness)
    assert share_near(trials, "exploit") > share_near(trials, "explore") + 0.1


def test_a_suggestion_is_recomputed_from_the_history_alone(load: Load) -> None:
    study = load()
    design = Design(study, HERE)
    scores = run_to_end(design)
    fresh = Design(study, HERE).trials(scores)
    assert [t.address for t in fresh] == [t.address for t in design.trials(scores)]


def test_a_suggestion_is_recomputed_in_another_process(load: Load, tmp_path: Path) -> None:
    design = Design(load(), HERE)
    scores = run_to_end(design)
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    program = (
        "import json, sys; from studies.design import Design, Provenance; from studies.file.study import Study\n"
        f"design = Design(Study.load('study.toml'), Provenance(**{HERE.table()!r}))\n"
        "print(json.dumps([t.address for t in design.trials(json.load(open('scores.json')))]))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert json.loads(printed) == [t.address for t in design.trials(scores)]


def test_a_design_that_saw_earlier_scores_gives_the_same_trials_as_a_new_one(load: Load) -> None:
    study = load("search.exploit.trials=3")
    design = Design(study, HERE)
    scores: dict[str, float] = {}
    while pending := [t for t in design.trials(scores) if t.key not in scores]:
        assert [t.address for t in Design(study, HERE).trials(scores) if t.key not in scores] == [
            t.address for t in pending
        ]
        for trial in pending[:7]:
            scores[trial.key] = score_of(trial)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_the_order_in_which_trials_end_changes_nothing(load: Load, seed: int) -> None:
    study = load("search.confirm={best=1,seeds=2}", "search.exploit.trials=3")
    random = Random(seed)

    def score(trial: TrialSpec) -> float:
        return round(Random(f"{seed} {trial.address}").random(), 1)  # ties are likely

    in_order = all_trials(study, score=score)
    shuffled = all_trials(study, score=score, pick=random.choice)
    assert [(t.name, t.address) for t in shuffled] == [(t.name, t.address) for t in in_order]


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_equal_scores_give_distinct_suggestions_in_the_ranges(load: Load, score: float) -> None:
    trials = all_trials(load("search.exploit.trials=8", text=EVERY_KIND), score=lambda trial: score)
    suggestions = [t.configuration for t in trials if t.phase == "exploit"]
    assert len({json.dumps(configuration) for configuration in suggestions}) == 8
    for configuration in suggestions:
        assert_in_the_ranges(configuration)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_hyperparameters_of_every_kind_are_drawn_and_suggested_in_their_ranges_and_types(
    load: Load, sampler: str
) -> None:
    study = load(f"search.sampler={sampler}", text=EVERY_KIND)
    assert {type(hyperparameter) for hyperparameter in study.conditions[0].hyperparameters.values()} == {
        Uniform,
        LogUniform,
        IntUniform,
        Choice,
        Grid,
    }
    trials = all_trials(study)
    assert [sum(t.phase == phase for t in trials) for phase in ("explore", "exploit", "confirm")] == [12, 4, 1]
    for trial in trials:
        assert_in_the_ranges(trial.configuration)
        assert trial.identity["training"]["batch"] == trial.configuration["training.batch"]


def assert_in_the_ranges(configuration: Configuration) -> None:
    weight, batch = configuration["constraint.gp_weight"], configuration["training.batch"]
    n_critic, order = configuration["training.n_critic"], configuration["training.update_order"]
    beta = configuration["training.critic_optimizer.betas.0"]
    assert len(configuration) == 5
    assert type(weight) is float
    assert 0.1 <= weight <= 100
    assert type(batch) is int
    assert 3 <= batch <= 9
    assert type(n_critic) is int
    assert n_critic in (1, 2, 3)
    assert order in ("critic_first", "alternating", "simultaneous")
    assert type(beta) is float
    assert 0 <= beta <= 0.9


def test_explore_takes_the_values_of_a_grid_in_order(load: Load) -> None:
    trials = Design(load(text=EVERY_KIND), HERE).trials({})
    assert [t.configuration["training.n_critic"] for t in trials] == [1, 2, 3] * 4


def test_the_trials_of_a_condition_without_hyperparameters_differ_in_seeds_alone(load: Load) -> None:
    trials = [t for t in all_trials(load()) if t.condition == "bare"]
    assert len(trials) == len({t.address for t in trials}) == 17
    assert all(t.configuration == {} for t in trials)


def test_random_suggestions_do_not_depend_on_scores(load: Load) -> None:
    study = load("search.sampler=random")
    suggestions = [
        [t.configuration for t in all_trials(study, score=score) if t.phase == "exploit"]
        for score in (score_of, score_of, lambda trial: 0.0)
    ]
    assert suggestions[0] == suggestions[1] == suggestions[2]
    assert len({json.dumps(configuration) for configuration in suggestions[0]}) > 8


def test_suggest_is_a_function_of_its_arguments() -> None:
    hyperparameters: dict[str, Distribution] = {"x": Uniform(0.0, 1.0), "n": Choice((1, 2, 3))}
    ended = [({"x": i / 12, "n": 1 + i % 3}, float(i % 5)) for i in range(12)]

    def ask(seed: int, running: int = 0) -> Configuration:
        return suggest(
            hyperparameters, ended=ended, running=[{"x": 0.5, "n": 1}] * running, fixed={}, sampler="tpe", seed=seed
        )

    assert ask(0) == ask(0)
    assert ask(0, running=2) == ask(0, running=2)
    assert ask(0) != ask(1)


def test_exploit_starts_with_the_given_values_and_the_sampler_suggests_the_others(load: Load) -> None:
    start = "search.start=[{constraint.clip_value=0.125,training.n_critic=5},{training.n_critic=1}]"
    study, plain = load(start, "search.exploit.trials=24"), load("search.exploit.trials=24")
    started = configurations(all_trials(study))
    assert started["wgan-exploit-0"] == {"constraint.clip_value": 0.125}
    assert started["gan-exploit-0"]["training.n_critic"] == 5
    assert started["gan-exploit-1"]["training.n_critic"] == 1
    assert 1e-5 <= started["gan-exploit-0"]["training.critic_optimizer.lr"] <= 1e-2
    assert started == configurations(all_trials(study))
    others = configurations(all_trials(plain))
    assert {name: started[name] for name in started if "explore" in name} == {
        name: others[name] for name in others if "explore" in name
    }
    later = [f"wgan-exploit-{number}" for number in range(8, 24)]
    assert [started[name] for name in later] != [others[name] for name in later], "later batches depend on the first"
    assert len(started) == len(others)


# -- confirm ---------------------------------------------------------------------------------------------------------


def test_confirm_starts_after_the_last_exploit_trial_of_its_condition(load: Load) -> None:
    study = load()
    scores = run_to_end(Design(study, HERE), until="exploit")
    design = Design(study, HERE)
    last = issued(design, scores, "exploit")[-1].key
    unfinished = {key: score for key, score in scores.items() if key != last}
    design = Design(study, HERE)
    assert not issued(design, unfinished, "confirm")
    assert issued(design, unfinished, "confirm", "gan")
    assert len(issued(design, scores, "confirm")) == 2


def test_confirm_takes_the_highest_scores_of_explore_and_exploit(load: Load) -> None:
    trials = all_trials(load())
    searched = [t for t in trials if t.condition == "wgan" and t.phase != "confirm"]
    ranked = sorted(searched, key=score_of, reverse=True)
    confirmed = [t.configuration for t in trials if t.condition == "wgan" and t.phase == "confirm"]
    assert confirmed == [t.configuration for t in ranked[:2]]


@pytest.mark.parametrize(
    ("best", "confirmed"),
    [
        ({"explore-4": 0.9, "exploit-2": 0.8}, ["explore-4", "exploit-2"]),
        ({"exploit-3": 0.9, "exploit-1": 0.9}, ["exploit-1", "exploit-3"]),
        ({"explore-7": 0.9, "explore-2": 0.9, "exploit-0": 0.9}, ["explore-2", "explore-7"]),
        ({}, ["explore-0", "explore-1"]),
    ],
)
def test_of_equal_scores_the_earlier_is_confirmed(load: Load, best: dict[str, float], confirmed: list[str]) -> None:
    trials = all_trials(load(), score=lambda t: best.get(f"{t.phase}-{t.index}", 0.1))
    by_name = configurations(trials)
    assert [by_name["wgan-confirm-0"], by_name["wgan-confirm-1"]] == [by_name[f"wgan-{name}"] for name in confirmed]


def test_a_study_may_have_no_exploit_and_no_confirm(load: Load) -> None:
    trials = all_trials(load("search.exploit.trials=0", "search.confirm={best=1,seeds=2}"))
    assert {t.phase for t in trials} == {"explore", "confirm"}
    trials = all_trials(load("search.exploit.trials=0", "search.confirm={best=0,seeds=2}"))
    assert {t.phase for t in trials} == {"explore"}


# -- authors' trials -------------------------------------------------------------------------------------------------

AUTHORS = (
    "search.confirm.authors=true",
    "networks.generator={kind='mlp',width=20,depth=1,latent=4}",
    "training.batch=16",
    "training.critic_optimizer={kind='sgd',lr=0.5}",
    "conditions.wgan.training.n_critic=2",
)


def authors_trials(study: Study) -> dict[str, TrialSpec]:
    return {trial.condition: trial for trial in Design(study, HERE).trials({}) if trial.phase == "authors"}


def test_the_authors_trial_has_the_presets_setting_with_the_studys_networks_and_batch(load: Load) -> None:
    trials = authors_trials(load(*AUTHORS))
    assert list(trials) == ["wgan", "gan", "bare"]
    trained = trials["wgan"].identity
    table = PRESETS["wgan"].table
    assert trained["constraint"] == {"kind": "weight_clipping", "clip_value": 0.01}
    assert trained["objective"] == {"kind": "wasserstein"}
    assert trained["training"]["n_critic"] == table["training"]["n_critic"] == 5
    assert trained["training"]["critic_optimizer"]["kind"] == "rmsprop"
    assert trained["training"]["critic_optimizer"]["lr"] == 5e-5
    assert trained["training"]["batch"] == 16
    assert trained["networks"]["generator"]["width"] == 20
    assert trials["wgan"].configuration == {"constraint.clip_value": 0.01}
    assert trials["gan"].configuration == {"training.critic_optimizer.lr": 2e-4, "training.n_critic": 1}


def test_the_authors_trial_has_the_seeds_and_the_split_of_the_best_configuration(load: Load) -> None:
    study = load(*AUTHORS)
    confirmed = {trial.condition: trial for trial in all_trials(study) if (trial.phase, trial.index) == ("confirm", 0)}
    for name, trial in authors_trials(study).items():
        assert trial.seeds == confirmed[name].seeds
        assert trial.evaluation == confirmed[name].evaluation
        assert trial.evaluation["split"] == "test"


def test_a_best_configuration_equal_to_the_authors_setting_is_trained_once(load: Load) -> None:
    trials = {trial.name: trial for trial in all_trials(load("search.confirm.authors=true"))}
    assert trials["bare-authors-0"].address == trials["bare-confirm-0"].address
    assert trials["wgan-authors-0"].address != trials["wgan-confirm-0"].address


def test_authors_trials_change_no_other_trial(load: Load) -> None:
    without = [(trial.name, trial.address) for trial in all_trials(load())]
    with_authors = [(trial.name, trial.address) for trial in all_trials(load("search.confirm.authors=true"))]
    assert with_authors[: len(without)] == without
    assert [name for name, _ in with_authors[len(without) :]] == ["wgan-authors-0", "gan-authors-0", "bare-authors-0"]


def test_a_condition_without_a_preset_has_an_authors_trial_if_its_table_gives_the_setting(load: Load) -> None:
    bare = 'preset = "lsgan"'
    own = 'objective.kind = "hinge"'
    study = load("search.confirm.authors=true", text=TEXT.replace(bare, own))
    assert list(authors_trials(study)) == ["wgan", "gan"]
    assert total(study) == 17 * 3 + 2
    given = own + '\nauthors = {objective.kind = "hinge", training.n_critic = 4}'
    trial = authors_trials(load("search.confirm.authors=true", text=TEXT.replace(bare, given)))["bare"]
    assert trial.identity["training"]["n_critic"] == 4


def test_a_study_with_authors_trials_is_read_back_from_its_table(load: Load) -> None:
    study = load(*AUTHORS)
    again = Study.from_table(json.loads(json.dumps(study.table())))
    assert again == study
    assert [trial.address for trial in all_trials(again)] == [trial.address for trial in all_trials(study)]


def test_authors_trials_with_searched_networks_need_an_authors_table(load: Load) -> None:
    with pytest.raises(InputError) as refused:
        load("search.confirm.authors=true", "conditions.gan.networks.critic.width={choice=[8,16]}")
    assert str(refused.value) == (
        "conditions.gan.authors: must be given as a table of its own if the study searches the networks or the "
        "batch, but networks.critic.width is a distribution"
    )


def test_an_invalid_authors_table_is_refused_with_its_path(load: Load) -> None:
    own = TEXT.replace('preset = "lsgan"', 'preset = "lsgan"\nauthors = {training.n_critic = 0}')
    with pytest.raises(InputError, match=r"^conditions\.bare\.authors\.training\.n_critic: must be >= 1, but is 0"):
        load("search.confirm.authors=true", text=own)


# -- equal conditions --------------------------------------------------------------------------------------------------

EQUAL = """
name = "equal"
seeds = 3
budget.steps = 100
search = {explore = 4, exploit = {trials = 0}, confirm = {best = 1, seeds = 10}}

[[conditions]]
name = "one"
preset = "wgan"
constraint.clip_value = {log_uniform = [1e-3, 1.0]}

[[conditions]]
name = "other"
preset = "wgan"
constraint.clip_value = {log_uniform = [1e-3, 1.0]}
replicate = 1
"""


def test_replicates_have_their_own_draws_and_seeds(load: Load) -> None:
    text = EQUAL.replace("explore = 4", "explore = 8")
    explored = {trial.name: trial for trial in all_trials(load(text=text)) if trial.phase == "explore"}
    drawn: dict[str, list[float]] = {"one": [], "other": []}
    for index in range(8):
        trial, replicate = explored[f"one-explore-{index}"], explored[f"other-explore-{index}"]
        assert replicate.seeds == [10_000_000 + seed for seed in trial.seeds]
        assert trial.address != replicate.address
        for name, spec in (("one", trial), ("other", replicate)):
            drawn[name].append(spec.configuration["constraint.clip_value"])
    assert not set(drawn["one"]) & set(drawn["other"])
    eighths = [sorted(int((log10(value) + 3) / 3 * 8) for value in values) for values in drawn.values()]
    assert eighths == [list(range(8))] * 2
    assert Study.from_table(json.loads(json.dumps(load(text=EQUAL).table()))) == load(text=EQUAL)


@pytest.mark.parametrize(
    ("scores", "failure_rates", "order"),
    [
        ([0.5, 0.9, 0.7, 0.9], [0, 0, 0, 0], [1, 3, 2, 0]),
        ([0.97, 0.96, 0.5, 0.8], [0.4, 0.0, 0.0, 0.0], [1, 0, 3, 2]),
        ([0.97, 0.94, 0.5, 0.8], [0.4, 0.0, 0.0, 0.0], [0, 1, 3, 2]),
        ([0.80, 0.81, 0.79, 0.77], [0.2, 0.2, 0.0, 0.0], [2, 1, 0, 3]),
    ],
    ids=["no failures", "fewer failures", "clearly less", "a chain"],
)
def test_of_almost_equal_scores_that_with_fewer_failures_is_confirmed(
    load: Load, scores: list[float], failure_rates: list[float], order: list[int]
) -> None:
    study = load("search.confirm.best=4", text=EQUAL)
    explored = [t for t in Design(study, HERE).trials({}) if (t.phase, t.condition) == ("explore", "one")]
    others = [t for t in Design(study, HERE).trials({}) if (t.phase, t.condition) == ("explore", "other")]
    by_key = {trial.key: score for trial, score in zip(explored + others, scores * 2, strict=True)}
    rates = {trial.key: rate for trial, rate in zip(explored, failure_rates, strict=True)}
    confirmed = [t for t in Design(study, HERE).trials(by_key, rates) if (t.phase, t.condition) == ("confirm", "one")]
    assert [t.configuration for t in confirmed] == [explored[index].configuration for index in order]


def test_equal_conditions_without_a_replicate_share_their_trials(load: Load) -> None:
    trials = all_trials(load(text=EQUAL.replace("replicate = 1", "")))
    assert len({trial.address for trial in trials}) == len(trials) / 2


@pytest.mark.parametrize(("value", "sentence"), [("-1", "must be >= 0, but is -1"), ("1.5", "must be an integer")])
def test_a_replicate_is_a_whole_number(load: Load, value: str, sentence: str) -> None:
    with pytest.raises(InputError, match=f"^conditions.other.replicate: {sentence}"):
        load(text=EQUAL.replace("replicate = 1", f"replicate = {value}"))


# -- distributions that need care: steps, lists, conditional hyperparameters ----------------------------------------

CONDITIONAL = """
name = "conditional"
budget.steps = 100
search = {explore = 16, exploit = {trials = 6, batch = 3}, confirm = {best = 1, seeds = 3}}

[[conditions]]
name = "a"
preset = "dragan"
training.n_critic = {choice = [1, 5]}
training.critic_optimizer.betas = {choice = [[0.0, 0.9], [0.5, 0.9], [0.5, 0.999]]}
training.batch = {int_log_uniform = [4, 64]}
constraint.gp_weight = {uniform = [0, 10], step = 2.5}
constraint.location = {choice = ["between", "around_real"]}
constraint.noise_scale = {uniform = [0.1, 1.0], when = {"constraint.location" = "around_real"}, otherwise = 0.5}
constraint.noise.choice = ["uniform", "gaussian"]
constraint.noise.when = {constraint.location = "around_real", training.n_critic = [5]}
"""


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_conditional_hyperparameter_is_in_the_configurations_that_search_it(load: Load, sampler: str) -> None:
    study = load(f"search.sampler={sampler}", text=CONDITIONAL)
    trials = all_trials(study)
    assert {t.phase for t in trials} == {"explore", "exploit", "confirm"}
    for trial in trials:
        configuration, constraint = trial.configuration, trial.identity["constraint"]
        around = configuration["constraint.location"] == "around_real"
        assert ("constraint.noise_scale" in configuration) == around
        assert ("constraint.noise" in configuration) == (around and configuration["training.n_critic"] == 5)
        assert constraint["noise_scale"] == configuration.get("constraint.noise_scale", 0.5)
        assert constraint["noise"] == configuration.get("constraint.noise", "uniform")
    assert len({frozenset(t.configuration) for t in trials if t.phase == "explore"}) == 3
    assert [t.address for t in all_trials(study)] == [t.address for t in trials]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_lists_steps_and_logarithmic_integers_are_suggested_in_their_types(load: Load, sampler: str) -> None:
    for trial in all_trials(load(f"search.sampler={sampler}", "search.exploit.trials=12", text=CONDITIONAL)):
        betas = trial.configuration["training.critic_optimizer.betas"]
        assert betas in [(0.0, 0.9), (0.5, 0.9), (0.5, 0.999)]
        assert type(betas) is tuple
        assert trial.identity["training"]["critic_optimizer"]["betas"] == list(betas)
        assert trial.configuration["constraint.gp_weight"] in (0.0, 2.5, 5.0, 7.5, 10.0)
        batch = trial.configuration["training.batch"]
        assert type(batch) is int
        assert 4 <= batch <= 64


def test_tpe_learns_from_the_trials_that_search_a_conditional_hyperparameter() -> None:
    """Scores grow with x, which is searched only at n = 5, where they are higher than at n = 1."""
    hyperparameters: dict[str, Distribution] = {
        "n": Choice((1, 5)),
        "x": Uniform(0.0, 1.0, when=When(parents=(("n", (5,)),), otherwise=0.5)),
    }
    ended: list[tuple[Configuration, float]] = [({"n": 5, "x": i / 40}, 1 + i / 40) for i in range(40)]
    ended += [({"n": 1}, 0.5)] * 40
    asked = [
        suggest(hyperparameters, ended=ended, running=[], fixed={}, sampler="tpe", seed=seed) for seed in range(20)
    ]
    assert asked == [
        suggest(hyperparameters, ended=ended, running=[], fixed={}, sampler="tpe", seed=seed) for seed in range(20)
    ]
    searching = [configuration["x"] for configuration in asked if configuration["n"] == 5]
    assert len(searching) >= 15
    assert sum(x > 0.5 for x in searching) >= 0.8 * len(searching)
    assert all(configuration.keys() == {"n"} for configuration in asked if configuration["n"] == 1)


def test_the_first_start_may_set_a_list_and_a_conditional_hyperparameter(load: Load) -> None:
    start = (
        "search.start=[{training.critic_optimizer.betas=[0.5,0.999],constraint.location='around_real',"
        "constraint.noise_scale=0.25}]"
    )
    started = configurations(all_trials(load(start, text=CONDITIONAL)))["a-exploit-0"]
    assert started["training.critic_optimizer.betas"] == (0.5, 0.999)
    assert started["constraint.noise_scale"] == 0.25


def test_a_conditional_study_is_read_back_from_its_table(load: Load) -> None:
    study = load(text=CONDITIONAL)
    again = Study.from_table(json.loads(json.dumps(study.table())))
    assert again == study
    assert [t.address for t in Design(again, HERE).trials({})] == [t.address for t in Design(study, HERE).trials({})]


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        (
            "conditions.a.constraint.noise={choice=['uniform'],when={constraint={noise_scale=0.5}}}",
            "conditions.a.constraint.noise.when.constraint.noise_scale: must be a choice, a grid or a range of "
            "integers, but is uniform",
        ),
        (
            "conditions.a.constraint.noise={choice=['uniform'],when={'training.n_critc'=5}}",
            "conditions.a.constraint.noise.when.training.n_critc: must be a searched hyperparameter of the condition: "
            "constraint.gp_weight, constraint.location, constraint.noise, constraint.noise_scale, training.batch, "
            "training.critic_optimizer.betas, training.n_critic",
        ),
        (
            "conditions.a.constraint.noise={choice=['uniform'],when={'training.n_critic'=3}}",
            "conditions.a.constraint.noise.when.training.n_critic: must be values of choice [1, 5], but holds 3",
        ),
        (
            "conditions.a.training.n_critic={choice=[1,5],when={'training.n_critic'=5}}",
            "conditions.a.training.n_critic.when: must not depend on the hyperparameter itself, but depends on "
            "training.n_critic",
        ),
        (
            "conditions.a.constraint.location={choice=['real','around_real'],when={'constraint.noise'='uniform'}}",
            "conditions.a.constraint.location.when: must not depend on the hyperparameter itself, but depends on "
            "constraint.noise -> constraint.location",
        ),
        (
            "conditions.a.constraint.noise_scale={uniform=[0.1,1],when={'training.n_critic'=5},otherwise=-1}",
            'conditions.a.constraint.noise_scale: must be 0.5 unless location is "around_real", but is 0.1\n'
            "conditions.a.constraint.noise_scale.otherwise: must be > 0, but is -1",
        ),
        (
            "training.batch={choice=[8,16]}&conditions.a.training.batch={choice=[32,64],when={'training.n_critic'=5}}",
            "conditions.a.training.batch.otherwise: must be given, since the key has no value of its own",
        ),
        (
            "search.sampler=gp",
            'search.sampler: must be "tpe" or "random" if a hyperparameter has when, but is "gp", and '
            "conditions.a.constraint.noise has when",
        ),
    ],
)
def test_a_wrong_conditional_hyperparameter_is_refused(load: Load, assignment: str, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        load(*assignment.split("&"), text=CONDITIONAL)
    assert str(refused.value) == sentence


def test_otherwise_is_by_default_the_value_that_the_key_has_alone(load: Load) -> None:
    text = TEXT.replace(
        "constraint.clip_value = {log_uniform = [1e-3, 1.0]}",
        'constraint.clip_value = {log_uniform = [1e-3, 1.0], when = {"training.n_critic" = 5}}\n'
        "training.n_critic = {int_uniform = [4, 6]}\n"
        'training.critic_optimizer.lr = {log_uniform = [1e-5, 1e-2], when = {"training.n_critic" = [4, 5]}}\n'
        'training.batch = {int_uniform = [3, 9], when = {"training.n_critic" = 6}}',
    )
    hyperparameters = (
        load("training.batch=17", "budget.unit=generator_steps", text=text).condition("wgan").hyperparameters
    )
    found = {path: law.when.otherwise for path, law in hyperparameters.items() if law.when}
    assert found == {
        "constraint.clip_value": PRESETS["wgan"].table["constraint"]["clip_value"],
        "training.critic_optimizer.lr": PRESETS["wgan"].table["training"]["critic_optimizer"]["lr"],
        "training.batch": 17,
    }


# -- Gaussian processes ----------------------------------------------------------------------------------------------


def test_a_gaussian_process_repeats_its_suggestions_and_spreads_those_of_a_batch() -> None:
    """Without the running ones it would suggest one and the same point for the whole batch."""
    hyperparameters: dict[str, Distribution] = {
        "lr": LogUniform(1e-5, 1e-2),
        "n": IntUniform(1, 9, step=2),
        "betas": Choice(((0.0, 0.9), (0.5, 0.9))),
    }
    drawn = [draw(hyperparameters, seed=0, index=index) for index in range(12)]
    ended: list[tuple[Configuration, float]] = [(one, -abs(math.log10(one["lr"]) + 3)) for one in drawn]  # type: ignore[arg-type]

    def batch() -> list[Configuration]:
        running: list[Configuration] = []
        for seed in range(3):
            running.append(
                suggest(hyperparameters, ended=ended, running=list(running), fixed={}, sampler="gp", seed=seed)
            )
        return running

    suggested = batch()
    assert batch() == suggested
    assert len({json.dumps(one) for one in suggested}) == 3
    for one in suggested:
        assert all(may_draw(hyperparameters[path], value) for path, value in one.items())
