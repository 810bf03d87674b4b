"""Entries: an entry is what was committed, held against checksums and addresses."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from ledger_contents import MEASURED, content, row

from studies.design import canonical, content_address, evaluation_address
from studies.errors import DamagedError
from studies.ledger.curves import Curves
from studies.ledger.entries import Entry, GeneratorSnapshots, checked_row, entry_row, from_row, to_row
from studies.ledger.sealed import checksum
from studies.ledger.segments import Row, Segment, segment_name, to_segment


def entry_of(row: Row) -> Entry:
    """The entry in a segment of this row alone, whose facts have a right checksum."""
    packed = to_segment([row])
    segment = Segment(BytesIO(packed), segment_name(packed), "place")
    (light,) = segment.light_rows()
    return from_row(light, "place", partial(segment.heavy, 0))


def forged(change: Callable[[dict[str, Any]], Any]) -> Row:
    """A row whose facts were changed, and their checksum computed again."""
    facts = json.loads(row(0).facts)
    changed = change(facts)
    return replace(row(0), facts=json.dumps(facts if changed is None else changed))


def test_an_entry_returns_what_was_committed() -> None:
    seeds, rng = [7, 9], np.random.default_rng(0)
    curves = Curves.from_evaluations(seeds, [0, 3], [{"a": [1.0, np.nan]}, {"a": [-0.0, np.inf], "b": [2.0, 3.0]}])
    snapshots = GeneratorSnapshots((3,), {"w": (2, 2), "b": ()}, rng.random((1, 2, 2, 5), np.float32))
    samples = {"last": rng.random((2, 3)).astype(np.float16)}
    identity, evaluation = {"seeds": seeds}, {"split": "test"}
    facts = {
        "address": content_address(identity),
        "identity": identity,
        "evaluation_address": evaluation_address(evaluation),
        "evaluation": evaluation,
        "nonfinite_step": [None, None],
        **MEASURED,
    }
    entry = entry_of(to_row(facts, curves, generators=snapshots, samples=samples, log=["one", "two"]))
    assert entry.key == f"{content_address(identity)}.{evaluation_address(evaluation)}"
    assert entry.address == facts["address"]
    texts = {name: canonical(facts[name]) for name in ("identity", "evaluation")}
    assert {name: entry.facts[name] for name in facts} == {**facts, **texts}
    assert (entry.facts["seeds"], entry.facts["steps"], entry.facts["metrics"]) == ([7, 9], [0, 3], ["a", "b"])
    assert entry.curves.values.tobytes() == curves.values.tobytes()
    assert entry.curves.measured.tolist() == [[True, True], [False, True]]
    kept = entry.generators()
    assert (kept.steps, kept.shapes, kept.averaged) == ((3,), {"w": (2, 2), "b": ()}, True)
    assert kept.values.tobytes() == snapshots.values.tobytes()
    assert entry.samples()["last"].tobytes() == samples["last"].tobytes()
    assert entry.log() == "one\ntwo\n"


def test_an_entry_written_again_is_the_same_entry() -> None:
    first = entry_of(row(1))
    assert content(entry_of(entry_row(first))) == content(first)


def test_parameters_are_views_of_the_flat_values_by_name() -> None:
    values = np.arange(2 * 2 * 3 * 4, dtype=np.float32).reshape(2, 2, 3, 4)
    snapshots = GeneratorSnapshots((0, 9), {"w": (1, 3), "b": ()}, values)
    last = snapshots.parameters(-1)
    assert torch.equal(last["w"], torch.tensor([[[24.0, 25, 26]], [[28.0, 29, 30]], [[32.0, 33, 34]]]))
    assert torch.equal(last["b"], torch.tensor([27.0, 31, 35]))
    assert torch.equal(snapshots.parameters(0, average=True)["b"], torch.tensor([15.0, 19, 23]))
    assert torch.equal(snapshots.chosen([1, 0, 1])["b"], torch.tensor([27.0, 7, 35]))


# -- damage ------------------------------------------------------------------------------------------------------------


def test_an_edited_fact_is_refused() -> None:
    packed = to_segment([row(0)])
    segment = Segment(BytesIO(packed), segment_name(packed), "place")
    (light,) = segment.light_rows()
    edited = replace(light, facts=light.facts.replace('"nonfinite_step": [null', '"nonfinite_step": [5'))
    assert edited.facts != light.facts
    with pytest.raises(DamagedError, match=f"the checksum of the facts of {light.key} is wrong"):
        from_row(edited, "place", partial(segment.heavy, 0))


@pytest.mark.parametrize(
    ("column", "reason"),
    [("values", "the curves"), ("generators", "the generators"), ("samples", "the samples")],
)
def test_a_column_of_another_entry_is_refused(column: str, reason: str) -> None:
    mixed = replace(row(0), **{column: getattr(row(1), column)})
    with pytest.raises(DamagedError, match=f"the checksum of {reason} of .* is wrong"):
        entry_row(entry_of(mixed))


def test_swapped_rows_are_refused() -> None:
    """Each row holds the other's facts; every checksum of a column alone is right."""
    first, second = row(0), row(1)
    packed = to_segment([replace(first, facts=second.facts), replace(second, facts=first.facts)])
    segment = Segment(BytesIO(packed), segment_name(packed), "place")
    for light in segment.light_rows():
        with pytest.raises(DamagedError, match=f"{light.key} is not the address of the trial that it holds"):
            checked_row(segment, light)


