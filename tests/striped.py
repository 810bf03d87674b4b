"""Images of three classes: horizontal, vertical and diagonal stripes of random phase, with noise."""

import numpy as np

from gan_core.data import Dataset

CLASSES = ("horizontal", "vertical", "diagonal")


def stripes(train=240, held_out=90, *, side=12, channels=1, seed=0, stored="float32"):
    """A data set of stripes; each class has a third of every split."""
    rng = np.random.default_rng(seed)
    count = train + 2 * held_out
    labels = np.arange(count) % len(CLASSES)
    rows, columns = np.mgrid[:side, :side]
    waves = np.stack([rows, columns, (rows + columns) / 2**0.5])[labels] + rng.uniform(0, 6, (count, 1, 1))
    grey = np.sin(waves * 2 * np.pi / 6)[:, None] * rng.uniform(0.4, 0.9, (count, 1, 1, 1))
    images = (grey + 0.1 * rng.standard_normal((count, channels, side, side))).clip(-1, 1).reshape(count, -1)
    images = images.astype(np.float32) if stored == "float32" else np.round((images + 1) * 127.5).astype(np.uint8)
    ends = [held_out, 2 * held_out]
    validation, test, train = np.split(images, ends)
    of_validation, of_test, of_train = np.split(labels, ends)
    return Dataset(
        name="stripes",
        train=train,
        validation=validation,
        test=test,
        shape=(channels, side, side),
        bounded=True,
        labels={"train": of_train, "validation": of_validation, "test": of_test},
        classes=CLASSES,
    )
