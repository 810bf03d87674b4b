"""Features: the numbers of an image in which metrics compare fakes with real samples."""

from gan_core.features.classifier import ClassifierFeatures, has_classes
from gan_core.features.file import FileFeatures
from gan_core.features.kinds import SMALL_SIDE, AutoFeatures, Features, features_hash, resolved
from gan_core.features.map import AnyFeatures, FeatureMap
from gan_core.features.pixels import PixelFeatures
from gan_core.features.random_conv import RandomConvFeatures

__all__ = [
    "SMALL_SIDE",
    "AnyFeatures",
    "AutoFeatures",
    "ClassifierFeatures",
    "FeatureMap",
    "Features",
    "FileFeatures",
    "PixelFeatures",
    "RandomConvFeatures",
    "features_hash",
    "has_classes",
    "resolved",
]