def forge_identity(facts: dict[str, Any]) -> None:
    facts["identity"] = facts["identity"].replace('"index":0', '"index":99')


def forge_address(facts: dict[str, Any]) -> None:
    forge_identity(facts)
    facts["address"] = content_address(facts["identity"])


def forge_evaluation(facts: dict[str, Any]) -> None:
    facts["evaluation"] = facts["evaluation"].replace("test", "validation")


@pytest.mark.parametrize("forge", [forge_identity, forge_address, forge_evaluation])
def test_an_identity_that_does_not_hash_to_the_address_is_refused(forge: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(DamagedError, match="is not the address of the trial that it holds"):
        entry_of(forged(forge))


def nested(facts: dict[str, Any]) -> dict[str, Any]:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    return {**facts, "identity": deep}


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda facts: [facts],
    "text": lambda facts: "facts",
    "nothing": lambda facts: {},
    "identity a list": lambda facts: {**facts, "identity": []},
    "no checksums": lambda facts: {**facts, "checksums": []},
    "no seeds": lambda facts: {name: value for name, value in facts.items() if name != "seeds"},
    "other seeds": lambda facts: {**facts, "seeds": [3, 5]},
    "one seed": lambda facts: {**facts, "seeds": [3]},
    "fractional steps": lambda facts: {**facts, "steps": [0, 5.5, 10]},
    "huge steps": lambda facts: {**facts, "steps": [0, 5, 2**70]},
    "many steps": lambda facts: {**facts, "steps": list(range(10**5))},
    "metrics of numbers": lambda facts: {**facts, "metrics": [1, 2, 3]},
    "unmeasured a list": lambda facts: {**facts, "unmeasured": [1]},
    "unmeasured beyond": lambda facts: {**facts, "unmeasured": {"w1": [3]}},
    "unmeasured unknown": lambda facts: {**facts, "unmeasured": {"x": [1]}},
    "nested": nested,
}


@pytest.mark.parametrize("change", CHANGES)
def test_forged_facts_are_refused_in_a_sentence(change: str) -> None:
    if change == "nested":
        text = row(0).facts.replace('"identity": "', '"deep": ' + "[" * 900 + "]" * 900 + ', "identity": "')
        packed = replace(row(0), facts=text)
        assert entry_of(packed).key == row(0).key  # deep facts are read, since nothing has to hash them
    with pytest.raises(DamagedError) as refused:
        entry_of(forged(CHANGES[change]))
    assert str(refused.value).startswith("place: is damaged or foreign (")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "snapshots",
    [None, [], {}, {"steps": 1, "parameters": {}, "shape": []}, {"steps": [0], "parameters": {}, "shape": [7, -1]}],
)
def test_forged_shapes_of_generators_are_refused(snapshots: Any) -> None:
    entry = entry_of(forged(lambda facts: {**facts, "snapshots": snapshots}))
    with pytest.raises(DamagedError, match=r"the generators of .* cannot be read"):
        entry.generators()


def with_samples(samples: bytes) -> Row:
    def change(facts: dict[str, Any]) -> None:
        facts["checksums"]["samples"] = checksum(samples)

    return replace(forged(change), samples=samples)


def test_forged_samples_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pickled, bomb = BytesIO(), BytesIO()
    np.savez(pickled, last=np.array([{}], dtype=object))
    np.savez_compressed(bomb, last=np.zeros(10**6))
    monkeypatch.setattr("studies.ledger.entries.LARGEST_SAMPLES", 10**6)
    for samples in (b"", b"PK", pickled.getvalue(), bomb.getvalue()):
        with pytest.raises(DamagedError, match=r"the samples of .* cannot be read"):
            entry_of(with_samples(samples)).samples()
