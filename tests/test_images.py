"""Images of one's own: odd and damaged folders and arrays, each with its value or its sentence."""

import errno
import gzip
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from image_folders import pictures, write_folder, write_idx
from PIL import Image

from gan_core.cache_folder import FOLDER_VARIABLE
from gan_core.contracts import DataContract
from gan_core.data import Images

pytestmark = pytest.mark.shapes


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    return folder


def decoded(image: Image.Image, folder: Path, suffix: str = ".png", *, size: int = 4, **settings) -> np.ndarray:
    """Pixels (channels, size, size) of one image among eleven others, found by the class of its own."""
    write_folder(folder, pictures(11, side=size), ["rest"] * 11)
    (folder / "one").mkdir()
    image.save(folder / "one" / f"x{suffix}", **settings.pop("save", {}))
    data = Images(path=str(folder), size=size, held_out=2, **settings).load()
    for part, labels in data.labels.items():
        for stored, label in zip(getattr(data, part), labels, strict=True):
            if data.classes[label] == "one":
                return np.asarray(stored).reshape(data.shape)
    raise AssertionError


def whole_cache(cache: Path) -> bool:
    """True if the cache holds nothing but whole stores."""
    return not list(cache.glob("images/.*")) and not list(cache.glob("images/index/.*"))


# --- one image


def test_an_image_is_turned_as_its_exif_data_say(tmp_path):
    upright = Image.fromarray(np.array([[255, 0], [0, 0]], np.uint8)).resize((4, 4), 0)
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    pixels = decoded(upright, tmp_path / "x", save={"exif": exif}, channels="grey")
    assert (pixels[0, 2:, 2:] == 255).all()
    assert pixels.sum() == 4 * 255


@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0)])
def test_transparent_pixels_show_the_background(tmp_path, background, level):
    pixels = decoded(Image.new("RGBA", (4, 4), (200, 0, 0, 0)), tmp_path / "x", background=background)
    assert (pixels == level).all()


def test_half_transparent_pixels_are_mixed_with_the_background(tmp_path):
    pixels = decoded(Image.new("RGBA", (4, 4), (0, 0, 0, 51)), tmp_path / "x")
    assert (pixels == 204).all()  # 255 (1 - 51/255)


