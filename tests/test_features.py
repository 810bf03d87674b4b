"""Features: which data get which, their hashes, the classifier, random convolutions, files."""

import warnings
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch
from small_gans import real_samples
from striped import stripes

from gan_core.data import Digits, Ring
from gan_core.evaluation import EvaluationSettings, Evaluator, applicable_metrics, reference_values, resolved_settings
from gan_core.features import (
    AutoFeatures,
    ClassifierFeatures,
    Features,
    FileFeatures,
    PixelFeatures,
    RandomConvFeatures,
    features_hash,
    map,
    resolved,
)
from gan_core.metrics import AnyMetric, Fakes, FrechetDistance, SlicedWasserstein
from gan_core.networks import MLPGenerator
from gan_core.reference_cache import ReferenceCache

pytestmark = pytest.mark.shapes

SMALL = [PixelFeatures(), RandomConvFeatures(width=4), ClassifierFeatures(steps=60)]
each = pytest.mark.parametrize("features", SMALL, ids=lambda kind: kind.kind)


def settings_with(features, **changes):
    return EvaluationSettings(samples=90, directions=16, cells=4, features=features, **changes)


def map_of(data, features):
    return real_samples(data, settings_with(features)).feature_map


def unlabelled(data):
    return replace(data, labels={}, classes=())


# --- which data get which


def test_auto_is_pixels_of_small_images_else_a_classifier_of_labels_else_random_convolutions():
    assert resolved(AutoFeatures(), Digits().load()) == PixelFeatures()
    assert resolved(AutoFeatures(), Ring().load()) == PixelFeatures()
    assert resolved(AutoFeatures(), stripes()) == ClassifierFeatures()
    assert resolved(AutoFeatures(), unlabelled(stripes())) == RandomConvFeatures()


def test_a_classifier_of_digits_tells_a_gaussian_from_digits_which_pixels_hardly_do() -> None:
    digits = Digits().load()

    def far_gaussian(metric: AnyMetric, features: Features) -> float:
        """Distance of the Gaussian from digits as a multiple of that of other digits."""
        real = real_samples(digits, EvaluationSettings(features=features), "test", torch.float32)
        values = reference_values([metric], real)[metric.name]
        return values.gaussian / values.real

    assert far_gaussian(SlicedWasserstein(), PixelFeatures()) < 1.2
    assert far_gaussian(FrechetDistance(), ClassifierFeatures()) > 2


@pytest.mark.parametrize(
    ("features", "data", "sentence"),
    [
        (
            PixelFeatures(),
            stripes(side=48),
            "not be of kind pixels for images of more than 2048 coordinates",
        ),
        (
            ClassifierFeatures(),
            unlabelled(stripes()),
            "not be of kind classifier for data without labels of two classes",
        ),
        (
            RandomConvFeatures(),
            Ring().load(),
            "be of kind pixels for data that are not images, but is random_conv",
        ),
        (
            FileFeatures(),
            replace(stripes(), bounded=False),
            r"not be of kind file for images whose values are not in \[-1, 1\]",
        ),
    ],
)
def test_features_that_the_data_do_not_have_are_refused(features, data, sentence):
    with pytest.raises(ValueError, match=f"^features: must {sentence}"):
        resolved(features, data)
    with pytest.raises(ValueError, match=f"^features: must {sentence}"):
        Evaluator(MLPGenerator(), data, settings=settings_with(features))


def test_the_distance_is_the_frechet_distance_unless_the_features_are_pixels():
    for data, features, distance in (
        (stripes(), AutoFeatures(), "frechet_distance"),
        (stripes(), PixelFeatures(), "sliced_wasserstein"),
        (Digits().load(), AutoFeatures(), "sliced_wasserstein"),
        (Digits().load(), RandomConvFeatures(), "frechet_distance"),
        (Ring().load(), AutoFeatures(), "sliced_wasserstein"),
    ):
        settings = settings_with(features)
        assert Evaluator(MLPGenerator(), data, settings=settings).distance_name == distance
        named = resolved_settings(settings, data)
        assert named.distance == ("default" if distance == "sliced_wasserstein" else distance)
        assert (named == settings) == (distance == "sliced_wasserstein")
    chosen = settings_with(AutoFeatures(), distance="kernel_distance")
    assert resolved_settings(chosen, stripes()).distance == "kernel_distance"


def test_metrics_of_classes_need_a_classifier():
    of_classes = {"classes_covered", "class_distance", "recognised"}
    for features in SMALL:
        names = set(applicable_metrics(settings_with(features), stripes()))
        assert names & of_classes == (of_classes if features.kind == "classifier" else set())


# --- hashes


