"""Contract tests of data sets."""

import numpy as np

from gan_core.contracts.material import (
    Description,
    global_random_states,
)
from gan_core.data import PARTS, AnyData


class DataContract(Description[AnyData]):
    """Tests of a data set; a subclass sets `subject`."""

    subject: AnyData

    def test_splits_hold_finite_flattened_samples_in_float32_or_uint8(self) -> None:
        loaded = self.subject.load()
        for name in ("train", "validation", "test"):
            split = getattr(loaded, name)
            dim = int(np.prod(loaded.shape))
            assert split.dtype in (np.float32, np.uint8), f"{name} must be float32 or uint8, but is {split.dtype}"
            assert split.shape[1:] == (dim,), f"{name} must have shape (samples, {dim}), but has {split.shape}"
            assert np.isfinite(split).all(), f"{name} must be finite"

    def test_sizes_are_those_of_the_loaded_splits(self) -> None:
        loaded, sizes = self.subject.load(), self.subject.sizes
        assert len(loaded.train) == sizes.train >= 1
        assert len(loaded.validation) == len(loaded.test) == sizes.held_out >= 1

    def test_validation_and_test_split_differ(self) -> None:
        loaded = self.subject.load()
        assert not loaded.varies or not np.array_equal(loaded.validation, loaded.test)

    def test_bounded_data_lie_between_minus_one_and_one(self) -> None:
        loaded = self.subject.load()
        for name in PARTS:
            assert not loaded.bounded or np.abs(loaded.first(name)).max() <= 1, f"{name} must lie in [-1, 1]"

    def test_pairs_hold_a_latent_vector_for_each_real_sample(self) -> None:
        loaded = self.subject.load()
        for split, pairs in loaded.pairs.items():
            assert len(pairs.latent) == len(pairs.target) >= 1, f"pairs of {split} must be as many latents as targets"
            assert pairs.target.shape[1:] == loaded.validation.shape[1:], f"targets of {split} must be like the samples"
            assert np.isfinite(pairs.latent).all(), f"latents of {split} must be finite"
            assert np.isfinite(pairs.target).all(), f"targets of {split} must be finite"

    def test_loading_twice_gives_the_same_numbers(self) -> None:
        assert self.subject.load().fingerprint == self.subject.load().fingerprint

    def test_loading_leaves_the_global_random_states_unchanged(self) -> None:
        before = global_random_states()
        self.subject.load()
        assert global_random_states() == before, (
            "load must not use global random states: draw from np.random.default_rng(a fixed seed) or a torch.Generator"
        )