def test_the_transparent_colour_of_a_palette_shows_the_background(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.putpixel((0, 0), 0)
    pixels = decoded(image, tmp_path / "x", save={"transparency": 0})
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    assert pixels[:, 1, 1].tolist() == [10, 20, 30]


def test_cmyk_becomes_rgb(tmp_path):
    pixels = decoded(Image.new("CMYK", (4, 4), (255, 0, 0, 0)), tmp_path / "x", ".tif")
    assert pixels[:, 0, 0].tolist() == [0, 255, 255]


def test_sixteen_bits_are_divided_by_257(tmp_path):
    levels = np.array([[0, 257, 65535, 257 * 128]] * 4, np.uint16)
    pixels = decoded(Image.fromarray(levels), tmp_path / "x", channels="grey")
    assert pixels[0, 0].tolist() == [0, 1, 255, 128]


def test_black_and_white_become_0_and_255(tmp_path):
    assert (decoded(Image.new("1", (4, 4), 1), tmp_path / "x") == 255).all()


def test_the_first_frame_of_an_animation_is_used(tmp_path):
    frames = [Image.new("L", (4, 4), level) for level in (40, 200)]
    pixels = decoded(frames[0], tmp_path / "x", ".gif", save={"save_all": True, "append_images": frames[1:]})
    assert (pixels == 40).all()


def test_the_centred_square_is_cut_out_or_the_whole_image_squeezed(tmp_path):
    wide = np.zeros((4, 12), np.uint8)
    wide[:, 4:8] = 255
    assert (decoded(Image.fromarray(wide), tmp_path / "a") == 255).all()
    assert 0 < decoded(Image.fromarray(wide), tmp_path / "b", crop="none").mean() < 128


def test_grey_images_are_stored_with_one_channel_even_if_their_files_have_three(tmp_path):
    grey = pictures(channels=1)
    write_folder(tmp_path / "x", np.repeat(grey[..., None], 3, axis=-1))
    data = Images(path=str(tmp_path / "x"), size=12)
    assert data.load().shape == (1, 12, 12)
    assert replace(data, channels="rgb").load().shape == (3, 12, 12)
    assert sorted(map(bytes, data.load().every)) == sorted(map(bytes, grey))


def test_a_jpeg_in_colour_makes_three_channels(tmp_path):
    folder = write_folder(tmp_path / "x", pictures(), suffix=".jpg")
    assert Images(path=str(folder), size=8).load().shape == (3, 8, 8)


# --- the same images in other files


def test_the_same_images_as_folders_arrays_and_idx_files_give_the_same_bytes(tmp_path):
    images, labels = pictures(60, channels=1), np.arange(60) % 10
    order = np.random.default_rng(1).permutation(60)
    paths = [
        write_folder(tmp_path / "png", images, labels),
        write_idx(tmp_path / "idx", images, labels),
        write_idx(tmp_path / "gz", images[order], labels[order], packed=True),
        *(tmp_path / name for name in ("x.npy", "x.npz", "float.npz", "words.npz")),
    ]
    np.save(paths[3], images)
    np.savez(paths[4], x=images[..., None], y=labels)
    np.savez(paths[5], images=images[:, None].astype(np.float32) / 255, labels=labels[:, None][:, 0].astype(float))
    np.savez(paths[6], x=images, y=labels.astype(str))
    loaded = [Images(path=str(path), size=16).load() for path in paths]
    for data in loaded[1:]:
        assert np.array_equal(data.every, loaded[0].every)
        assert data.fingerprint == loaded[0].fingerprint
    assert loaded[0].classes == tuple(map(str, range(10)))
    assert loaded[3].classes == ()
    assert loaded[3].labels_fingerprint == ""
    assert len({data.labels_fingerprint for data in loaded if data.classes}) == 1


def test_the_splits_are_slices_that_share_no_image(tmp_path):
    data = Images(path=str(write_folder(tmp_path / "x", pictures(50))), size=12, held_out=12).load()
    assert (len(data.train), len(data.validation), len(data.test)) == (26, 12, 12)
    assert len(set(map(bytes, data.every))) == 50
    assert np.shares_memory(data.train, data.train.base)
    assert data.train.dtype == np.uint8


def test_labels_follow_their_images(tmp_path):
    images, labels = pictures(40), np.arange(40) % 3
    data = Images(path=str(write_folder(tmp_path / "x", images, labels)), size=12).load()
    number = {bytes(image.transpose(2, 0, 1)): str(label) for image, label in zip(images, labels, strict=True)}
    for part, stored in data.labels.items():
        assert [number[bytes(image)] for image in getattr(data, part)] == [data.classes[label] for label in stored]


def test_other_labels_change_no_image_and_no_fingerprint(tmp_path):
    images = pictures(30)
    folders = [write_folder(tmp_path / name, images, labels) for name, labels in (("a", [1, 2] * 15), ("b", [3] * 30))]
    first, second = (Images(path=str(folder), size=12).load() for folder in folders)
    assert first.fingerprint == second.fingerprint
    assert first.labels_fingerprint != second.labels_fingerprint


def test_a_limit_takes_some_of_the_images(tmp_path):
    folder = write_folder(tmp_path / "x", pictures(40))
    data = Images(path=str(folder), size=12, limit=25).load()
    assert data.count == 25
    assert "limit: 25 of 40 images, chosen by a fixed permutation" in data.notes


# --- folders with a sentence


def with_text(folder: Path, images: np.ndarray, name: str, content: bytes) -> Path:
    write_folder(folder, images)
    (folder / name).write_bytes(content)
    return folder


def truncated(folder: Path) -> bytes:
    folder.mkdir()
    Image.fromarray(pictures(1, side=64)[0]).save(folder / "y.png")
    content = (folder / "y.png").read_bytes()
    (folder / "y.png").unlink()
    return content[: len(content) // 2]


def bomb() -> bytes:
    """A PNG file whose header says 100,000 x 100,000 pixels."""
    chunks = (b"IHDR" + struct.pack(">2I5B", 100_000, 100_000, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(100)))
    packed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.png", lambda folder: b"", "not an image"),
        ("words.jpg", lambda folder: b"not an image", "not an image"),
        ("half.png", truncated, "image file is truncated"),
        ("bomb.png", lambda folder: bomb(), "a decompression bomb"),
    ],
)
def test_a_broken_file_is_named_and_left_out_if_it_is_tolerated(tmp_path, cache, name, content, reason):
    folder = with_text(tmp_path / "x", pictures(), name, content(tmp_path / "y"))
    data = Images(path=str(folder), size=12)
    for _ in range(2):  # also from the cache
        with pytest.raises(ValueError, match=f"^broken: must be >= 1, .*{name} \\({reason}"):
            data.load()
    loaded = replace(data, broken=1).load()
    assert loaded.count == 20
    assert any(f"left out, since they cannot be read: {name}" in note for note in loaded.notes)
    assert whole_cache(cache)


