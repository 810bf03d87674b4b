"""Texts that the report pages of all studies share: titles and captions of the tables, and the methods."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TableDescription:
    """Title and caption of a table.

    hidden     names of the columns that the page leaves out
    distances  names of columns with distances that do not contain the word
    """

    title: str
    caption: str
    hidden: tuple[str, ...] = ()
    distances: tuple[str, ...] = ()


TABLES: Mapping[str, TableDescription] = {
    "ranking": TableDescription(
        "Ranking",
        "The setting found for each condition, trained with seeds and evaluated with real samples that the search did "
        "not use. Distance: interquartile mean over the seeds, where failed seeds count as infinitely far, with its "
        '95% bootstrap interval over fresh seeds; "at least": without an upper end, since too many seeds failed. '
        "Failure rate: share of failed seeds, with its 95% Wilson interval. Setting found: the hyperparameters that "
        "were searched; lr is a learning rate.",
    ),
    "stable_areas": TableDescription(
        "Stable areas",
        "Share of each condition's stability map that is stable: the mean over its cells, which lie at equally spaced "
        "quantiles of the ranges, of the share of stable seeds, with its 95% interval for other seeds on the same "
        "cells. x, y: hyperparameters along the axes. Cells: those that count, of the planned. Failure share: share of "
        "all seeds with the commonest failure.",
    ),
    "search_pairs": TableDescription(
        "Methods under search",
        "Comparison of every two conditions whose hyperparameters are drawn at random, as methods that are searched. "
        "Score: expected search score of the best of n random configurations (0: a constant, 1: real data; seeds that "
        "collapsed, diverged or became non-finite count 0). p value: two-sided permutation test over configurations; "
        "p adjusted: Holm's correction for all pairs; exact: all permutations were computed; decided: p adjusted is "
        "below 0.05.",
    ),
    "reference_intervals": TableDescription(
        "Distances over other real samples",
        "Distance of each setting found, with an interval that holds both its variation with fresh seeds and that with "
        "other real samples, as many as those of the test split. All settings are measured against the same real "
        "samples, so this interval says nothing about their order.",
        distances=("low", "high"),
    ),
    "metric_rankings": TableDescription(
        "Several metrics",
        "The settings found under the distance that decides and under other metrics, beside other real samples and a "
        "Gaussian with the mean and covariance of the real data (control). Value: interquartile mean over the fresh "
        "seeds, a failed seed as the worst there can be. Precision and coverage, and covered modes and high quality: "
        "harmonic means of two shares. Larger: a larger value is better.",
    ),
    "metric_pairs": TableDescription(
        "Pairs under other metrics",
        "Comparison of the settings found for every two conditions under the metrics that do not decide. Effect: "
        "chance that a seed of the first is better than a seed of the other, plus half the chance of a tie. p value: "
        "as in Pairs; p adjusted: Holm's correction for all rows of this table; decided: p adjusted is below 0.05.",
    ),
    "pairs": TableDescription(
        "Pairs",
        "Comparison of the settings found for every two conditions. Effect: chance that a seed of the first ends "
        "nearer to the real data than a seed of the other, plus half the chance of a tie. p value: two-sided "
        "permutation test with Brunner and Munzel's statistic; p adjusted: Holm's correction for all pairs; exact: "
        "all permutations were computed; decided: p adjusted is below 0.05. Looks: number of tests, one after "
        "each group of fresh seeds until the pair is decided; with several groups the p value is the smallest level at "
        "which a test so far would have decided it. Needed: number of seeds per condition "
        "with which the observed effect would be decided with a chance of 80%.",
    ),
    "volumes": TableDescription(
        "Stable volumes",
        "How many of the configurations drawn at random reach a distance tau: at least 80% of their seeds are "
        "stable and end at tau or nearer. Progress: where tau lies between the constant at the data's mean (0) and "
        "real data (1). Volume: reached / configurations, with its 95% Wilson interval. Seeds share: mean share of "
        "seeds that are stable and end at tau or nearer, with a 95% bootstrap interval over configurations. Half "
        "volume: the volume among the configurations near the authors' values.",
        ("planned", "draws_per_success"),
    ),
    "volume_differences": TableDescription(
        "Differences of stable volumes",
        "Stable volume of the first condition minus that of the other, over the configurations that both have drawn, "
        "with a 95% bootstrap interval over configurations. p value: McNemar's exact test; p adjusted: Holm's "
        "correction for all pairs and targets; decided: p adjusted is below 0.05. Needed: "
        "number of configurations per condition with which the observed difference would be decided with a chance of "
        "80%.",
    ),
    "stable_ranges": TableDescription(
        "Stable ranges",
        "The part of each hyperparameter's range around the setting found in which at least half of the seeds are "
        "expected to be stable and to end at the distance tau or nearer, the other hyperparameters as in the setting "
        "found, with 95% intervals of its ends and its width. Found: value of the setting found; works: fresh seeds "
        "next to it work. Border low, border high: the range may go on beyond that end of the searched range.",
    ),
    "importances": TableDescription(
        "Importance of hyperparameters",
        "How much each hyperparameter by itself distinguishes the best quarter of a condition's random settings, by "
        "search score, from all of them (PED-ANOVA), as a share of the sum over its hyperparameters, with its 95% "
        "interval; low is 0 if chance alone explains the difference. Trials: random settings in which it is searched.",
    ),
    "shares": TableDescription(
        "Listed values",
        "Of the configurations with each value of a hyperparameter whose values are listed, the share that reach the "
        "distance tau, with its 95% Wilson interval.",
    ),
    "tuning": TableDescription(
        "Effect of tuning",
        "The setting found for each condition compared with its preset's authors' setting, both trained with the "
        "same seeds. Effect: chance that a seed of the setting found ends nearer to the real data, plus half the "
        "chance of a tie. p values as in the table of pairs, corrected for the number of conditions.",
    ),
    "paths": TableDescription(
        "Paths from the authors' settings",
        "The settings from the authors' (step 0) to the setting found (last step), with one change at a time, all "
        "trained with the seeds of the ranking. The order of the changes was chosen with other seeds, each time the "
        "change after which the setting scores best. Gain: by how much the change shortens the distance; effect: "
        "chance that a seed ends nearer than one of the setting before, plus half the chance of a tie. p values as in "
        "the table of pairs, corrected for the number of changes of the condition.",
    ),
    "outcomes": TableDescription(
        "Outcomes",
        "Outcomes of all seeds, by condition and phase, with 95% intervals of their shares. Seeds of a random setting "
        "whose training ran out of memory, took too long or raised an exception have no outcome; they are counted "
        "under the name of that end. Improving: seeds that were still getting nearer at the end; those of them that "
        "failed might have become stable with a larger budget.",
    ),
    "robustness": TableDescription(
        "Other thresholds",
        "The ranking, if one threshold of the outcomes had another value and the others were unchanged. Own: the "
        "value that this study uses.",
    ),
    "equal_critic_steps": TableDescription(
        "Equal critic steps",
        "The ranking, if every condition's training had ended at the number of critic steps of the condition that "
        "took the fewest.",
        ("trial",),
    ),
}

METHODS = (
    "A condition is a GAN objective with a constraint on the critic. A configuration, or setting, gives each of its "
    "hyperparameters a value. A trial trains several GANs with one configuration and different seeds. The study has "
    "three phases. Explore draws configurations at random from the stated ranges and stops none of them early, so "
    "that the share of stable ones describes the ranges, or trains the cells of a stability map, at equally spaced "
    "quantiles of the ranges. Exploit trains further configurations suggested by Optuna, "
    "which are not part of those shares. Confirm trains the configuration with the best search score of each "
    "condition (of scores within 0.02, that with fewer failed seeds) again, with new seeds, and evaluates it with real "
    "samples that no earlier phase used. Only confirm enters the ranking: the results that chose a setting are not "
    "used to rate it.",
    "The ranking compares the setting found for each condition. The intervals do not include the uncertainty of the "
    "search: another search might have found another setting.",
    "The distance s is the sliced Wasserstein distance of order 1 over fixed directions, for images that are "
    "compared in other features than pixels the Frechet distance in these features, for the Dirac pair the distance "
    "to the equilibrium, unless evaluation.distance names another metric. Progress p = (constant - s) / (constant - "
    "real) is 0 at the distance of the constant at the data's mean and 1 at the distance between two sets of real "
    "samples. The late progress of a seed is the median of p over the last fifth of its evaluations, its best "
    "progress the largest running median over three evaluations. Precision and coverage of images: around every "
    "real image lies a ball that reaches to its k-th nearest other real image (distances in the features of "
    "evaluation.features, by default pixels of images of at most 8 x 8; k is evaluation.neighbours). Precision is "
    "the share of fakes in at least one ball, coverage the share of balls with at least one fake.",
    "The outcome of a seed is the first of these that applies. Nonfinite: a loss, parameter or sample is NaN or "
    "infinite. Stalled: p never differs by 0.1 from its start. Collapsed: the fakes occupy fewer than half of the "
    "cells that real data occupy, or have less than a tenth of their standard deviation. Diverged: late progress is "
    "0 or below, no better than the constant. Relapsed: late progress is less than half of the best progress, or p "
    "swings by more than half of it. Stalled: best progress is below 0.75, or, where the modes of the data are known, "
    "fewer than 75% of them are covered late. Otherwise the seed is stable; all other outcomes are failures. These "
    "are the default thresholds; those of this study are part of the resolved study below, and the table of other "
    "thresholds shows their effect on the ranking.",
    "A failed seed counts as infinitely far and is never left out. The interquartile mean (Agarwal et al. 2021) "
    "leaves out the nearest and the farthest quarter of the seeds; if a failed seed remains, the distance is given "
    "as failed. Intervals are percentile bootstrap intervals for distances and Wilson intervals (1927) for shares; "
    "where several seeds belong to one configuration, whole configurations are resampled.",
)