def test_the_hash_is_that_of_everything_that_determines_the_features():
    data = stripes()
    relabelled = replace(data, labels={**data.labels, "train": data.labels["train"][::-1]})
    hashes = [
        RandomConvFeatures().hash(data),
        RandomConvFeatures(seed=1).hash(data),
        RandomConvFeatures().hash(stripes(side=16)),
        ClassifierFeatures().hash(data),
        ClassifierFeatures(steps=10).hash(data),
        ClassifierFeatures().hash(stripes(seed=1)),
        ClassifierFeatures().hash(relabelled),
        FileFeatures(sha256="a" * 64).hash(data),
        FileFeatures(sha256="b" * 64).hash(data),
        FileFeatures(sha256="a" * 64, size=299).hash(data),
    ]
    assert len(set(hashes)) == len(hashes)
    assert RandomConvFeatures().hash(data) == RandomConvFeatures().hash(stripes(seed=1))
    elsewhere = FileFeatures(sha256="a" * 64, path="/elsewhere/net.pt")
    assert elsewhere.hash(data) == FileFeatures(sha256="a" * 64).hash(data)


def test_the_hash_of_pixels_is_left_out():
    assert features_hash(AutoFeatures(), Digits().load()) == ""
    hashed = features_hash(AutoFeatures(), stripes())
    assert hashed == f"classifier {ClassifierFeatures().hash(stripes())}"


@each
def test_the_evaluator_names_features_and_hash(features):
    data = stripes()
    facts = Evaluator(MLPGenerator(), data, settings=settings_with(features)).features
    assert (facts["name"], facts["hash"]) == (features.kind, features.hash(data))
    assert ("weights" in facts) == (features.kind != "pixels")
    assert ("accuracy" in facts) == (features.kind == "classifier")
    assert Evaluator(MLPGenerator(), Ring().load()).features == {}


# --- all kinds


@each
def test_features_do_not_depend_on_the_block_that_they_are_computed_in(features, monkeypatch):
    data = stripes()
    extract = map_of(data, features).extract
    samples = torch.from_numpy(data.test)
    whole = extract(samples)
    monkeypatch.setattr(map, "ROWS", 7)
    assert torch.allclose(extract(samples), whole, rtol=1e-5, atol=1e-5)
    assert torch.allclose(torch.cat([extract(row[None]) for row in samples]), whole, rtol=1e-5, atol=1e-5)


