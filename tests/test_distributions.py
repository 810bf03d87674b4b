import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from studies.errors import InputError
from studies.file.distribution_tables import is_distribution, parse, unknown_distribution
from studies.file.distributions import (
    KEYS,
    Choice,
    Distribution,
    Grid,
    IntLogUniform,
    IntUniform,
    LogUniform,
    Uniform,
    Value,
    When,
    as_value,
    draw,
    may_draw,
)

EXAMPLES: list[tuple[dict[str, Any], Distribution]] = [
    ({"uniform": [-1.0, 2.5]}, Uniform(-1.0, 2.5)),
    ({"log_uniform": [1e-3, 1.0]}, LogUniform(1e-3, 1.0)),
    ({"int_uniform": [-2, 3]}, IntUniform(-2, 3)),
    ({"choice": [2, 2.5, "sum", False]}, Choice((2, 2.5, "sum", False))),
    ({"grid": [0.1, 1.0, 10.0]}, Grid((0.1, 1.0, 10.0))),
    ({"int_log_uniform": [1, 100]}, IntLogUniform(1, 100)),
    ({"uniform": [0.0, 1.0], "step": 0.25}, Uniform(0.0, 1.0, step=0.25)),
    ({"int_uniform": [1, 9], "step": 2}, IntUniform(1, 9, step=2)),
    ({"choice": [[0.0, 0.9], [0.5, 0.9]]}, Choice(((0.0, 0.9), (0.5, 0.9)))),
    (
        {"log_uniform": [1e-3, 1.0], "when": {"a.b": [5], "c": [[1, 2]]}, "otherwise": 0.5},
        LogUniform(1e-3, 1.0, when=When(parents=(("a.b", (5,)), ("c", ((1, 2),))), otherwise=0.5)),
    ),
]
each = pytest.mark.parametrize(("table", "distribution"), EXAMPLES, ids=[next(iter(table)) for table, _ in EXAMPLES])
SHARE = st.floats(0, 1, exclude_max=True)
POSITIVE = st.floats(1e-300, 1e300)


# -- every distribution ------------------------------------------------------------------------------------------


@each
def test_a_distribution_is_read_from_its_table_and_written_to_it(
    table: dict[str, Any], distribution: Distribution
) -> None:
    assert parse(table, "path") == distribution
    assert json.loads(json.dumps(distribution.table())) == table


@each
def test_the_first_and_last_quantile_are_the_extremes(table: dict[str, Any], distribution: Distribution) -> None:
    extremes: Any = distribution.extremes()
    assert distribution.quantile(0.0) == pytest.approx(extremes[0], rel=1e-15)
    assert distribution.quantile(1 - 2**-53) == pytest.approx(extremes[-1], rel=1e-15)


@each
def test_every_draw_is_a_python_value_that_json_keeps(table: dict[str, Any], distribution: Distribution) -> None:
    for index in range(20):
        value = draw({"path": replace(distribution, when=None)}, seed=0, index=index)["path"]
        assert type(value) in (int, float, str, bool, tuple)
        assert as_value(json.loads(json.dumps(value))) == value
        assert may_draw(distribution, value)


def test_integer_ends_of_a_uniform_become_floats() -> None:
    assert [type(end) for end in parse({"uniform": [0, 1]}, "path").extremes()] == [float, float]


# -- draws -------------------------------------------------------------------------------------------------------


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300), SHARE)
def test_uniform_draws_lie_in_the_range(first: float, second: float, u: float) -> None:
    low, high = min(first, second), max(first, second)
    assert low <= Uniform(low, high).quantile(u) <= high


@given(POSITIVE, POSITIVE, SHARE)
def test_log_uniform_draws_lie_in_the_range(first: float, second: float, u: float) -> None:
    low, high = min(first, second), max(first, second)
    assert low <= LogUniform(low, high).quantile(u) <= high


@given(st.integers(-(2**62), 2**62), st.integers(1, 2**62), SHARE)
def test_int_uniform_draws_lie_in_the_range(low: int, size: int, u: float) -> None:
    assert low <= IntUniform(low, low + size).quantile(u) <= low + size


