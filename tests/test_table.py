"""Tables of numbers of one's own: CSV and Parquet."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gan_core.data import Table
from gan_core.data.table import AUTO_HELD_OUT

pytestmark = pytest.mark.shapes


def numbers(rows=60, columns=3, seed=0):
    return np.random.default_rng(seed).normal([5, -200, 0.01][:columns], [2, 30, 0.001][:columns], (rows, columns))


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "rows.csv"
    pd.DataFrame(numbers(), columns=["age", "income", "ratio"]).to_csv(path, index=False)
    return path


def rows_of(data):
    return sorted(map(tuple, data.every.tolist()))


def test_the_same_rows_in_every_kind_of_file_are_the_same_data(tmp_path, csv):
    frame = pd.read_csv(csv)
    frame.to_csv(tmp_path / "rows.tsv", sep="\t", index=False)
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_csv(tmp_path / "unnamed.csv", header=False, index=False)
    names = ("rows.csv", "rows.tsv", "rows.parquet", "unnamed.csv")
    loaded = [Table(path=str(tmp_path / name)).load() for name in names]
    assert {data.fingerprint for data in loaded} == {loaded[0].fingerprint}
    assert loaded[0].notes == ("columns age, income, ratio, standardised",)


def test_numbers_are_those_of_the_file_unless_they_are_standardised(csv):
    data = Table(path=str(csv), standardise=False).load()
    assert rows_of(data) == sorted(map(tuple, numbers().astype(np.float32).tolist()))
    assert (data.shape, data.bounded, len(data.train), len(data.test)) == ((3,), False, 36, 12)


def test_columns_are_standardised_by_the_training_split_alone(csv):
    as_they_are = Table(path=str(csv), standardise=False).load()
    standardised = Table(path=str(csv)).load()
    np.testing.assert_allclose(standardised.train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(standardised.train.std(0), 1, rtol=1e-6)
    mean, spread = as_they_are.train.mean(0, dtype=np.float64), as_they_are.train.std(0, dtype=np.float64)
    np.testing.assert_allclose(standardised.test, (as_they_are.test - mean) / spread, rtol=1e-3, atol=1e-4)


def test_columns_are_chosen_in_the_order_named(csv):
    chosen = Table(path=str(csv), columns=("ratio", "age"), standardise=False).load()
    expected = numbers()[:, [2, 0]].astype(np.float32)
    assert rows_of(chosen) == sorted(map(tuple, expected.tolist()))


def test_a_limit_takes_rows_by_a_fixed_permutation(csv):
    limited = Table(path=str(csv), limit=20, standardise=False).load()
    assert limited.count == 20
    assert set(rows_of(limited)) < set(rows_of(Table(path=str(csv), standardise=False).load()))
    assert limited.fingerprint == Table(path=str(csv), limit=20, standardise=False).load().fingerprint


def test_held_out_rows_are_a_fifth_and_at_most_2500(tmp_path):
    path = tmp_path / "many.parquet"
    pd.DataFrame(numbers(15000), columns=list("abc")).to_parquet(path)
    sizes = Table(path=str(path)).sizes
    assert (sizes.train, sizes.held_out) == (10000, AUTO_HELD_OUT)
    assert Table(path=str(path), held_out=10).sizes.train == 14980


def test_a_table_that_travels_is_the_same_data(tmp_path, csv):
    data = Table(path=str(csv), columns=("age",))
    name, content = data.portable()
    (tmp_path / name).write_bytes(content)
    assert replace(data, path=str(tmp_path / name)).load().fingerprint == data.load().fingerprint


def written(path, text):
    path.write_text(text)
    return path


ROWS = "\n".join(f"{i},{i % 7}" for i in range(20))


@pytest.mark.parametrize(
    ("name", "text", "settings", "sentence"),
    [
        (
            "x.csv",
            f"a,b\n{ROWS}",
            {"columns": ("c",)},
            "columns: must name columns of .*, which has a, b, but names c$",
        ),
        ("x.csv", f"a,b\n{ROWS}\nx,1", {}, "columns: must name columns of numbers, but a of .* holds string$"),
        ("x.csv", f"a,b\n{ROWS}\n,1", {}, "path: must hold a number in every row, but column a has 1 missing$"),
        ("x.csv", f"a,b\n{ROWS}\ninf,1", {}, "path: must hold finite numbers, but column a holds inf in row 21$"),
        ("x.csv", f"a,b\n{ROWS}\n1,2,3", {}, r"path: must be a table that can be read, but .* is not \("),
        ("x.csv", "a;b\n" + ROWS.replace(",", ";"), {}, "columns: .* may be separated by something else than commas$"),
        ("x.csv", "a,b\n1,2\n3,4", {}, "path: must hold at least 10 rows, but .* holds 2$"),
        ("x.csv", "", {}, "path: must be a table that can be read"),
        (
            "x.csv",
            "a,b\n" + "\n".join(f"{i},4" for i in range(20)),
            {},
            "columns: must leave out b, which has the same",
        ),
        ("x.csv", f"a,b\n{ROWS}", {"held_out": 10}, "held_out: must be <= 9 of the 20 rows, but is 10$"),
        ("x.parquet", "no table", {}, "path: must be a table that can be read"),
        ("x.xlsx", "", {}, r"path: must be a \.csv, \.tsv or \.parquet file, but is "),
    ],
)
def test_a_table_that_no_study_can_use_has_its_sentence(tmp_path, name, text, settings, sentence):
    path = written(tmp_path / name, text)
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Table(path=str(path), **settings).load()


@pytest.mark.parametrize(("path", "but"), [("nowhere.csv", "does not exist"), (".", "is not")])
def test_a_place_without_a_table_has_its_sentence(tmp_path, path, but):
    place = tmp_path / path if path != "." else tmp_path / "folder.csv"
    if path == ".":
        place.mkdir()
    with pytest.raises(ValueError, match=f"^path: must be a file, but .* {but}$"):
        Table(path=str(place)).load()


def test_a_column_without_spread_stays_if_nothing_is_divided_by_it(tmp_path):
    path = written(tmp_path / "x.csv", "a,b\n" + "\n".join(f"{i},4" for i in range(20)))
    data = Table(path=str(path), standardise=False).load()
    assert set(data.every[:, 1].tolist()) == {4.0}
