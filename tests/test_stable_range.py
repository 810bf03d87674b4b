"""The end of a stable range: its estimate, its interval, and how often the interval holds."""

import numpy as np
import pytest

from studies.statistics.stable_range import RangeEnd, range_end


@pytest.mark.parametrize(
    ("successes", "end"),
    [
        ([3, 3, 3, 3, 0, 0, 0, 0], RangeEnd(4, 3, 5)),
        ([3, 3, 3, 3], RangeEnd(4, 3, 4)),
        ([0, 0, 0, 0], RangeEnd(0, 0, 1)),
        ([3, 3, 1, 2, 0, 0, 0, 0], RangeEnd(4, 0, 5)),
        ([3, 0, 3, 3, 0, 0, 0, 0], RangeEnd(4, 3, 5)),
        ([], RangeEnd(0, 0, 0)),
    ],
    ids=["sharp", "open", "nowhere", "soft", "a gap", "no values"],
)
def test_the_end_lies_where_half_of_the_seeds_succeed(successes: list[int], end: RangeEnd) -> None:
    assert range_end(np.array(successes, dtype=np.int64), 3) == end


@pytest.mark.parametrize("softness", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_the_interval_holds_in_at_least_95_of_100_cases(seeds: int, softness: float) -> None:
    """The chance falls from 1 to 0 as a step, or as a logistic curve with this scale in steps between values."""
    generator, values, held = np.random.default_rng(0), np.arange(16) + 0.5, []
    for _ in range(300):
        end = generator.uniform(0.5, 15.5)
        distance = values - end
        chances = distance < 0 if softness == 0 else 1 / (1 + np.exp(distance / softness))
        found = range_end(generator.binomial(seeds, chances), seeds)
        low = values[found.low - 1] if found.low else 0
        high = values[found.high] if found.high < len(values) else np.inf
        held.append(low <= end <= high)
    assert np.mean(held) >= 0.95 - 2.6 * np.sqrt(0.05 * 0.95 / 300)
