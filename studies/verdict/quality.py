"""What is said about what a distance does not see."""

from collections.abc import Iterator

from studies.comparison import Comparison
from studies.comparison.quality import late_quality


def quality(compared: Comparison) -> Iterator[str]:
    """How precise the first of the ranking is and how much it covers, beside real data and the Gaussian.

    Nothing where these are not measured. A member without finite samples has none that looks real and covers nothing.
    """
    best, results = compared.ranking.iloc[0]["condition"], compared.results
    late = late_quality(results)
    own = late[late["condition"] == best]
    real, gaussian = results.floors, results.gaussians
    if own.empty or "precision" not in gaussian:
        return
    precision, coverage = own["precision"].fillna(0).median(), own["coverage"].fillna(0).median()
    yield (
        f"Of the samples of {best} {precision:.0%} look like real ones (precision; fresh real data "
        f"{real['precision']:.0%}, that Gaussian {gaussian['precision']:.0%}), and {coverage:.0%} of the real ones "
        f"have a sample like them (coverage; {real['coverage']:.0%} and {gaussian['coverage']:.0%})."
    )
