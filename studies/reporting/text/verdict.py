"""The verdict on a study: sentences by topic, all of them generated from the numbers of its comparison."""

from dataclasses import dataclass

from studies.analysis.comparison import Comparison
from studies.reporting.text.answer import answer
from studies.reporting.text.caveats import caveats
from studies.reporting.text.differences import pair_sentences, robustness_sentences, tuning_sentences
from studies.reporting.text.failures import failure_sentences
from studies.reporting.text.importance_sentences import importance_sentences
from studies.reporting.text.literature import literature_sentences
from studies.reporting.text.map_sentences import map_sentences
from studies.reporting.text.method_comparison import method_sentences
from studies.reporting.text.path_sentences import path_sentences
from studies.reporting.text.stable_settings import share_sentences
from studies.reporting.text.working_ranges import range_sentences

ANSWER = "Answer"


@dataclass(frozen=True)
class Topic:
    """The sentences about one topic."""

    title: str
    sentences: tuple[str, ...]


def verdict(comparison: Comparison) -> tuple[Topic, ...]:
    """The topics of a study, the answer first; topics without a sentence are left out."""
    sentences = {
        ANSWER: answer(comparison),
        "Stability maps": map_sentences(comparison),
        "Methods under search": method_sentences(comparison),
        "Differences between conditions": pair_sentences(comparison),
        "Share of settings that work": share_sentences(comparison),
        "Ranges of hyperparameters": range_sentences(comparison),
        "Importance of hyperparameters": importance_sentences(comparison),
        "Failures": failure_sentences(comparison),
        "Effect of tuning": [*tuning_sentences(comparison), *path_sentences(comparison)],
        "Sensitivity to the rules": robustness_sentences(comparison),
        "Agreement with the literature": literature_sentences([comparison]),
        "Caveats": caveats(comparison),
    }
    topics = (Topic(title, tuple(content)) for title, content in sentences.items())
    return tuple(topic for topic in topics if topic.sentences)
