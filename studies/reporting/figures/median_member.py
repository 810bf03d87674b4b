"""The confirmed member of a condition that stands for all of them: that of median late distance."""

from dataclasses import dataclass

from studies.reporting.figures.selection import condition_rows
from studies.reporting.wording import sampled_seeds
from studies.tables.ranking import median_index, winners
from studies.tables.results import Results


@dataclass(frozen=True)
class MedianMember:
    """The confirmed member of median late distance.

    index    number of the member in its trial, from 0
    members  number of members of the trial
    seeds    the same in words
    """

    index: int
    seed: int
    members: int
    seeds: str

    @property
    def in_words(self) -> str:
        """The member in a sentence."""
        if self.members == 1:
            return "its only seed"
        return f"the median of its {self.seeds} by late distance (seed {self.seed})"


def median_member(results: Results, condition: str) -> MedianMember | None:
    """The confirmed member of median late distance, the nearer of two; one without a distance ranks last.

    None for a condition that is not confirmed.
    """
    rows = condition_rows(winners(results.members), condition)
    if rows.empty:
        return None
    index = median_index(rows)
    return MedianMember(index, int(rows["seed"].iloc[index]), len(rows), sampled_seeds(results.study, len(rows)))
