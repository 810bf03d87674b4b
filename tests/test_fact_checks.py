from typing import Any

import numpy as np
import pytest

from studies.ledger.curves import Curves
from studies.ledger.fact_checks import check_facts

CURVES = Curves.from_evaluations([7, 8], [0, 10], [{"d": [1.0, 2.0]}, {"d": [0.5, np.nan]}])
FACTS: dict[str, Any] = {
    "distance": "d",
    "highest": None,
    "reference_distances": {"real": 0.0, "constant": 1.0, "gaussian": None},
    "nonfinite_step": [None, 10],
    "elapsed_seconds": 1.5,
    "ended_at": 0,
    "real_cells": None,
    "known_modes": 8,
    "real_values": {"d": float("nan")},
    "gaussian_values": {},
    "generator_steps": 10,
    "critic_steps": 10,
    "real_samples_seen": 0,
    "measured_seconds": [0.0, 1.5],
    "sample_shape": {"shape": [3, 32, 32], "bounded": True},
}
OPTIONAL = {"measured_seconds", "sample_shape"}


def test_facts_of_a_trial_are_accepted():
    check_facts(FACTS, CURVES)
    check_facts({name: value for name, value in FACTS.items() if name not in OPTIONAL}, CURVES)
    check_facts({**FACTS, "highest": 4.5, "reference_distances": {"real": 0, "constant": 1, "gaussian": 2}}, CURVES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("distance", "unknown"),
        ("distance", []),
        ("highest", "4.5"),
        ("highest", float("nan")),
        ("reference_distances", []),
        ("reference_distances", {"real": None, "constant": 1.0, "gaussian": None}),
        ("reference_distances", {"real": 0.0, "constant": float("inf"), "gaussian": None}),
        ("nonfinite_step", [None]),
        ("nonfinite_step", [None, -1]),
        ("nonfinite_step", [None, True]),
        ("nonfinite_step", None),
        ("elapsed_seconds", True),
        ("elapsed_seconds", float("inf")),
        ("ended_at", "now"),
        ("real_cells", 1.5),
        ("known_modes", -1),
        ("real_values", [1.0]),
        ("gaussian_values", {"d": "1"}),
        ("generator_steps", 1.0),
        ("critic_steps", 2**63),
        ("real_samples_seen", None),
        ("sample_shape", [3, 32, 32]),
        ("sample_shape", {"shape": [3, 32, 32]}),
        ("sample_shape", {"shape": [3, 0, 32], "bounded": True}),
        ("sample_shape", {"shape": [3, 32.0, 32], "bounded": True}),
        ("sample_shape", {"shape": [2], "bounded": 1}),
        ("measured_seconds", [0.0]),
        ("measured_seconds", [0.0, None]),
    ],
    ids=str,
)
def test_a_wrong_fact_is_named(name, value):
    with pytest.raises(ValueError, match=f"^{name}$"):
        check_facts({**FACTS, name: value}, CURVES)


@pytest.mark.parametrize("name", sorted(FACTS.keys() - OPTIONAL))
def test_a_missing_fact_is_named(name):
    with pytest.raises(KeyError, match=name):
        check_facts({key: value for key, value in FACTS.items() if key != name}, CURVES)


def test_steps_must_increase():
    repeated = Curves.from_evaluations([7, 8], [10, 10], [{"d": [1.0, 2.0]}, {"d": [0.5, 0.5]}])
    with pytest.raises(ValueError, match=r"^steps$"):
        check_facts(FACTS, repeated)
