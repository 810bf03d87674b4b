"""The accuracy of the classifier in whose features images are compared, beside that of guessing."""

import numpy as np

from gan_core.data import Dataset

CLEARLY = 0.1
"""A classifier whose accuracy exceeds that of always naming the largest class by less is hardly better than that."""


def accuracy_of_guessing(data: Dataset, accuracy: float | None) -> float | None:
    """The accuracy of always naming the largest class on the validation split, if a classifier is hardly better.

    None for a classifier that is better by `CLEARLY`, and for features that are none of a classifier.

    accuracy  share of the validation samples that the classifier gives their class; None for other features
    """
    if accuracy is None:
        return None
    guessed = float(np.bincount(data.labels["validation"]).max() / len(data.validation))
    return guessed if accuracy < guessed + CLEARLY else None