def test_a_link_to_nothing_is_a_broken_file(tmp_path):
    folder = write_folder(tmp_path / "x", pictures())
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(ValueError, match=r"gone\.png"):
        Images(path=str(folder), size=12).load()


def test_thirty_two_bits_of_an_unknown_range_are_broken(tmp_path):
    folder = write_folder(tmp_path / "x", pictures())
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(folder / "f.tif")
    with pytest.raises(ValueError, match=r"f\.tif \(has 32-bit pixels, whose range is unknown"):
        Images(path=str(folder), size=12).load()


def test_other_files_are_counted_and_hidden_ones_are_not(tmp_path):
    folder = with_text(tmp_path / "x", pictures(), "notes.txt", b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "._000.png").write_bytes(b"x")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "000.png").write_bytes(b"x")
    data = Images(path=str(folder), size=12).load()
    assert data.count == 20
    assert "left out, since they are not image files: 1 .txt" in data.notes


def test_a_link_to_a_folder_above_ends(tmp_path):
    folder = write_folder(tmp_path / "x", pictures(), [1] * 10 + [2] * 10)
    (folder / "1" / "above").symlink_to(folder)
    assert Images(path=str(folder), size=12).load().count == 20


def test_a_link_to_itself_is_a_broken_file(tmp_path):
    folder = write_folder(tmp_path / "x", pictures())
    (folder / "loop.png").symlink_to(folder / "loop.png")
    with pytest.raises(ValueError, match=r"loop\.png \(too many levels of symbolic links\)"):
        Images(path=str(folder), size=12).load()


def test_a_pipe_is_never_read(tmp_path):
    folder = write_folder(tmp_path / "x", pictures())
    os.mkfifo(folder / "pipe.png")
    data = Images(path=str(folder), size=12).load()
    assert data.count == 20
    assert any(note.endswith(": 1 .png that are pipes or devices") for note in data.notes)


def test_a_folder_may_be_named_as_an_image_and_hold_folders(tmp_path):
    images = pictures()
    write_folder(tmp_path / "x" / "cats.png" / "old", images[:5], [1, 2, 3, 4, 5])
    write_folder(tmp_path / "x" / "cats.png", images[5:10])
    write_folder(tmp_path / "x" / "dogs", images[10:])
    data = Images(path=str(tmp_path / "x"), size=12).load()
    assert (data.count, data.classes) == (20, ("cats.png", "dogs"))
    assert np.bincount(np.concatenate(list(data.labels.values()))).tolist() == [10, 10]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "x", pictures(), [1, 2] * 10)
    listed = os.scandir

    def without(place):
        if Path(place).name == "2":
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", without)
    with pytest.raises(ValueError, match=r"^path: cannot be read: .*x/2 \(Permission denied\)$"):
        Images(path=str(folder), size=12).load()