@each
def test_images_stored_as_bytes_have_the_features_of_their_coordinates(features):
    data = stripes(stored="uint8")
    mapped = features.map(data, ReferenceCache(data=data, dtype="torch.float32", device="cpu"))
    coordinates = torch.from_numpy(data.test.astype(np.float32) / 127.5 - 1)
    stored = mapped.of_stored(torch.from_numpy(data.test), torch.float32)
    assert torch.allclose(stored, mapped.extract(coordinates), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("features", SMALL[1:], ids=lambda kind: kind.kind)
@pytest.mark.parametrize(("side", "channels"), [(2, 1), (3, 3), (9, 1), (28, 1), (33, 3), (64, 1)])
def test_images_of_any_size_have_features(features, side, channels):
    data = stripes(60, 60, side=side, channels=channels)
    made = map_of(data, replace(features, **({"steps": 1} if features.kind == "classifier" else {})))
    found = made.extract(torch.from_numpy(data.test))
    assert found.shape == (60, 128 if features.kind == "classifier" else 64)
    assert found.std(0).max() > 0


@each
def test_real_features_are_read_from_the_cache(features, monkeypatch):
    data = stripes(seed=3)
    real = real_samples(data, settings_with(features))
    first = real.features
    monkeypatch.setattr(map.FeatureMap, "of_stored", lambda *_: pytest.fail("features were extracted again"))
    if features.kind != "pixels":
        assert torch.equal(real_samples(data, settings_with(features)).features, first)


# --- the classifier


def test_the_classifier_names_the_classes_of_images_that_it_never_saw():
    mapped = map_of(stripes(), ClassifierFeatures(steps=60))
    assert mapped.accuracy > 0.9
    new = stripes(seed=1)
    probabilities = mapped.probabilities(mapped.extract(torch.from_numpy(new.test)))
    assert torch.allclose(probabilities.sum(1), torch.ones(90))
    assert (probabilities.argmax(1).numpy() == new.labels["test"]).mean() > 0.9


def test_the_classifier_is_trained_on_the_training_split_alone():
    """Other held-out images, and other labels of them, change its accuracy and its hash but no weight."""
    data, other = stripes(), stripes(seed=1)
    labels = {**data.labels, "validation": (data.labels["validation"] + 1) % 3}
    changed = replace(data, validation=other.validation, test=other.test, labels=labels)
    first, second = map_of(data, ClassifierFeatures(steps=30)), map_of(changed, ClassifierFeatures(steps=30))
    assert first.weights == second.weights
    assert first.hash != second.hash
    assert first.accuracy > 0.5 > second.accuracy


def test_the_classifier_is_the_same_on_any_number_of_threads_and_in_any_state_of_the_random_generators(
    monkeypatch, tmp_path
):
    weights, threads = [], torch.get_num_threads()
    for number in (1, 2):
        monkeypatch.setenv("GAN_STUDY_CACHE", str(tmp_path / str(number)))
        torch.set_num_threads(number)
        torch.manual_seed(number)
        weights.append(map_of(stripes(), ClassifierFeatures(steps=20)).weights)
        assert torch.get_num_threads() == number
    torch.set_num_threads(threads)
    assert weights[0] == weights[1]
    assert map_of(stripes(), ClassifierFeatures(steps=20, seed=1)).weights != weights[0]


def test_training_it_leaves_the_random_generators_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("GAN_STUDY_CACHE", str(tmp_path))
    before = torch.get_rng_state()
    map_of(stripes(), ClassifierFeatures(steps=2))
    assert torch.equal(torch.get_rng_state(), before)


# --- random convolutions


def test_random_convolutions_have_16_times_their_width_and_depend_on_seed_and_image():
    data = stripes(side=32)
    found = {}
    for seed in (0, 1):
        found[seed] = map_of(data, RandomConvFeatures(seed=seed)).extract(torch.from_numpy(data.test))
        assert found[seed].shape == (90, 512)
    assert not torch.allclose(found[0], found[1])


# --- a file


class Quarters(torch.nn.Module):
    """Mean of each channel over the upper and over the lower half of an image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        half = images.shape[2] // 2
        return torch.cat([images[:, :, :half].mean((2, 3)), images[:, :, half:].mean((2, 3))], 1)


def saved(network, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(network), str(path))
    return {"path": str(path), "sha256": sha256(path.read_bytes()).hexdigest()}


def test_a_file_gets_images_in_the_range_size_and_channels_that_it_expects(tmp_path):
    """Pixels are scaled to [0, 1] and a grey channel is repeated; then the mean is subtracted, and divided by `std`."""
    data = stripes()
    file = saved(Quarters(), tmp_path / "net.pt")
    samples = torch.from_numpy(data.test)
    halves = samples.reshape(90, 2, -1).mean(2)
    expected = (((halves + 1) / 2 - 0.5) / 0.25)[:, [0, 0, 0, 1, 1, 1]]
    features = FileFeatures(**file, mean=(0.5,), std=(0.25,))
    assert torch.allclose(map_of(data, features).extract(samples), expected, atol=1e-5)
    grey = map_of(stripes(channels=3), FileFeatures(**file, channels=1)).extract(
        torch.from_numpy(stripes(channels=3).test)
    )
    assert grey.shape == (90, 2)
    assert map_of(data, replace(features, size=24)).extract(samples).shape == (90, 6)


def test_metrics_are_measured_in_the_features_of_a_file(tmp_path):
    data = stripes()
    features = FileFeatures(**saved(Quarters(), tmp_path / "net.pt"))
    real = real_samples(data, settings_with(features))
    fakes = Fakes(real.tensor(data.train[:90])[None])
    values = {name: m.measure(real, fakes).item() for name, m in applicable_metrics(real.settings, data).items()}
    assert fakes.features(real).shape == (1, 90, 6)
    assert 0 <= values["frechet_distance"] < 0.01


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"path": ""}, r"features.path: must name a TorchScript file$"),
        (
            {"path": "/nowhere/net.pt"},
            r"features.path: must be a file that can be read, but /nowhere/net.pt: No",
        ),
        ({"sha256": ""}, r"features.sha256: must be [0-9a-f]{64}, the hash of .*net.pt, but is not given$"),
        ({"sha256": "0" * 64}, r"features.sha256: must be [0-9a-f]{64}, the hash of .*net.pt, but is 0{64}$"),
        ({"channels": 1}, r"features.path: must be a network that takes these images, but it raises "),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path, changes, sentence):
    file = saved(torch.nn.Conv2d(3, 2, 5), tmp_path / "net.pt")
    with pytest.raises(ValueError, match=f"^{sentence}"):
        map_of(stripes(), FileFeatures(**{**file, **changes}))


def test_a_file_without_a_network_and_a_network_without_a_vector_per_image_are_refused(tmp_path):
    (tmp_path / "text.pt").write_text("no network")
    digest = sha256(b"no network").hexdigest()
    with pytest.raises(ValueError, match=r"^features.path: must be a TorchScript file, but .*text.pt is not$"):
        map_of(stripes(), FileFeatures(path=str(tmp_path / "text.pt"), sha256=digest))
    with pytest.raises(ValueError, match=r"^features.path: must be a network that returns one vector for each image"):
        map_of(stripes(), FileFeatures(**saved(torch.nn.Flatten(0), tmp_path / "flat.pt")))


def test_mean_and_deviation_have_one_number_or_one_for_each_channel():
    assert FileFeatures(mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.2)).mean == (0.4, 0.5, 0.6)
    with pytest.raises(ValueError, match=r"^mean: must hold one number or 3, one for each channel$"):
        FileFeatures(mean=(0.4, 0.5))
