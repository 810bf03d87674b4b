"""Images on a cluster: at the same path on every node, others on one node, on none of them, and sent with the study."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from clusters import STUDY, RayCluster, can_mount, ray_cluster
from image_folders import pictures, write_folder

from studies.ledger.ledger import Ledger

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]
NODES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


@dataclass(frozen=True)
class Images:
    """A cluster, a study file, and folders of images on this machine.

    shared   the same on every node
    differs  with one image more on the last node
    alone    empty on every node
    """

    cluster: RayCluster
    study: Path
    shared: Path
    differs: Path
    alone: Path

    def submit(self, name: str, path: Path, root: Path, *options: str):
        """Submit a study of two short trials on the images at a path."""
        settings = (
            f"name={name}",
            f"ledger.root={root}",
            f"data={{kind='images',path='{path}',size=8}}",
            "budget.steps=40",
            "evaluation={measurements=5,samples=50}",
            "search={explore=1,exploit={trials=0},confirm={best=0}}",
        )
        assignments = [word for setting in settings for word in ("--set", setting)]
        return self.cluster.cli("submit", self.study, *assignments, *options)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    if not can_mount():
        pytest.skip("the nodes need files of their own (unshare --mount)")
    folder = tmp_path_factory.mktemp("images")
    (folder / "cluster").mkdir()
    (folder / "empty").mkdir()
    (folder / "small.toml").write_text(STUDY)
    for name in ("shared", "differs", "alone"):
        write_folder(folder / name, pictures(120), ["cat", "dog"] * 60)
    write_folder(folder / "other", pictures(121), ["cat", "dog"] * 60 + ["cat"])
    mounts = {node: {folder / "alone": folder / "empty"} for node in NODES}
    mounts[NODES[-1]][folder / "differs"] = folder / "other"
    with ray_cluster(folder / "cluster", mounts=mounts) as cluster:
        yield Images(cluster, folder / "small.toml", *(folder / name for name in ("shared", "differs", "alone")))


def test_a_study_runs_on_images_at_the_same_path_of_every_node(images, tmp_path):
    ran = images.submit("shared", images.shared, tmp_path / "ledger")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(Ledger(tmp_path / "ledger").committed()) == 2
    assert not (tmp_path / "ledger" / "data").exists()


def test_a_node_with_other_images_is_named_in_one_sentence(images, tmp_path):
    ran = images.submit("differs", images.differs, tmp_path / "ledger")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    sentence = "gan-study: data.path: must hold the same samples on every node, but holds others on node "
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("gan-study: ")]
    assert line.startswith(sentence)
    assert line.endswith(" (127.0.0.4); put them there, or send them with gan-study submit --send-data")
    assert "Traceback" not in ran.stdout + ran.stderr
    assert Ledger(tmp_path / "ledger").committed() == set()


def test_images_that_no_node_has_are_named_and_can_be_sent(images, tmp_path):
    refused = images.submit("alone", images.alone, tmp_path / "ledger")
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert f"gan-study: data.path: must hold images (.png, .jpg, .webp, .gif, .bmp, .tif), but {images.alone}" in (
        refused.stdout
    )
    assert "gan-study submit --send-data" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr
    sent = images.submit("alone", images.alone, tmp_path / "ledger", "--send-data")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert len(Ledger(tmp_path / "ledger").committed()) == 2
    (content,) = (tmp_path / "ledger" / "data").iterdir()
    assert content.name.endswith("-images.npz")


def test_sent_images_are_the_same_study_as_those_of_the_folder(images, tmp_path):
    """The addresses of the trials are equal, so nothing is trained again."""
    here = images.submit("first", images.shared, tmp_path / "ledger")
    there = images.submit("second", images.shared, tmp_path / "ledger", "--send-data")
    assert (here.returncode, there.returncode) == (0, 0), there.stdout + there.stderr
    assert len(Ledger(tmp_path / "ledger").committed()) == 2
