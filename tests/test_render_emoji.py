"""The emoji of the study images-emoji: distinct files of 32 x 32 pixels, and sentences for a missing font."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.data import Images
from studies.catalog.render_emoji import FONT, main

needs_font = pytest.mark.skipif(not FONT.is_file(), reason="fonts-noto-color-emoji is not installed")


@needs_font
def test_more_than_a_thousand_distinct_emoji_are_written_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    main([])
    files = sorted(Path("emoji").iterdir())
    assert capsys.readouterr().out == f"{len(files)} emoji in emoji\n"
    images = [Image.open(file) for file in files]
    assert {(image.size, image.mode) for image in images} == {((32, 32), "RGB")}
    assert len({image.tobytes() for image in images}) == len(files) > 1000
    assert "1f600.png" in {file.name for file in files}
    face = np.asarray(Image.open("emoji/1f600.png"))
    assert face[0, 0].tolist() == [255, 255, 255]
    assert face[10, 16, 0] > 200 > 100 > face[10, 16, 2]  # yellow
    data = Images(path="emoji").load()
    assert (data.shape, data.count, data.classes) == ((3, 32, 32), len(files), ())


def test_a_missing_font_is_named_with_debians_package(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "emoji"), "--font", "/nowhere/Emoji.ttf"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "/nowhere/Emoji.ttf: no such font; Debian's package fonts-noto-color-emoji has it, or name the file with "
        "--font\n"
    )
    assert not (tmp_path / "emoji").exists()


@needs_font
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "emoji").write_text("a file")
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "emoji")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path}/emoji: cannot be written from {FONT} (")
