"""Columns of the table of curves, from the curves of many trials."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from studies.ledger.curves import Curves


def curve_columns(trials: Sequence[Curves]) -> tuple[Int[np.ndarray, "trials"], dict[str, Any]]:
    """Number of rows of each trial, and the columns seed, step, metric and value.

    Rows are sorted by trial, seed, step and metric. Thousands of trials are evaluated with the same metrics at the same
    steps: the positions of their rows are computed once.
    """
    metrics = sorted({metric for curves in trials for metric in curves.metrics})
    layouts: dict[Any, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    rows = []
    for curves in trials:
        layout = (len(curves.seeds), curves.metrics, curves.steps.tobytes(), curves.measured.tobytes())
        if layout not in layouts:
            seed, step, metric = curves.positions()
            codes = np.searchsorted(metrics, curves.metrics).astype(np.min_scalar_type(len(metrics)))
            layouts[layout] = seed, curves.steps[step], codes[metric]
        rows.append(layouts[layout])
    columns = {
        "seed": _joined([curves.seeds[seed] for curves, (seed, _, _) in zip(trials, rows, strict=True)]),
        "step": _joined([step for _, step, _ in rows]),
        "metric": pd.Categorical.from_codes(_joined([metric for _, _, metric in rows]), pd.Index(metrics, dtype="str")),
        "value": _joined([curves.measured_values() for curves in trials], np.float64),
    }
    return np.array([len(step) for _, step, _ in rows], dtype=np.int64), columns


def _joined(columns: Sequence[np.ndarray], dtype: type = np.int64) -> np.ndarray:
    return np.concatenate(columns) if columns else np.empty(0, dtype)
