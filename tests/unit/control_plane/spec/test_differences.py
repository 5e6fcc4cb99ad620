"""Differences name the place, and what was and will be there."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.compile import compile
from control_plane.spec.differences import MOST, of_contents, of_values
from control_plane.spec.records import Difference
from control_plane.spec.snapshots import Content
from tests.unit.control_plane.samples import model, parsed, route, shop

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_JSON)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert list(of_values(value, value)) == []


def test_the_path_goes_through_mappings_and_lists() -> None:
    assert list(of_values({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}, 4], "c": None})) == [
        Difference(path="a[1].b", before=2, after=3),
        Difference(path="a[2]", before=None, after=4),
    ]


def test_a_changed_route_differs_where_it_was_changed() -> None:
    before, after = (
        compile(parsed(*documents)) for documents in (shop(), [*shop()[:2], route(complexity={"threshold": 0.1})])
    )
    found, complete = of_contents(before, after)
    assert {one.path for one in found} == {"routes[shop].threshold", "routes[shop].revision"}
    assert complete


def test_what_comes_and_goes_is_shown_whole() -> None:
    before, after = (compile(parsed(model(name))) for name in ("old", "new"))
    (came, went), _ = of_contents(before, after)
    assert (came.path, came.before, came.after["name"]) == ("backends[new]", None, "new")
    assert (went.path, went.before["name"], went.after) == ("backends[old]", "old", None)


def test_there_is_an_end_to_it() -> None:
    many = compile(parsed(*(model(f"m{number}") for number in range(MOST + 1))))
    found, complete = of_contents(Content(), many)
    assert (len(found), complete) == (MOST, False)
    assert of_contents(Content(), many.model_copy(update={"backends": many.backends[1:]}))[1]
