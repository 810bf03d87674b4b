"""A study's answer in words, every one of them generated from the numbers of its comparison."""

from dataclasses import dataclass

from studies.comparison import Comparison
from studies.verdict.answering import answering
from studies.verdict.confirmed import differences, robustness, tuning
from studies.verdict.explored import ranges, told, volumes
from studies.verdict.failures import failures
from studies.verdict.literature import literature
from studies.verdict.several import several

__all__ = ["ANSWER", "Topic", "answer", "several", "told", "verdict"]


@dataclass(frozen=True)
class Topic:
    """What is said about one thing."""

    title: str
    sentences: tuple[str, ...]


ANSWER = "The answer"


def verdict(compared: Comparison) -> tuple[Topic, ...]:
    """The answer first, then what it rests on; topics about which the data say nothing are left out."""
    topics = {
        ANSWER: answering(compared),
        "Which of them differ": differences(compared),
        "Stable without tuning": volumes(compared),
        "Over which range": ranges(compared),
        "What failed and how": failures(compared),
        "What tuning buys": tuning(compared),
        "Does it depend on how one looks": robustness(compared),
        "Does it agree with the literature": literature([compared]),
        "What the data cannot say": iter(compared.notes),
    }
    every = (Topic(title, tuple(sentences)) for title, sentences in topics.items())
    return tuple(topic for topic in every if topic.sentences)


def answer(compared: Comparison) -> tuple[str, ...]:
    """The first topic alone: one sentence that answers, then the numbers behind it."""
    return tuple(answering(compared))