def test_a_file_without_permission_to_read_is_broken(tmp_path, monkeypatch):
    folder, opened = write_folder(tmp_path / "x", pictures()), Image.open

    def without(path, **settings):
        if Path(path).name == "003.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, **settings)

    monkeypatch.setattr(Image, "open", without)
    with pytest.raises(ValueError, match=r"^broken: must be >= 1, .*, but is 0; .* 003\.png \(permission denied\)$"):
        Images(path=str(folder), size=12).load()


def test_images_of_many_modes_and_sizes_make_one_array(tmp_path):
    folder, grey = tmp_path / "x", Image.fromarray(pictures(1, channels=1)[0])
    for number, mode in enumerate(("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "PA")):
        (folder / mode).mkdir(parents=True)
        suffix = ".tif" if mode in ("CMYK", "YCbCr", "PA") else ".png"
        image = grey if mode == "L" else grey.convert("LA").convert("PA") if mode == "PA" else grey.convert(mode)
        for turn in range(3):
            image.resize((10 + number, 12 + turn)).save(folder / mode / f"{turn}{suffix}")
    data = Images(path=str(folder), size=16).load()
    assert (data.count, data.shape, len(data.classes)) == (30, (1, 16, 16), 10)


def test_copies_of_images_are_counted(tmp_path):
    folder = write_folder(tmp_path / "x", np.concatenate([pictures(), pictures()[:3]]))
    assert "3 images are exact copies of others" in Images(path=str(folder), size=12).load().notes


def test_images_within_one_folder_are_noticed(tmp_path):
    write_folder(tmp_path / "x" / "all", pictures(20), [1, 2] * 10)
    data = Images(path=str(tmp_path / "x"), size=12).load()
    assert data.classes == ("all",)
    assert any("all images are in the folder all" in note for note in data.notes)


def test_names_that_are_no_text_are_shown(tmp_path):
    folder = write_folder(tmp_path / "x", pictures())
    try:
        (Path(folder) / "b\udcffroken\n.png").write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(ValueError, match="ken") as raised:
        Images(path=str(folder), size=12).load()
    assert str(raised.value).isprintable()


def folder_of(tmp_path: Path, case: str) -> Path:
    folder = tmp_path / case
    folder.mkdir()
    match case:
        case "nothing":
            pass
        case "texts":
            (folder / "a.heic").write_bytes(b"x")
        case "mixed":
            write_folder(folder, pictures(5))
            write_folder(folder, pictures(5), [1] * 5)
        case "few":
            write_folder(folder, pictures(9))
        case "equal":
            write_folder(folder, np.repeat(pictures(1), 12, axis=0))
        case "all broken":
            (folder / "a.png").write_bytes(b"x")
        case "missing":
            folder.rmdir()
    return folder


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("nothing", "path: must hold images .*, but .* holds no file$"),
        ("texts", "path: must hold images .*, but .* holds 1 .heic$"),
        ("mixed", 'path: must hold all images in folders of classes, or .* labels = "none" uses all without classes$'),
        ("few", "path: must hold at least 10 images, but .* holds 9$"),
        ("equal", "path: must hold images that differ, but all 12 in .* have the same pixels$"),
        ("all broken", r"path: must hold images, but none of 1 can be read: a.png \(not an image\)$"),
        ("missing", "path: must be a folder of images or a file, but .* does not exist$"),
    ],
)
def test_a_folder_that_no_study_can_use_has_its_sentence(tmp_path, cache, case, sentence):
    data = Images(path=str(folder_of(tmp_path, case)), size=12)
    for ask in (data.load, lambda: data.sizes):
        with pytest.raises(ValueError, match=f"^{sentence}"):
            ask()
    assert whole_cache(cache)


def test_images_beside_folders_are_all_taken_without_classes(tmp_path):
    data = Images(path=str(folder_of(tmp_path, "mixed")), size=12, labels="none", held_out=2).load()
    assert (data.count, data.classes) == (10, ())


