import json
import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from clusters import PASSWORD, STUDY
from image_folders import pictures, write_folder

import services.package
from gan_core.cache_folder import FOLDER_VARIABLE
from gan_core.data import Images
from services.package import pack, refuse_shadow
from services.preflight import versions
from studies.errors import InputError
from studies.file.study import Study


@pytest.fixture
def study_file(tmp_path):
    folder = tmp_path / "beside"
    folder.mkdir()
    (folder / "study.toml").write_text(STUDY)
    return folder / "study.toml"


def packed(file, **changes):
    return pack(Study.load(file), file, **{"attempt": 1, "versions": versions(), "git": None, **changes})


def test_the_archive_has_the_resolved_study_and_the_modules_of_its_folder(study_file):
    folder = study_file.parent
    (folder / "mine.py").write_text("x = 1")
    (folder / "parts" / "__pycache__").mkdir(parents=True)
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "parts" / "weights.bin").write_bytes(b"1")
    (folder / "parts" / "__pycache__" / "a.pyc").write_bytes(b"1")
    (folder / ".env").write_text(f"PASSWORD={PASSWORD}")
    (folder / "notes").mkdir()
    (folder / "notes" / "big.txt").write_text("no module")
    with zipfile.ZipFile(BytesIO(packed(study_file))) as archive:
        names = archive.namelist()
        submission = json.loads(archive.read("submission.json"))
    assert names == ["submission.json", "study.toml", "mine.py", "parts/__init__.py", "parts/weights.bin"]
    assert submission["study"] == Study.load(study_file).table()


def test_equal_files_give_equal_archives(study_file):
    first = packed(study_file)
    os.utime(study_file, (1, 1))
    assert packed(study_file) == first != packed(study_file, attempt=2)


@pytest.mark.parametrize("name", ["services", "studies", "gan_core"])
def test_a_users_package_with_the_name_of_one_of_gan_studies_is_refused(study_file, name):
    (study_file.parent / name).mkdir()
    (study_file.parent / name / "__init__.py").write_text("")
    with pytest.raises(InputError, match=f"would replace the package {name} of gan-studies on the workers$"):
        packed(study_file)


def test_a_users_module_with_the_name_of_one_of_python_is_refused():
    with pytest.raises(InputError, match=r"would replace Python's own random on the workers$"):
        refuse_shadow(Path("random.py"))


def test_an_archive_above_the_limit_is_refused_with_its_size_and_largest_file(study_file, monkeypatch):
    monkeypatch.setattr(services.package, "MAX_BYTES", 2**20)
    (study_file.parent / "data.py").write_bytes(os.urandom(3 * 2**20))
    with pytest.raises(
        InputError, match=r"must fit into 1 MiB, .* take 3 MiB; move data out of them, first .*data\.py$"
    ):
        packed(study_file)


# --- data that are sent


@pytest.fixture
def study_of_images(study_file, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    write_folder(study_file.parent / "photos", pictures(120), [1, 2] * 60)
    data = 'data = {kind = "images", path = "photos", size = 8}\nevaluation = {samples = 50}\n'
    study_file.write_text(data + STUDY.replace("[evaluation]\nmeasurements = 10\n", ""))
    return study_file


def test_the_archive_has_the_hash_of_the_images_and_the_images_themselves_only_if_asked(study_of_images, tmp_path):
    loaded = Study.load(study_of_images).data.load()
    for send_data, names in ((False, []), (True, ["images.npz"])):
        with zipfile.ZipFile(BytesIO(packed(study_of_images, send_data=send_data))) as archive:
            submission = json.loads(archive.read("submission.json"))
            assert archive.namelist() == ["submission.json", "study.toml", *names]
            archive.extractall(tmp_path / "sent")
        assert submission["data_fingerprint"] == loaded.fingerprint
        assert submission.get("sent_data") == (names[0] if names else None)
    sent = Images(path=str(tmp_path / "sent" / "images.npz"), size=8).load()
    assert sent.fingerprint == loaded.fingerprint
    assert sent.labels_fingerprint == loaded.labels_fingerprint


def test_images_above_the_limit_are_refused_with_their_size(study_of_images, monkeypatch):
    monkeypatch.setattr(services.package, "MAX_BYTES", 2**12)
    sentence = (
        r"^--send-data: must fit into 0 MiB, Ray's limit, but data and modules take 0 MiB; put the data at data\.path"
    )
    with pytest.raises(InputError, match=sentence):
        packed(study_of_images, send_data=True)
    assert len(packed(study_of_images)) < 2**12


def test_data_that_are_of_no_file_cannot_be_sent(study_file):
    with pytest.raises(InputError, match=r"^--send-data: must be used with data of files, but data\.kind is digits$"):
        packed(study_file, send_data=True)
