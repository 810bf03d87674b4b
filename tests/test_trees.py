"""Trees of tables and lists: leaves, tables, lookup, substitution, differences."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.file.trees import Tree, by_path, contains, differences, leaves, lookup, substitute, tables

TREE: Tree = {
    "name": "small",
    "data": {"kind": "digits", "sizes": [3, 5]},
    "conditions": [{"name": "a", "training": {"lr": {"uniform": [0.1, 0.2]}}}, {"name": "b"}],
    "empty": {},
}

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
KEYS = st.text("abc", min_size=1, max_size=2)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
    ),
    max_size=3,
)


# -- leaves ------------------------------------------------------------------------------------------------------


def test_leaves_are_the_values_with_their_paths_in_order() -> None:
    assert list(leaves(TREE)) == [
        (("name",), "small"),
        (("data", "kind"), "digits"),
        (("data", "sizes", "0"), 3),
        (("data", "sizes", "1"), 5),
        (("conditions", "0", "name"), "a"),
        (("conditions", "0", "training", "lr", "uniform", "0"), 0.1),
        (("conditions", "0", "training", "lr", "uniform", "1"), 0.2),
        (("conditions", "1", "name"), "b"),
    ]


def test_a_table_or_list_may_count_as_a_leaf() -> None:
    assert list(leaves(TREE["conditions"], lambda value: value == {"uniform": [0.1, 0.2]})) == [
        (("0", "name"), "a"),
        (("0", "training", "lr"), {"uniform": [0.1, 0.2]}),
        (("1", "name"), "b"),
    ]
    assert list(leaves(TREE, lambda value: value is TREE)) == [((), TREE)]


def test_a_scalar_is_its_own_leaf_and_tuples_are_lists() -> None:
    assert list(leaves(3)) == [((), 3)]
    assert list(leaves({"betas": (0.5, 0.9)})) == [(("betas", "0"), 0.5), (("betas", "1"), 0.9)]


@given(TREES)
def test_lookup_at_the_path_of_a_leaf_gives_the_leaf(tree: Tree) -> None:
    for parts, value in leaves(tree):
        assert lookup(tree, parts) is value
        assert contains(tree, parts)


# -- tables ------------------------------------------------------------------------------------------------------


def test_tables_are_all_tables_the_outermost_first() -> None:
    conditions = TREE["conditions"]
    training = conditions[0]["training"]
    assert list(tables(TREE)) == [TREE, TREE["data"], conditions[0], training, training["lr"], conditions[1], {}]


@pytest.mark.parametrize("tree", [3, "text", None, [], [1, [2]], ()])
def test_a_tree_without_tables_has_none(tree: Any) -> None:
    assert list(tables(tree)) == []


# -- lookup ------------------------------------------------------------------------------------------------------


def test_lookup_goes_through_tables_and_lists() -> None:
    assert lookup(TREE, ("conditions", "1", "name")) == "b"
    assert lookup(TREE, ("data", "sizes", "1")) == 5
    assert lookup(TREE, ()) is TREE


@pytest.mark.parametrize(
    "parts",
    [
        ("nothing",),
        ("name", "deeper"),
        ("conditions", "2"),
        ("conditions", "-1"),
        ("conditions", "name"),
        ("data", "sizes", "x"),
        ("empty", "key"),
    ],
)
def test_lookup_of_a_path_that_does_not_exist_raises_with_the_path(parts: tuple[str, ...]) -> None:
    with pytest.raises(KeyError, match=".".join(parts)):
        lookup(TREE, parts)
    assert not contains(TREE, parts)


def test_contains_does_not_confuse_a_missing_value_with_none() -> None:
    assert contains({"key": None}, ("key",))
    assert not contains({}, ("key",))


# -- substitution ------------------------------------------------------------------------------------------------


def test_substitute_replaces_values_tables_and_list_elements_at_their_paths() -> None:
    values = {"conditions.0.training.lr": 0.15, "data.sizes.1": 7, "name": "other", "empty": 1}
    assert substitute(TREE, values) == {
        "name": "other",
        "data": {"kind": "digits", "sizes": [3, 7]},
        "conditions": [{"name": "a", "training": {"lr": 0.15}}, {"name": "b"}],
        "empty": 1,
    }


def test_substitute_leaves_the_tree_itself_unchanged() -> None:
    tree: Tree = {"a": {"b": [1, 2]}}
    changed = substitute(tree, {"a.b.0": 3})
    assert (changed, tree) == ({"a": {"b": [3, 2]}}, {"a": {"b": [1, 2]}})


def test_substitute_takes_the_path_of_the_tree_itself() -> None:
    assert substitute({"lr": 1, "batch": 2}, {"training.lr": 3, "lr": 4}, "training") == {"lr": 3, "batch": 2}
    assert substitute({"lr": 1}, {"training": 5}, "training") == 5


def test_substitute_adds_no_path_that_does_not_exist() -> None:
    assert substitute({"a": 1}, {"b": 2, "a.c": 3}) == {"a": 1}


@given(TREES)
def test_substituting_every_leaf_by_itself_gives_an_equal_tree(tree: Tree) -> None:
    assert substitute(tree, {".".join(parts): value for parts, value in leaves(tree)}) == tree


# -- values by dotted path ---------------------------------------------------------------------------------------


def test_by_path_gives_values_by_dotted_path_and_takes_lists_as_values() -> None:
    assert by_path({"a": 1, "b": {"c": [1, {"d": 2}], "e": {"f": None}}, "g": {}}) == {
        "a": 1,
        "b.c": [1, {"d": 2}],
        "b.e.f": None,
    }


# -- differences -------------------------------------------------------------------------------------------------


def test_differences_are_the_paths_with_the_old_and_the_new_value() -> None:
    old = {"a": 1, "b": {"c": [1, 2], "d": 3}, "gone": 4}
    new = {"a": 1, "b": {"c": [1, 3], "d": 3}, "added": {"e": 5}}
    assert list(differences(old, new)) == [
        ("b.c", [1, 2], [1, 3]),
        ("gone", 4, None),
        ("added", None, {"e": 5}),
    ]


def test_a_table_in_place_of_a_value_is_one_difference() -> None:
    assert list(differences({"a": {"b": 1}}, {"a": 2})) == [("a", {"b": 1}, 2)]


@given(TREES, TREES)
def test_equal_trees_have_no_differences_and_exchanged_trees_the_same_paths(one: Tree, other: Tree) -> None:
    assert not list(differences(one, one))
    exchanged = {path: (old, new) for path, new, old in differences(other, one)}
    assert exchanged == {path: (old, new) for path, old, new in differences(one, other)}