@pytest.mark.parametrize(("held_out", "most"), [(10, 9), (30, 9)])
def test_too_many_held_out_images_are_refused(tmp_path, held_out, most):
    folder = write_folder(tmp_path / "x", pictures())
    with pytest.raises(ValueError, match=f"^held_out: must be <= {most} of the 20 images, but is {held_out}$"):
        _ = Images(path=str(folder), size=12, held_out=held_out).sizes


# --- arrays


def saved(tmp_path: Path, array: np.ndarray, **labels: np.ndarray) -> Images:
    path = tmp_path / ("x.npz" if labels else "x.npy")
    if labels:
        np.savez(path, x=array, **labels)  # type: ignore[arg-type]
    else:
        np.save(path, array)
    return Images(path=str(path), size=12)


WORDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bool": lambda x: x > 127,
    "bool as bytes": lambda x: (x > 127).astype(np.uint8),
    "bool as long": lambda x: (x > 127).astype(np.int64),
    "unit": lambda x: (x / 255).astype(np.float32),
    "signed": lambda x: (x / 127.5 - 1).astype(np.float64),
    "levels": lambda x: x.astype(np.float32),
    "long": lambda x: x.astype(np.int64),
    "sixteen": lambda x: x.astype(np.uint16) * 257,
    "channels_first": lambda x: x.transpose(0, 3, 1, 2),
    "fortran": np.asfortranarray,
    "big-endian": lambda x: x.astype(">i4"),
    "half": lambda x: (x / 255).astype(np.float16),
    "alpha": lambda x: np.concatenate([x, np.full_like(x[..., :1], 255)], axis=-1),
}


