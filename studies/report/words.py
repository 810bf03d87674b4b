"""What the page says that is the same for every study: what the tables are, and how their numbers are made."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """A table's title and caption, and which of its columns a reader of the page does not need."""

    title: str
    caption: str
    hidden: tuple[str, ...] = ()


TABLES: Mapping[str, Told] = {
    "ranking": Told(
        "Ranking",
        "The setting found for each condition, on fresh seeds and real samples that nothing was chosen by. "
        "Distance: interquartile mean over the seeds, failed seeds counted as infinitely far, with its 95 % "
        "bootstrap interval; failure rate with its Wilson interval.",
        ("trial",),
    ),
    "pairs": Told(
        "Pairs",
        "Effect: the chance that a member of the first ends nearer to the real data than one of the other, ties "
        "counted half. p: permutation test of Brunner and Munzel's statistic, two-sided; adjusted by Holm over all"
        " pairs. Needed: seeds of each that would decide the pair with a chance of 80 %.",
    ),
    "volumes": Told(
        "Stable volumes",
        "Of the configurations drawn in explore, how many reach a distance tau: at least 80 % of their seeds are "
        "stable and end no farther. Volume: their share, with its Wilson interval. Seeds share: mean share of "
        "seeds, with a bootstrap over configurations. Half: the same near the authors' values.",
        ("planned", "draws_per_success"),
    ),
    "volume_differences": Told(
        "Differences of stable volumes",
        "Over the configurations that both conditions drew, with a bootstrap over configurations. Needed: "
        "configurations of each that would decide it with a chance of 80 %.",
    ),
    "widths": Told(
        "Stable widths",
        "How far each knob may be turned: the measure of the values at which a configuration reaches tau, the "
        "other knobs as drawn. Where the stable range touches a border of what was searched, the width is a lower "
        "bound.",
    ),
    "shares": Told("Listed values", "Of the configurations with each listed value of a knob, how many reach tau."),
    "tuning": Told(
        "What tuning buys",
        "Each preset at its authors' settings against the setting found for it, on the same fresh seeds; between "
        "them the median over what explore drew. p: as for the pairs, adjusted over the conditions.",
    ),
    "outcomes": Told(
        "Outcomes",
        "What became of the members of each condition. Improving: they failed but were still getting better, which"
        " says that the budget was too short rather than that the game was unstable.",
    ),
    "robustness": Told(
        "Other thresholds", "The ranking when one of the thresholds has another value; own: the value of this study."
    ),
    "equal_critic_steps": Told(
        "At equal critic steps",
        "The ranking when every curve is cut at the critic steps of the condition that took fewest.",
        ("trial",),
    ),
}

METHODS = (
    "Every trial trains several GANs of one setting side by side, its seeds. Explore draws settings independently "
    "from the stated ranges and prunes nothing, so that shares of them say something about the ranges; exploit "
    "lets Optuna suggest more and enters no share; confirm trains the setting with the best score again, on fresh "
    "seeds and against real samples that were not looked at before. Only confirm enters the ranking, so nothing is"
    " chosen and judged on the same noise. The intervals do not hold the variance of the search: what is compared "
    "is the setting found for each condition.",
    "Distance s: sliced Wasserstein distance of order 1 over fixed directions (for the Dirac pair the distance to "
    "the equilibrium). Progress p = (ref - s) / (ref - floor) is 0 at the constant at the data's mean and 1 at "
    "real data. late is the median of p over the last fifth of the measurements, best its largest running median "
    "of three. Around every real image lies the ball that reaches to its k-th nearest other one (in pixels; k: "
    "measures.neighbours): precision is the share of fakes that lie in any ball, coverage the share of balls that "
    "hold a fake.",
    "A member's outcome is the first that applies: nonfinite (a loss, parameter or sample is NaN or infinite), "
    "stalled (p never moved), collapsed (fewer than half of the cells of real data, or hardly any spread), "
    "diverged (late is no better than the constant), relapsed (half of the best progress was lost, or p swings "
    "across it), stalled (best stayed below what counts as near), else stable. The thresholds are those of the "
    "resolved study below; the table of other thresholds shows what they decide.",
    "Failed members count as infinitely far and are never left out. The interquartile mean (Agarwal et al. 2021) "
    "cuts a quarter at each end; where its middle half holds a failed member it says failed. Intervals: percentile"
    " bootstrap for distances, Wilson 1927 for shares, bootstrap over configurations where several seeds belong to"
    " one.",
)
