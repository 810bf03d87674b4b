"""What a distance does not see: whether samples look like real ones, and whether real ones have samples like them."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gan_core.stability import late_median
from studies.comparison.ranking import winners

if TYPE_CHECKING:
    from studies.results import Results

QUALITY = ("precision", "coverage")


def late_quality(results: "Results") -> pd.DataFrame:
    """A row per member of each condition's first confirmed configuration: condition, seed, outcome and `QUALITY`.

    Those are medians over the late window, as the member's distance is; empty where a sample was not finite. There is
    no row where they are not measured: of other data than images, and in a ledger from before they were.
    """
    curves, members = winners(results.curves), winners(results.members)
    measured = curves[curves["metric"].isin(QUALITY)].sort_values("step")
    if measured.empty:
        return pd.DataFrame(columns=["condition", "seed", "outcome", *QUALITY])
    late = (
        measured.groupby(["condition", "seed", "metric"], observed=True)["value"]
        .agg(lambda values: late_median(values.to_numpy(np.float64)[None], results.study.stability)[0])
        .unstack("metric")
        .reset_index()
    )
    keys = ["condition", "seed"]
    return members[[*keys, "outcome"]].merge(late, on=keys)[[*keys, "outcome", *QUALITY]]
