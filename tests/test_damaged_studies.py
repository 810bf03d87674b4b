"""Damage anywhere in a ledger: after another run the tables are those before, or one sentence says why not."""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from tiny import SMALLER, ledger_of, run_without_ray, study_in

from studies.design import payload
from studies.errors import GanStudyError
from studies.execution.pack_training import PackTraining
from studies.file.study import Study
from studies.ledger.unfinished import TrialEnd
from studies.locate import results
from studies.tables.results import Results

TABLES = ("trials", "members", "curves", "ranking")
FLIPS = 50
"""Number of random bits that are flipped in each object, one at a time."""


def tables_of(study: Study) -> dict[str, pd.DataFrame]:
    """Every table, without the seconds that training took."""
    found: Results = results(study.name, root=study.ledger.root)
    return {name: getattr(found, name).drop(columns="elapsed_seconds", errors="ignore") for name in TABLES}


@dataclass(frozen=True)
class Undamaged:
    """A study of which two trials are not finished, the tables of the finished one, and another study's ledger."""

    study: Study
    tables: dict[str, pd.DataFrame]
    other: Path


@pytest.fixture(scope="module")
def undamaged(finished_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Undamaged:
    folder = tmp_path_factory.mktemp("undamaged")
    shutil.copytree(finished_study.ledger.root, folder / "ledger")
    study = replace(finished_study, ledger=replace(finished_study.ledger, root=str(folder / "ledger")))
    _leave_unfinished(study)
    (folder / "other").mkdir()
    other = study_in(folder / "other", *SMALLER, "training.batch=4", "search.explore=1")
    run_without_ray(other)
    return Undamaged(study, tables_of(finished_study), Path(other.ledger.root))


def _leave_unfinished(study: Study) -> None:
    """Take two finished trials back: one to its checkpoint, one to an end without a result."""
    ledger = ledger_of(study)
    specs = {trial.spec.name: trial.spec for trial in results(study.name, root=ledger.root).trial_records}
    stopped, ended = specs["wgan-confirm-0"], specs["gan-explore-1"]
    ledger.remove([stopped.key, ended.key])
    training = PackTraining(json.loads(payload([stopped])), ledger.unfinished(stopped.key))
    while training.iteration < 15:
        training.advance(0.001)
    training.save_checkpoint()
    for spec in (stopped, ended):
        ledger.unfinished(spec.key).mark_started("127.0.0.1")
    ledger.unfinished(ended.key).record_end(TrialEnd(state="error", reason="ValueError: no", detail="Traceback"))


# -- damage ------------------------------------------------------------------------------------------------------------

Damage = Callable[[Path], None]


def flip(path: Path, *, at: float, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 1 << bit
    path.write_bytes(content)


def cut(path: Path, *, at: float) -> None:
    path.write_bytes(path.read_bytes()[: int(at * path.stat().st_size)])


def replaced(path: Path, *, content: bytes) -> None:
    path.write_bytes(content)


def swap(path: Path, *, other: Path) -> None:
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def into_folder(path: Path, *, file: str | None) -> None:
    path.unlink()
    path.mkdir()
    if file is not None:
        (path / file).write_text("foreign")


def into_link(path: Path, *, target: str) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved") if target == "itself" else target)


def renamed(path: Path) -> None:
    path.rename(path.with_name(f"0{path.name[1:]}"))


def of_another_user(path: Path) -> None:
    os.chown(path, 12345, -1)


def parent_into_file(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("foreign")


def parent_into_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to(path.parent.with_name("elsewhere"))


def parent_removed(path: Path) -> None:
    shutil.rmtree(path.parent)


CONTENTS = (
    b"",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b"[]",
    b"{}",
    b"null",
    b'{"format": 99}',
    b'{"format": 3}',
    b"PAR1PAR1",
)


def damages(
    key: str, keys: list[str], root: Path, *, flips: int, chance: random.Random
) -> Iterator[tuple[str, Damage]]:
    """Ways to damage the object `key`, each with its name."""
    for number in range(flips):
        yield f"flip {number}", partial(flip, at=chance.random(), bit=chance.randrange(8))
    for share in (0.01, 0.3, 0.7, 0.999):
        yield f"cut at {share}", partial(cut, at=share)
    for content in CONTENTS:
        yield f"content {content[:8]!r}", partial(replaced, content=content)
    kind = (key.partition("/")[0], key.rpartition("/")[2].partition(".")[2])
    for other in keys:
        if other != key and (other.partition("/")[0], other.rpartition("/")[2].partition(".")[2]) == kind:
            yield f"swapped with {other}", partial(swap, other=root / other)
    for file in (None, "file"):
        yield f"folder with {file}", partial(into_folder, file=file)
    for target in ("itself", "/etc/passwd", "/nothing"):
        yield f"link to {target}", partial(into_link, target=target)
    for damage in (renamed, of_another_user, Path.unlink, parent_into_file, parent_into_link, parent_removed):
        if damage is not of_another_user or os.geteuid() == 0:
            yield damage.__name__, damage


def sentence_or_same_tables(study: Study, expected: dict[str, pd.DataFrame], case: str) -> str:
    """An empty text if a run gives these tables, and the sentence that takes their place otherwise."""
    try:
        ended = run_without_ray(study)
        found = tables_of(study)
    except GanStudyError as error:
        return str(error)
    assert (ended.without_result, ended.interrupted) == ([], False), case
    for name in TABLES:
        pd.testing.assert_frame_equal(found[name], expected[name], check_exact=True, obj=f"{case}: {name}")
    return ""


def cases(undamaged: Undamaged, *, flips: int) -> list[tuple[str, str, Damage]]:
    root = Path(undamaged.study.ledger.root)
    keys = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert {key.partition("/")[0] for key in keys} == {"trials", "running", "studies"}
    chance = random.Random(4)
    return [
        (key, name, damage) for key in keys for name, damage in damages(key, keys, Path(), flips=flips, chance=chance)
    ]


def damaged(undamaged: Undamaged, key: str, damage: Damage, folder: Path) -> Study:
    """The study in a copy of its ledger of which one object is damaged."""
    root = folder / "ledger"
    shutil.copytree(undamaged.study.ledger.root, root)
    here = os.getcwd()
    os.chdir(root)  # names of other objects are relative
    try:
        damage(root / key)
    finally:
        os.chdir(here)
    return replace(undamaged.study, ledger=replace(undamaged.study.ledger, root=str(root)))


def refused(undamaged: Undamaged, chosen: list[tuple[str, str, Damage]], folder: Path) -> dict[str, str]:
    """Run the study with each damage; the sentences that took the place of the tables, by case."""
    found = {}
    for number, (key, name, damage) in enumerate(chosen):
        case, place = f"{key}: {name}", folder / str(number)
        sentence = sentence_or_same_tables(damaged(undamaged, key, damage, place), undamaged.tables, case)
        assert "\n" not in sentence, case
        if sentence:
            found[case] = sentence
        shutil.rmtree(place)
    return found


def test_after_a_run_the_tables_are_those_before_the_damage(undamaged: Undamaged, tmp_path: Path) -> None:
    kinds: dict[tuple[str, str], tuple[str, str, Damage]] = {}
    for case in random.Random(7).sample(every := cases(undamaged, flips=2), len(every)):
        kinds.setdefault((case[0].partition("/")[0], case[1].partition(" ")[0]), case)
    chosen = random.Random(1).sample(list(kinds.values()), 10)
    assert refused(undamaged, chosen, tmp_path) == {}


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_after_a_run_the_tables_are_those_before_any_damage(undamaged: Undamaged, tmp_path: Path) -> None:
    left = refused(undamaged, cases(undamaged, flips=FLIPS), tmp_path)
    # a run does not touch what another version wrote, as a damaged digit of the format makes believe
    assert [case for case, text in left.items() if "was written by another version of gan-studies" not in text] == []
