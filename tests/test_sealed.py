"""Sealed records: what was sealed is read back, and nothing else is."""

import json

import pytest
from ledger_contents import check_sentence

from studies.errors import DamagedError, InputError
from studies.ledger.sealed import FORMAT, checksum, parse_object, refuse_other_format, seal, unseal

RECORD = {"a": [1, 0.5, None], "ä": {"b": "ö"}, "nan": float("inf")}


@pytest.mark.parametrize("indent", [1, None])
def test_a_record_is_read_back(indent: int | None) -> None:
    assert unseal(seal(RECORD, indent=indent), "place") == RECORD


def test_a_sealed_record_holds_the_format_and_a_checksum_of_sorted_json_with_the_format() -> None:
    text = '{"a":1,"format":3}'
    assert json.loads(seal({"a": 1})) == {"format": 3, "checksum": checksum(text.encode()), "a": 1}
    assert checksum(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # FIPS 180-4


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_never_changes_the_record(bit: int) -> None:
    sealed = seal(RECORD)
    for offset in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[offset] ^= 1 << bit
        try:
            assert unseal(bytes(damaged), "place") == RECORD
        except DamagedError as error:
            check_sentence(error)


def test_a_damaged_format_number_is_no_other_format() -> None:
    with pytest.raises(DamagedError, match="its format number is damaged"):
        unseal(seal(RECORD).replace(b'"format": 3', b'"format": 2'), "place")


@pytest.mark.parametrize("number", [1, 2, 4, 99])
def test_another_format_is_refused_in_one_sentence(number: int) -> None:
    with pytest.raises(InputError) as refused:
        unseal(json.dumps({"format": number, "checksum": "?", "a": 1}).encode(), "place")
    assert str(refused.value) == (
        f"place: was written by another version of gan-studies (format {number}, this version reads {FORMAT}); "
        "run the study again with another ledger.root"
    )
    assert not isinstance(refused.value, DamagedError)


@pytest.mark.parametrize("number", [None, True, 3.0, "3"])
def test_a_format_that_is_no_integer_is_damage(number: object) -> None:
    with pytest.raises(DamagedError, match="it has no format number"):
        refuse_other_format(number, "place")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it is empty"),
        (b"\0", "it holds no JSON object"),
        (b"[1]", "it holds no JSON object"),
        (b'{"a": 1', "it holds no JSON object"),
        (b'{"a": "\xff"}', "it holds no JSON object"),
        (b"[" * 100_000, "it holds no JSON object"),
        (b"1" * 10_000, "it holds no JSON object"),
    ],
)
def test_a_text_without_a_json_object_is_damage(text: bytes, reason: str) -> None:
    for read in (parse_object, unseal):
        with pytest.raises(DamagedError) as refused:
            read(text, "place")
        assert refused.value.reason == reason


@pytest.mark.parametrize("depth", range(100, 1000, 50))
def test_a_nested_record_is_damage_at_every_depth(depth: int) -> None:
    """Python parses some depths that it cannot write again."""
    with pytest.raises(DamagedError):
        unseal(b'{"format": 3, "checksum": "", "a": ' + b"[" * depth + b"]" * depth + b"}", "place")
