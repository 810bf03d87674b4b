"""The real samples of a study in words: number, shape, classes, splits, and the memory that they take."""

from collections import Counter

import numpy as np

from gan_core.data import PARTS, Dataset
from studies.file.messages import count_noun
from studies.numbers import format_bytes

MOST_CLASSES = 12
"""Largest number of classes that are listed with their numbers of samples."""


def data_text(data: Dataset) -> str:
    """A line with the numbers, a line with the classes if there are any, and a line for each note."""
    shape = " x ".join(str(side) for side in data.shape)
    noun = "image" if data.of_images else "point"
    parts = ", ".join(f"{len(getattr(data, part))} {part}" for part in PARTS)
    stored = sum(getattr(data, part).nbytes for part in PARTS)
    lines = [
        f"Data: {count_noun(data.count, noun)} of {shape} {'pixels' if data.of_images else 'coordinates'} ({parts}), "
        f"{data.train.dtype}, {format_bytes(stored)}."
    ]
    if data.classes:
        lines.append(f"  {'1 class' if len(data.classes) == 1 else f'{len(data.classes)} classes'}: {_classes(data)}")
    return "\n".join([*lines, *(f"  {note}" for note in data.notes)])


def _classes(data: Dataset) -> str:
    counts = Counter(np.concatenate(list(data.labels.values())).tolist())
    named = [f"{name} ({counts[number]})" for number, name in enumerate(data.classes[:MOST_CLASSES])]
    more = len(data.classes) - MOST_CLASSES
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
