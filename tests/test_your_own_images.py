"""The page docs/your-own-images.md: its study, commands, shown output, fields and messages."""

import gzip
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import command_line
import numpy as np
import pytest
from image_folders import pictures, write_folder, write_idx

from gan_core.cache_folder import FOLDER_VARIABLE
from gan_core.data import Images
from studies.file.refusal import Refusal
from studies.file.study import Study

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "your-own-images.md").read_text()
STUDY = "photos.toml"
call = command_line.call


def block(language: str) -> str:
    """The only block of code of a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    return text


FEW = "evaluation.samples=50"  # the images of a test are fewer than the default needs


def commands() -> list[list[str]]:
    lines = re.findall(r"^ {4}gan-study (.*)$", PAGE, flags=re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the study of the page and the folder of photos that it needs."""
    (tmp_path / STUDY).write_text(block("toml"))
    return tmp_path


def same_in_every_run(text: str) -> str:
    """The text without hashes, durations and places."""
    text = re.sub(
        r"decoding took [\d.]+ s; (.* MB) in .*/images/[0-9a-f]{32}", r"decoding took SECONDS; \1 in FOLDER", text
    )
    return re.sub(r"random_conv [0-9a-f]{12}", "random_conv HASH", text)


def test_validate_prints_what_the_page_shows(folder, call):
    write_folder(folder / "photos", pictures(2000, side=40), suffix=".jpg")
    (folder / "photos" / "notes.txt").write_text("my photos")
    answer = call("validate", STUDY)
    assert answer.code == 0, answer.err
    (shown,) = re.findall(r"\n\n```\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert same_in_every_run(answer.out) == same_in_every_run(shown)


def test_every_command_of_the_page_is_understood():
    from typer.main import get_command

    from services.cli.app import app

    assert [name for name, *_ in commands()] == ["new", "validate", "run", "run", "report", "evaluate", "submit"]
    for name, *arguments in commands():
        vars(get_command(app))["commands"][name].make_context(name, arguments)


def test_the_same_images_in_each_form_of_the_page_are_the_same_data(folder):
    images, labels = pictures(70, side=28, channels=1), np.arange(70) % 2
    write_folder(folder / "photos", images, labels)
    np.save(folder / "images.npy", images)
    np.savez(folder / "images.npz", x=images, y=labels)
    write_idx(folder, images, labels, packed=True)
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz", "wb") as other:
        other.write(b"no images")
    forms = re.findall(r"^ {4}data = (\{kind = \"images\".*\})$", PAGE, flags=re.MULTILINE)
    assert len(forms) == 3
    first = Study.load(folder / STUDY, overrides=["data.size=28", FEW]).data.load()
    for form in forms:
        assert Study.load(folder / STUDY, overrides=[f"data={form}", FEW]).data.load().fingerprint == first.fingerprint


def test_the_table_of_the_page_is_data(folder):
    rows = np.random.default_rng(0).normal(size=(100, 3))
    np.savetxt(folder / "measurements.csv", rows, delimiter=",")
    (form,) = re.findall(r"^ {4}data = (\{kind = \"table\".*\})$", PAGE, flags=re.MULTILINE)
    networks = "networks={generator={kind='mlp'},critic={kind='mlp'}}"
    assert Study.load(folder / STUDY, overrides=[f"data={form}", networks, FEW]).data.load().shape == (3,)


def test_settings_of_the_page_are_fields_of_images():
    names = {field.name for field in fields(Images)}
    settings = re.findall(r"^\| `(\w+ = [^`]+)` \|", PAGE, flags=re.MULTILINE)
    assert len(settings) == 10
    for setting in settings:
        (name,) = tomllib.loads(setting)
        assert name in names
        Images(path="photos", **tomllib.loads(setting))


def situations(folder: Path) -> Iterator[str]:
    """Messages and notes of folders and arrays as in the last section of the page."""

    def message(path: str) -> str:
        with pytest.raises(Refusal) as refused:
            Study.load(folder / STUDY, overrides=[f"data.path={folder / path}"])
        return str(refused.value)

    yield message("nowhere")
    (folder / "heic").mkdir()
    for number in range(12):
        (folder / "heic" / f"{number}.heic").write_bytes(b"x")
    yield message("heic")
    write_folder(folder / "mixed", pictures(5))
    write_folder(folder / "mixed", pictures(5), [1] * 5)
    yield message("mixed")
    write_folder(folder / "broken", pictures())
    for name in ("a.png", "b.png"):
        (folder / "broken" / name).write_bytes(b"x")
    yield message("broken")
    np.save(folder / "flat.npy", np.zeros((20, 784), np.uint8))
    yield message("flat.npy")
    np.save(folder / "range.npy", np.full((20, 9, 9), 1e4))
    yield message("range.npy")
    write_folder(folder / "one" / "train", pictures(), [1, 2] * 10)
    yield from Images(path=str(folder / "one")).load().notes
    write_folder(folder / "copies", np.concatenate([pictures(), pictures()[:3]]))
    yield from Images(path=str(folder / "copies")).load().notes
    yield message("copies")
    (folder / "file").write_text("")
    os.environ[FOLDER_VARIABLE] = str(folder / "file")  # the fixture of the cache puts it back
    yield message("copies")


def test_messages_of_the_page_are_those_that_are_printed(folder, monkeypatch):
    printed = list(situations(folder))
    messages = re.findall(r"^\| `([^`]+)` \|", PAGE.partition("## Messages")[2], flags=re.MULTILINE)
    assert len(messages) == 10
    for message in messages[:-1]:  # the last is an outcome's, of test_headline.py
        pattern = ".*".join(re.escape(part) for part in message.split("..."))
        assert any(re.match(pattern, text) for text in printed), message


TINY = "--set budget.steps=20 --set search.explore=1 --set search.exploit.trials=0 --set seeds=1"
TINY += " --set evaluation.measurements=5 --set evaluation.samples=100"


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_commands_and_snippet_of_the_page_run(folder):
    write_folder(folder / "photos", pictures(300, side=40), suffix=".jpg")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GAN_STUDY_NO_TRACKING": "1", "PYTHONPATH": str(ROOT)}

    def shell(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=400
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"

    for name, *arguments in commands():
        if name not in ("new", "submit"):  # `new` would overwrite the page's study
            changed = {"run": TINY, "validate": f"--set {FEW}"}.get(name, "")
            shell("-m", "services", name, *arguments, *shlex.split(changed))
    shell("-c", block("python"))
