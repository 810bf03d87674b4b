"""The accuracy of the classifier in whose features images are compared, beside that of guessing."""

import numpy as np

from gan_core.data import Dataset

CLEARLY = 0.1
"""Least excess of a classifier's accuracy over that of guessing that is not remarked on."""


def accuracy_of_guessing(data: Dataset, accuracy: float | None) -> float | None:
    """Share of the validation samples in the largest class, if a classifier is hardly better than always naming it.

    accuracy  share of the validation samples that the classifier gives its class; None for other features

    None for a clearly better classifier, and for other features.
    """
    if accuracy is None:
        return None
    guessed = float(np.bincount(data.labels["validation"]).max() / len(data.validation))
    return guessed if accuracy < guessed + CLEARLY else None
