"""Features of a network in a file on this machine."""

import warnings
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gan_core.data import Dataset
from gan_core.features.map import AnyFeatures, FeatureMap, images, in_blocks
from gan_core.fields import Positive
from gan_core.reference_cache import ReferenceCache


@dataclass(frozen=True, kw_only=True)
class FileFeatures(AnyFeatures):
    """Output of a network in a TorchScript file, such as Inception's last pooling layer; nothing is downloaded.

    path      file on every machine that evaluates; not part of an address
    sha256    SHA-256 of the file, 64 hexadecimal digits: `sha256sum FILE` prints it
    size      height and width that images are resized to (bilinear, antialiased); 0: as they are
    channels  channels that the network expects; grey images are repeated for 3, colours averaged for 1; 0: as they are
    mean      subtracted from each channel of pixels in [0, 1]; one number, or one for each channel
    std       divisor of each channel after that; 0.00392157 = 1/255 gives pixels in [0, 255]

    The network maps images to one vector for each, in float32. Use only files that you trust: loading a
    file can run code.
    """

    kind: Literal["file"] = "file"
    path: str = ""
    sha256: str = ""
    size: Annotated[int, Ge(0)] = 0
    channels: Literal[0, 1, 3] = 3
    mean: tuple[float, ...] = (0.0,)
    std: tuple[Positive, ...] = (1.0,)
    not_hashed: ClassVar[tuple[str, ...]] = ("path",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("mean", "std"):
            count = len(getattr(self, name))
            if count not in {1, self.channels or count}:
                raise ValueError(f"{name}: must hold one number or {self.channels}, one for each channel")

    def check(self, data: Dataset) -> None:
        super().check(data)
        if not data.bounded:
            raise ValueError("features: must not be of kind file for images whose values are not in [-1, 1]")

    def map(self, data: Dataset, cache: ReferenceCache) -> FeatureMap:
        self.check(data)
        network = _network(self.path, self.sha256)

        def extract(samples: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
            output: Any = network(self._inputs(images(samples, data.shape).float().cpu()))
            if not isinstance(output, Tensor) or output.shape[:1] != samples.shape[:1]:
                raise ValueError(
                    f"features.path: must be a network that returns one vector for each image, but {self.path} "
                    "returns something else"
                )
            return output.flatten(1).to(samples.device, samples.dtype)

        mapped = FeatureMap(self.kind, self.hash(data), in_blocks(extract), weights=self.sha256[:12])
        self._try(mapped, data)
        return mapped

    def _try(self, mapped: FeatureMap, data: Dataset) -> None:
        """Extract the features of one image, so that a network for other images is found before a study starts."""
        try:
            mapped.of_stored(torch.from_numpy(data.validation[:1].copy()), torch.float32)
        except RuntimeError as error:
            last = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"features.path: must be a network that takes these images, but it raises {last}"
            ) from None

    def _inputs(self, pictures: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n inputs rows columns"]:
        pictures = (pictures + 1) / 2
        if self.channels == 1:
            pictures = pictures.mean(1, keepdim=True)
        elif self.channels == 3 and pictures.shape[1] == 1:
            pictures = pictures.expand(-1, 3, -1, -1)
        if self.size:
            pictures = functional.interpolate(
                pictures, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False
            )
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (pictures - mean) / std


@lru_cache(maxsize=2)
def _network(path: str, digest: str) -> Any:
    """The network in a file, checked against its hash.

    Errors: `ValueError` if the file cannot be read, has another hash or holds no TorchScript network.
    """
    if not path:
        raise ValueError("features.path: must name a TorchScript file")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"features.path: must be a file that can be read, but {path}: {error.strerror}") from None
    found = sha256(content).hexdigest()
    if found != digest.lower():
        but = f"is {digest}" if digest else "is not given"
        raise ValueError(f"features.sha256: must be {found}, the hash of {path}, but {but}")
    try:
        with warnings.catch_warnings():
            # deprecated in favour of torch.export, whose files fix the number of images and the versions of torch
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(BytesIO(content), map_location="cpu").eval()
    except RuntimeError:
        raise ValueError(f"features.path: must be a TorchScript file, but {path} is not") from None
