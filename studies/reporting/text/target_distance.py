"""The point that distances are measured to, and the target distance at which the text states shares and ranges."""

import pandas as pd

from studies.analysis.comparison import Comparison


def goal(comparison: Comparison) -> str:
    """The point that distances are measured to: "the equilibrium" for the Dirac pair, else "the real data"."""
    return "the equilibrium" if comparison.results.study.distance == "distance_to_equilibrium" else "the real data"


def rows_at_target(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of `table` at the target distance used in the text.

    It is the smallest target that settings of two conditions reach, else the largest target.
    """
    if not comparison.targets:
        return table.iloc[:0]
    volumes = comparison.volumes
    conditions = volumes[volumes["reached"] > 0].groupby("tau")["condition"].nunique()
    shared = conditions[conditions >= 2]
    tau = shared.index.min() if len(shared) else max(target.tau for target in comparison.targets)
    return table[table["tau"] == tau]


def volumes_at_target(comparison: Comparison) -> pd.DataFrame:
    """The volumes at the target distance used in the text, the largest first."""
    return rows_at_target(comparison, comparison.volumes).sort_values(["volume", "condition"], ascending=[False, True])