@given(SHARE, SHARE)
def test_a_larger_share_never_gives_a_smaller_number(first: float, second: float) -> None:
    u, v = sorted([first, second])
    for distribution in (Uniform(-1, 2), LogUniform(1e-4, 1e2), IntUniform(0, 9), Choice((1, 2, 3))):
        assert distribution.quantile(u) <= distribution.quantile(v)  # type: ignore[operator]


def test_log_uniform_has_its_median_at_the_geometric_mean() -> None:
    assert LogUniform(1e-4, 1e2).quantile(0.5) == pytest.approx(0.1, rel=1e-12)
    assert LogUniform(1e-4, 1e2).quantile(1 / 6) == pytest.approx(1e-3, rel=1e-12)


@pytest.mark.parametrize("distribution", [IntUniform(0, 3), Choice((0, 1, 2, 3)), Grid((0, 1, 2, 3))])
def test_each_of_four_values_has_a_quarter_of_the_quantiles(distribution: Distribution) -> None:
    values = [distribution.quantile((share + 0.5) / 400) for share in range(400)]
    assert [values.count(value) for value in range(4)] == [100, 100, 100, 100]


@pytest.mark.parametrize("stratified", [True, False])
def test_draws_are_uniform_over_indices_seeds_and_paths(stratified: bool) -> None:
    unit = Uniform(0.0, 1.0)

    def drawn(*paths: str, seed: int = 7, index: int = 3) -> list[float]:
        values = draw(dict.fromkeys(paths, unit), seed=seed, index=index, stratified=stratified)
        return [_number(value) for value in values.values()]

    along_indices = [drawn("a.b", index=index)[0] for index in range(2000)]
    along_seeds = [drawn("a.b", seed=seed)[0] for seed in range(2000)]
    along_paths = drawn(*(f"path{i}" for i in range(2000)))
    for sample in (along_indices, along_seeds, along_paths):
        assert kstest(sample, "uniform").pvalue > 0.001
    correlations = np.corrcoef([along_indices, along_seeds, along_paths])[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 0.08  # 3.5 standard deviations of 2000 independent pairs


@pytest.mark.parametrize(("seed", "path"), [(0, "a"), (7, "constraint.clip_value"), (2**63 - 1, "b.0")])
def test_every_block_has_one_draw_in_each_eighth(seed: int, path: str) -> None:
    for block in range(20):
        units = [_number(value) for value in _drawn(Uniform(0.0, 1.0), path, seed=seed, block=block)]
        assert sorted(int(8 * unit) for unit in units) == list(range(8))


@pytest.mark.parametrize(
    ("distribution", "counts"),
    [
        (Choice((1, 5)), {1: 4, 5: 4}),
        (Choice(("a", "b", "c", "d")), {"a": 2, "b": 2, "c": 2, "d": 2}),
        (IntUniform(1, 8), dict.fromkeys(range(1, 9), 1)),
    ],
)
def test_listed_values_are_balanced_in_every_block(distribution: Distribution, counts: dict[Value, int]) -> None:
    for block in range(20):
        assert Counter(_drawn(distribution, "training.n_critic", block=block)) == counts


def test_a_stratified_draw_is_the_independent_draw_moved_into_an_eighth() -> None:
    unit = {"path": Uniform(0.0, 1.0)}
    for index in range(40):
        stratified = _number(draw(unit, seed=3, index=index)["path"])
        independent = _number(draw(unit, seed=3, index=index, stratified=False)["path"])
        assert 8 * stratified % 1 == pytest.approx(independent, abs=2**-49)


def test_every_eighth_is_equally_likely_at_each_place_of_a_block() -> None:
    """Over 4,000 blocks each of the 8 x 8 counts is binomial with mean 500 and standard deviation 21."""
    counts = np.zeros((8, 8), dtype=int)
    for block in range(4000):
        for place, unit in enumerate(_drawn(Uniform(0.0, 1.0), "path", seed=11, block=block)):
            counts[place, int(8 * _number(unit))] += 1
    assert (counts.sum(axis=0) == 4000).all()
    assert chisquare(counts.ravel()).pvalue > 0.001


def test_orders_of_consecutive_blocks_and_of_two_paths_are_independent() -> None:
    def eighths(path: str) -> np.ndarray:
        units = [_number(draw({path: Uniform(0.0, 1.0)}, seed=5, index=index)[path]) for index in range(8000)]
        return (8 * np.array(units)).astype(int).reshape(-1, 8)

    first, second = eighths("training.critic_optimizer.lr"), eighths("training.generator_optimizer.lr")
    for one, other in ((first, second), (first[1:], first[:-1])):
        # of 8 places, a random order agrees with another one at 1 on average, with a variance of 1
        assert (one == other).sum(axis=1).mean() == pytest.approx(1, abs=3.5 / len(one) ** 0.5)


def test_the_draws_of_the_first_study_are_balanced() -> None:
    """Independent draws with seed 0 put 8 learning rates into .44 of 3 decades, and n_critic 1 and 5 at 7 to 1."""
    lr = LogUniform(1e-5, 1e-2)
    for path in ("training.critic_optimizer.lr", "training.generator_optimizer.lr"):
        for block in range(4):
            rates = [_number(rate) for rate in _drawn(lr, path, block=block)]
            assert sorted(int(8 * np.log10(rate / 1e-5) / 3) for rate in rates) == list(range(8))
    assert Counter(_drawn(Choice((1, 5)), "training.n_critic")) == {1: 4, 5: 4}


def test_draws_equal_the_recorded_numbers() -> None:
    """These numbers are part of every study's meaning: a change of them is a change of all results."""
    hyperparameters: Mapping[str, Distribution] = {
        "constraint.clip_value": LogUniform(1e-3, 1.0),
        "training.n_critic": IntUniform(1, 5),
    }
    first, second = (draw(hyperparameters, seed=0, index=index) for index in range(2))
    assert first == {"constraint.clip_value": pytest.approx(0.6521406040830461, rel=1e-14), "training.n_critic": 4}
    assert second == {"constraint.clip_value": pytest.approx(0.009005020955460862, rel=1e-14), "training.n_critic": 1}
    first, second = (draw(hyperparameters, seed=0, index=index, stratified=False) for index in range(2))
    assert first == {"constraint.clip_value": pytest.approx(0.032713719942572266, rel=1e-14), "training.n_critic": 2}
    assert second == {"constraint.clip_value": pytest.approx(0.043239217146891336, rel=1e-14), "training.n_critic": 3}


@given(st.sets(st.sampled_from("bcdefgh")), st.randoms(), st.integers(0, 2**63 - 1), st.integers(0, 10**6))
def test_a_draw_does_not_depend_on_other_hyperparameters(others: set[str], random: Any, seed: int, index: int) -> None:
    names = [*others, "a"]
    random.shuffle(names)
    together = draw({name: Uniform(0.0, 1.0) for name in names}, seed=seed, index=index)
    assert together["a"] == draw({"a": Uniform(0.0, 1.0)}, seed=seed, index=index)["a"]


def test_a_draw_depends_on_seed_path_and_index() -> None:
    unit = Uniform(0.0, 1.0)
    draws = {
        draw({path: unit}, seed=seed, index=index)[path] for seed, path, index in product(range(3), "abc", range(3))
    }
    assert len(draws) == 27


# -- steps, integers on a logarithmic scale, constants ------------------------------------------------------------


def test_a_step_gives_its_decimal_multiples_with_equal_chances() -> None:
    uniform = Uniform(0.0, 1.0, step=0.1)
    values = [uniform.quantile((share + 0.5) / 1100) for share in range(1100)]
    assert Counter(values) == dict.fromkeys([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 100)
    assert uniform.nearest(0.1 + 0.2) == 0.3
    assert not may_draw(uniform, 0.25)


def test_a_step_of_integers_gives_the_multiples_from_the_lower_end() -> None:
    odd = IntUniform(1, 9, step=2)
    values = [odd.quantile((share + 0.5) / 500) for share in range(500)]
    assert Counter(values) == dict.fromkeys([1, 3, 5, 7, 9], 100)
    assert [may_draw(odd, value) for value in (0, 1, 2, 3, 9, 10, 3.0)] == [
        False,
        True,
        False,
        True,
        True,
        False,
        False,
    ]


def test_integers_on_a_logarithmic_scale_have_the_chances_of_the_intervals_around_them() -> None:
    """P(k) = log((k + 1/2) / (k - 1/2)) / log((high + 1/2) / (low - 1/2)), as in Optuna."""
    shares = 100_000
    counts = Counter(IntLogUniform(1, 4).quantile((share + 0.5) / shares) for share in range(shares))
    for k in range(1, 5):
        assert counts[k] / shares == pytest.approx(np.log((k + 0.5) / (k - 0.5)) / np.log(9), abs=2e-5)


@given(st.integers(1, 2**40), st.integers(0, 2**40), SHARE)
def test_int_log_uniform_draws_lie_in_the_range(low: int, size: int, u: float) -> None:
    assert low <= IntLogUniform(low, low + size).quantile(u) <= low + size


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ({"uniform": [1, 1]}, 1.0),
        ({"log_uniform": [0.1, 0.1]}, 0.1),
        ({"int_uniform": [3, 3]}, 3),
        ({"int_log_uniform": [3, 3]}, 3),
        ({"uniform": [1, 1], "step": 0.5}, 1.0),
    ],
)
def test_equal_ends_are_a_constant(table: dict[str, Any], value: Value) -> None:
    distribution = parse(table, "path")
    assert distribution == Choice((value,))
    (constant,) = {draw({"path": distribution}, seed=0, index=index)["path"] for index in range(9)}
    assert (constant, type(constant)) == (value, type(value))


