from pathlib import Path
from typing import Any

import pytest

from services.preflight import Probed, _refuse, code, refuse_other_versions, versions
from studies.errors import InputError

PROBED: dict[str, Any] = {
    "node": "abcdef0123",
    "written": True,
    "problem": None,
    "versions": versions(),
    "origins": {"gan_core": "/x/gan_core", "studies": "/x/studies", "services": "/x/services"},
    "code": code(),
}


@pytest.mark.parametrize(
    ("change", "visible", "sentence"),
    [
        ({"problem": "cannot write there (Read-only file system)"}, False, "ledger.root: /l must be storage that all"),
        (
            {},
            False,
            "ledger.root: /l must be storage that all nodes share, but node abcdef01 writes to another storage",
        ),
        ({"versions": {**versions(), "torch": "1.0"}}, True, "node abcdef01: must run torch .* but runs 1.0"),
        ({"code": "other"}, True, "node abcdef01: must run the gan-studies of the driver"),
        ({"origins": {"services": ""}}, True, "node abcdef01: must have gan-studies installed, but has no package"),
    ],
)
def test_a_node_that_cannot_take_part_is_refused_in_one_sentence(change, visible, sentence, monkeypatch):
    monkeypatch.setattr("services.preflight._short", lambda node: node[:8])
    with pytest.raises(InputError, match=f"^{sentence}"):
        _refuse(Probed(**{**PROBED, **change}), Path("/l"), visible=visible)


def test_a_node_that_can_take_part_is_not_refused(monkeypatch):
    monkeypatch.setattr("services.preflight._short", lambda node: node[:8])
    _refuse(Probed(**PROBED), Path("/l"), visible=True)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ("0123 4567", "others"),
        ("data.path: must be a folder", r"none \(data\.path: must be a folder\)"),
    ],
)
def test_a_node_with_other_samples_is_refused(samples, reason, monkeypatch):
    monkeypatch.setattr("services.preflight._short", lambda node: node[:8])
    sentence = f"data.path: must hold the same samples on every node, but holds {reason} on node abcdef01; put them"
    with pytest.raises(InputError, match=f"^{sentence}"):
        _refuse(Probed(**PROBED, samples=samples), Path("/l"), visible=True, samples="0123 89ab")
    _refuse(Probed(**PROBED, samples="0123 89ab"), Path("/l"), visible=True, samples="0123 89ab")


@pytest.mark.parametrize("version", ["numerics", "metrics"])
def test_a_study_checked_with_another_version_is_refused(version):
    with pytest.raises(InputError, match=f"must run the version of the {version} of gan-studies"):
        refuse_other_versions({**versions(), version: "0"})
