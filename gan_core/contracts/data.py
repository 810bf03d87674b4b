"""What a description of data must fulfil."""

import numpy as np

from gan_core.contracts.material import (
    Description,
    global_random_states,
)
from gan_core.data import AnyData


class DataContract(Description[AnyData]):
    """Subclass it with `subject`, a description of data."""

    subject: AnyData

    def test_parts_hold_finite_float32_samples_each_flattened(self) -> None:
        loaded = self.subject.load()
        for name in ("train", "search", "confirm"):
            part = getattr(loaded, name)
            assert part.dtype == np.float32, f"{name} must be float32, but is {part.dtype}"
            assert part.shape[1:] == (int(np.prod(loaded.shape)),), f"{name} has shape {part.shape}, not a row each"
            assert np.isfinite(part).all(), f"{name} must be finite"

    def test_sizes_are_those_of_what_is_loaded(self) -> None:
        loaded, sizes = self.subject.load(), self.subject.sizes
        assert len(loaded.train) == sizes.train >= 1
        assert len(loaded.search) == len(loaded.confirm) == sizes.reference >= 1

    def test_search_and_confirm_are_measured_against_samples_of_their_own(self) -> None:
        loaded = self.subject.load()
        assert not loaded.varies or not np.array_equal(loaded.search, loaded.confirm)

    def test_bounded_says_whether_every_coordinate_lies_between_minus_one_and_one(self) -> None:
        loaded = self.subject.load()
        assert not loaded.bounded or np.abs(loaded.every).max() <= 1

    def test_loading_twice_gives_the_same_numbers(self) -> None:
        assert self.subject.load().fingerprint == self.subject.load().fingerprint

    def test_loading_leaves_the_global_random_states_alone(self) -> None:
        before = global_random_states()
        self.subject.load()
        assert global_random_states() == before, "draw from np.random.default_rng(a fixed seed), or a torch.Generator"