@pytest.mark.parametrize(
    ("table", "remark"),
    [
        ({"loguniform": [1, 2]}, "a table with loguniform; write {log_uniform = [low, high]}"),
        ({"randint": [1, 2]}, "a table with randint; write {int_uniform = [low, high]}, both ends included"),
        (
            {"qlograndint": [1, 2, 1]},
            "a table with qlograndint; write {int_log_uniform = [low, high]}, which has no step",
        ),
        (
            {"log_unifrom": [1, 2]},
            f"a table with log_unifrom, which is none of {', '.join(KEYS)}; did you mean log_uniform?",
        ),
        ({"sample": [0, 1]}, f"a table with sample, which is none of {', '.join(KEYS)}"),
    ],
)
def test_an_unknown_distribution_is_answered_with_one_that_exists(table: dict[str, Any], remark: str) -> None:
    assert unknown_distribution(table) == remark


# -- hyperparameters that are searched at some values of others -----------------------------------------------------


def test_a_hyperparameter_is_drawn_only_where_its_parents_have_the_values_of_when() -> None:
    hyperparameters: dict[str, Distribution] = {
        "n": Choice((1, 5)),
        "clip": Uniform(0.0, 1.0, when=When(parents=(("n", (5,)),), otherwise=0.01)),
        "kind": Choice(("a", "b"), when=When(parents=(("n", (5,)),), otherwise="a")),
        "scale": Uniform(0.0, 1.0, when=When(parents=(("kind", ("b",)),), otherwise=0.5)),
    }
    free = {path: replace(distribution, when=None) for path, distribution in hyperparameters.items()}
    seen = set()
    for index in range(64):
        drawn, all_values = (draw(either, seed=0, index=index) for either in (hyperparameters, free))
        expected = {"n"} | ({"clip", "kind"} if all_values["n"] == 5 else set())
        expected |= {"scale"} if all_values["n"] == 5 and all_values["kind"] == "b" else set()
        assert drawn == {path: all_values[path] for path in expected}
        seen.add(frozenset(drawn))
    assert len(seen) == 3