@pytest.mark.parametrize("name", WORDS)
def test_an_array_of_any_range_and_order_gives_the_same_bytes(tmp_path, name):
    images = pictures()
    expected = (images > 127).astype(np.uint8) * 255 if name.startswith("bool") else images
    data = saved(tmp_path, WORDS[name](images)).load()
    assert sorted(map(bytes, data.every)) == sorted(bytes(image.transpose(2, 0, 1)) for image in expected)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((20, 784), np.uint8), r"path: must hold .* flattened images .*: reshape each to \(28, 28\)$"),
        (np.zeros(20, np.uint8), r"path: must hold an array of \(images, height, width\), .* has the shape \(20,\)$"),
        (np.zeros((12, 12, 3, 50), np.uint8), "path: .* the last axis seems to number the images$"),
        (np.zeros((12, 12, 500), np.uint8), "path: .* the last axis seems to number the images$"),
        (np.zeros((20, 3, 5, 3), np.uint8), 'path: .* may be the channels; set layout = "channels_first"'),
        (np.zeros((20, 9, 9, 9), np.uint8), "path: .* neither axis 1 nor axis 3 has 1 to 4 channels$"),
        (np.full((20, 9, 9), -5.0), "path: must hold numbers in .* but .* holds float64 from -5 to -5$"),
        (np.full((20, 9, 9), 70000), "path: must hold numbers in .* but .* holds int64 from 70000 to 70000$"),
        (np.full((20, 9, 9), np.nan), "path: must hold finite numbers, but image 0 of .* has NaN"),
        (np.full((20, 9, 9), "a"), "path: must hold an array of numbers, but that of .* is <U1$"),
        (np.zeros((0, 9, 9), np.uint8), r"path: must hold .* has the shape \(0, 9, 9\)$"),
        (np.array([None] * 20), "path: must be a NumPy file without pickled objects"),
        (np.zeros((20, 9, 9), np.uint8), "path: must hold images that differ, but all 20"),
    ],
)
def test_an_array_that_no_study_can_use_has_its_sentence(tmp_path, cache, array, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        saved(tmp_path, array).load()
    assert whole_cache(cache)


def test_the_image_with_a_number_that_is_not_finite_is_named(tmp_path):
    array = pictures().astype(float)
    array[7, 3, 3, 1] = np.inf
    with pytest.raises(ValueError, match=r"image 7 of .* has NaN or infinite ones$"):
        saved(tmp_path, array).load()


def test_the_order_of_the_axes_is_the_one_that_is_said(tmp_path):
    array = np.stack([pictures(20, side=3)] * 1)[0]  # (20, 3, 3, 3)
    first = replace(saved(tmp_path, array), layout="channels_first").load()
    last = replace(saved(tmp_path, array), layout="channels_last").load()
    assert first.fingerprint != last.fingerprint
    with pytest.raises(ValueError, match=r'^layout: must be "channels_last" or "auto" for the shape'):
        replace(saved(tmp_path, pictures()), layout="channels_first").load()


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ({"y": np.zeros(3)}, "path: must have one label for each of its 20 images, but labels have the shape"),
        ({"other": pictures()}, "path: must hold one array of images, and optionally labels y, but"),
    ],
)
def test_an_npz_file_must_hold_one_array_of_images_with_its_labels(tmp_path, labels, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        saved(tmp_path, pictures(), **labels).load()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "path: must be a folder of images, a .npy or .npz file, or an IDX file"),
        (b"\x1f\x8bgarbage", "path: must be a file that can be read, but .* is damaged"),
        (struct.pack(">4i", 0x803, 20, 9, 9) + bytes(100), r"path: must hold 1620 bytes .* but .* holds 100$"),
        (struct.pack(">4i", 0x803, 20, 9, 9) + bytes(1621), r"path: must hold 1620 bytes .* but .* holds 1621$"),
        (struct.pack(">4i", 0x803, 20, 9, 9)[:9], "path: must hold .* bytes of numbers for its shape .* holds 0$"),
        (
            gzip.compress(struct.pack(">4i", 0x803, 20, 9, 9) + bytes(1620), mtime=0)[:-9],
            "path: must be a file that can be read",
        ),
        (struct.pack(">2i", 0x801, 20) + bytes(20), "path: must be an IDX file of images, but"),
    ],
)
def test_a_damaged_idx_file_has_its_sentence(tmp_path, cache, content, sentence):
    (tmp_path / "images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Images(path=str(tmp_path / "images-idx3-ubyte")).load()
    assert whole_cache(cache)


def test_an_idx_file_with_labels_of_another_count_has_its_sentence(tmp_path):
    path = write_idx(tmp_path, pictures(channels=1), np.arange(19))
    with pytest.raises(
        ValueError, match=r"^path: must have one label for each of its 20 images, but labels .* \(19,\)"
    ):
        Images(path=str(path), size=12).load()
    assert Images(path=str(path), size=12, labels="none").load().count == 20


def test_an_npz_file_without_an_array_has_its_sentence(tmp_path):
    np.savez(tmp_path / "x.npz")
    with pytest.raises(
        ValueError, match=r"^path: must hold one array of images, and optionally labels y, but .* holds none$"
    ):
        Images(path=str(tmp_path / "x.npz"), size=12).load()


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_damaged_numpy_file_has_its_sentence(tmp_path, name):
    data = saved(tmp_path, pictures(), **({"y": np.arange(20)} if name == "x.npz" else {}))
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"^path: must be a NumPy file"):
        data.load()


# --- one file for another machine


@pytest.mark.parametrize("layout", ["auto", "channels_first"])
def test_the_portable_file_gives_the_same_images_and_classes(tmp_path, layout):
    folder = write_folder(tmp_path / "x", pictures(50), ["cat", "dog"] * 25)
    here = Images(path=str(folder), size=12, limit=40, layout=layout)
    name, content = here.portable()
    (tmp_path / name).write_bytes(content)
    there = replace(here, path=str(tmp_path / name)).load()
    assert there.fingerprint == here.load().fingerprint
    assert there.labels_fingerprint == here.load().labels_fingerprint


class TestContract(DataContract):
    @pytest.fixture(autouse=True)
    def _subject(self, tmp_path, cache):
        type(self).subject = Images(path=str(write_folder(tmp_path / "x", pictures(), [0, 1] * 10)), size=8)