# -- grids -------------------------------------------------------------------------------------------------------


def test_a_grid_takes_its_values_in_order() -> None:
    hyperparameters = {"a": Grid((0.1, 1.0, 10.0))}
    assert [draw(hyperparameters, seed=0, index=index)["a"] for index in range(7)] == [
        0.1,
        1.0,
        10.0,
        0.1,
        1.0,
        10.0,
        0.1,
    ]


def test_grids_take_every_combination_before_repeating_one() -> None:
    hyperparameters: Mapping[str, Distribution] = {
        "b": Grid((1, 2, 3)),
        "free": Uniform(0.0, 1.0),
        "a": Grid(("x", "y")),
    }
    pairs = [(drawn["a"], drawn["b"]) for drawn in (draw(hyperparameters, seed=5, index=index) for index in range(12))]
    assert pairs == 2 * [("x", 1), ("x", 2), ("x", 3), ("y", 1), ("y", 2), ("y", 3)]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_every_combination_of_grids_occurs_once_before_the_first_repetition(sizes: list[int]) -> None:
    hyperparameters = {f"path{position}": Grid(tuple(range(size))) for position, size in enumerate(sizes)}
    total = int(np.prod(sizes))
    drawn = [tuple(draw(hyperparameters, seed=0, index=index).values()) for index in range(total)]
    assert len(set(drawn)) == total


def test_draws_of_grids_do_not_depend_on_their_order_in_the_file() -> None:
    grids: dict[str, Distribution] = {"a": Grid((1, 2)), "b": Grid((3, 4, 5))}
    reversed_grids = dict(reversed(grids.items()))
    assert all(draw(grids, seed=0, index=index) == draw(reversed_grids, seed=0, index=index) for index in range(6))


# -- recognition and errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [{"uniform": 3}, {"choice": [], "grid": []}, "search", {"grid": [1], "lr": 2}])
def test_a_valid_or_invalid_distribution_is_recognised_as_one(value: Any) -> None:
    assert is_distribution(value)


@pytest.mark.parametrize("value", [{}, {"lr": 1.0}, {"kind": "adam", "choice": [1]}, 1.0, "uniform", [1, 2], None])
def test_a_value_or_a_description_is_not_a_distribution(value: Any) -> None:
    assert not is_distribution(value)


def test_search_means_the_range_of_the_preset() -> None:
    assert parse("search", "path", {"log_uniform": [1e-3, 1.0]}) == LogUniform(1e-3, 1.0)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            "search",
            'path: "search" needs a preset with a range for this key, but there is none; '
            "write the range, as in {log_uniform = [0.001, 1.0]}",
        ),
        (
            {"uniform": [0, 1], "choice": [1]},
            "path: must hold one distribution, but holds uniform and choice",
        ),
        ({"grid": [1], "lr": 1}, "path.lr: unknown key; a distribution may have step, when, otherwise"),
        ({"uniform": []}, "path.uniform: must be two finite numbers [low, high], but is []"),
        ({"uniform": [1]}, "path.uniform: must be two finite numbers [low, high], but is [1]"),
        ({"uniform": [0, 1, 2]}, "path.uniform: must be two finite numbers [low, high], but is [0, 1, 2]"),
        ({"uniform": 3}, "path.uniform: must be two finite numbers [low, high], but is 3"),
        ({"uniform": {"low": 0}}, "path.uniform: must be two finite numbers [low, high], but is a table"),
        ({"uniform": "01"}, 'path.uniform: must be two finite numbers [low, high], but is "01"'),
        ({"uniform": [False, 1]}, "path.uniform: must be two finite numbers [low, high], but is [false, 1]"),
        ({"uniform": ["0", 1]}, 'path.uniform: must be two finite numbers [low, high], but is ["0", 1]'),
        ({"uniform": [0.0, float("inf")]}, "path.uniform: must be two finite numbers [low, high], but is [0.0, inf]"),
        ({"uniform": [float("nan"), 1.0]}, "path.uniform: must be two finite numbers [low, high], but is [nan, 1.0]"),
        (
            {"uniform": [0, 10**400]},
            "path.uniform: must be two finite numbers [low, high], but is [0, an integer beyond 64 bits]",
        ),
        ({"uniform": [2, 1]}, "path.uniform: must go from low to high, but is [2, 1]"),
        ({"int_log_uniform": [0, 5]}, "path.int_log_uniform: must start above 0, but is [0, 5]"),
        ({"int_log_uniform": [1, 5.0]}, "path.int_log_uniform: must be two integers [low, high], but is [1, 5.0]"),
        ({"uniform": [0, 1], "stepp": 1}, "path.stepp: unknown key; did you mean step?"),
        ({"uniform": [0, 1], "step": 0.3}, "path.step: must divide the range [0.0, 1.0], but is 0.3"),
        ({"uniform": [0, 1], "step": 0}, "path.step: must be > 0, but is 0"),
        ({"uniform": [0, 1], "step": "1"}, 'path.step: must be a finite number, but is "1"'),
        ({"int_uniform": [1, 9], "step": 3}, "path.step: must divide the range [1, 9], but is 3"),
        ({"int_uniform": [1, 9], "step": 2.0}, "path.step: must be an integer, but is 2.0"),
        (
            {"log_uniform": [1, 9], "step": 2},
            "path.step: must stand beside uniform or int_uniform, but stands beside log_uniform",
        ),
        (
            {"choice": [1, 9], "step": 2},
            "path.step: must stand beside uniform or int_uniform, but stands beside choice",
        ),
        (
            {"uniform": [0, 1], "otherwise": 2},
            'path.otherwise: must stand beside when, as in when = {"training.n_critic" = 5}',
        ),
        (
            {"uniform": [0, 1], "when": 5, "otherwise": 0.5},
            'path.when: must be a table of values, as in {"training.n_critic" = 5}, but is 5',
        ),
        (
            {"uniform": [0, 1], "when": {"a": []}, "otherwise": 0.5},
            "path.when.a: must be a value or a list of values, but is []",
        ),
        (
            {"uniform": [0, 1], "when": {"a": 1}},
            "path.otherwise: must be given, since the key has no value of its own",
        ),
        (
            {"uniform": [0, 1], "when": {"a": 1}, "otherwise": {"b": 1}},
            "path.otherwise: must be a value, but is a table",
        ),
        (
            {"grid": [0, 1], "when": {"a": 1}, "otherwise": 1},
            "path.when: must not stand beside a grid, whose values explore takes in turn; use choice",
        ),
        ({"log_uniform": [1e-2, 1e-5]}, "path.log_uniform: must go from low to high, but is [0.01, 1e-05]"),
        ({"log_uniform": [0, 1]}, "path.log_uniform: must start above 0, but is [0, 1]"),
        ({"log_uniform": [-1.0, 1.0]}, "path.log_uniform: must start above 0, but is [-1.0, 1.0]"),
        (
            {"log_uniform": [0.1, 1.0, 10.0]},
            "path.log_uniform: must be two finite numbers [low, high], but is [0.1, 1.0, 10.0]",
        ),
        ({"int_uniform": [1.0, 5]}, "path.int_uniform: must be two integers [low, high], but is [1.0, 5]"),
        ({"int_uniform": [True, 5]}, "path.int_uniform: must be two integers [low, high], but is [true, 5]"),
        ({"int_uniform": [6, 5]}, "path.int_uniform: must go from low to high, but is [6, 5]"),
        ({"int_uniform": []}, "path.int_uniform: must be two integers [low, high], but is []"),
        ({"choice": []}, "path.choice: must be a list of at least one value, but is []"),
        ({"choice": 3}, "path.choice: must be a list of at least one value, but is 3"),
        ({"choice": {"a": 1}}, "path.choice: must be a list of at least one value, but is a table"),
        (
            {"choice": [1, {"kind": "adam"}]},
            "path.choice: must hold finite numbers, text, booleans or lists of these, but holds a table",
        ),
        (
            {"choice": [[1, [2]]]},
            "path.choice: must hold finite numbers, text, booleans or lists of these, but holds [1, [2]]",
        ),
        ({"choice": [[1, 2], [1.0, 2]]}, "path.choice: must hold distinct values, but holds [1.0, 2] twice"),
        (
            {"grid": [1, float("nan")]},
            "path.grid: must hold finite numbers, text, booleans or lists of these, but holds nan",
        ),
        ({"grid": []}, "path.grid: must be a list of at least one value, but is []"),
        ({"grid": [1, 5, 1.0]}, "path.grid: must hold distinct values, but holds 1.0 twice"),
        ({"choice": ["a", "a"]}, 'path.choice: must hold distinct values, but holds "a" twice'),
    ],
)
def test_an_invalid_distribution_is_refused_in_one_sentence_with_its_path(table: Any, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(table, "path")
    assert str(refused.value) == sentence


def _drawn(distribution: Distribution, path: str, *, seed: int = 0, block: int = 0) -> list[Value]:
    """The 8 draws of one block."""
    return [draw({path: distribution}, seed=seed, index=8 * block + place)[path] for place in range(8)]


def _number(value: Value) -> float:
    assert isinstance(value, float)
    return value
