"""Drift."""

import copy
import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from operators.render import Object, differs
from tests.unit.operators.render.test_schemas import objects

RENDERED = st.sampled_from(objects())
FOREIGN = st.dictionaries(
    st.from_regex("added[a-z]{1,4}", fullmatch=True), st.one_of(st.booleans(), st.text(), st.integers()), max_size=2
)
AS_WRITTEN: dict[str, str | float] = {"500m": 0.5, "2Gi": "2048Mi", "1Gi": "1024Mi", "2": 2, "1": "1000m"}


def pod(**container: Any) -> Object:
    containers = [{"name": "main", **container}]
    return {"kind": "Deployment", "spec": {"template": {"spec": {"containers": containers}}}}


@hypothesis.given(RENDERED)
def test_nothing_differs_from_itself(one: Object) -> None:
    assert not differs(one, json.loads(json.dumps(one)))


@hypothesis.given(RENDERED, st.data())
def test_nothing_differs_from_itself_as_a_server_stores_it(one: Object, data: st.DataObject) -> None:
    def stored(value: Any, holds: bool = False) -> Any:
        if isinstance(value, dict):
            kept = {name: stored(inner, name in ("limits", "requests")) for name, inner in value.items()}
            return {name: inner for name, inner in kept.items() if inner not in ({}, "")} | data.draw(FOREIGN)
        if isinstance(value, list):
            return [stored(inner) for inner in value]
        return AS_WRITTEN.get(value, value) if holds else value

    assert not differs(one, stored(one))


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """To every value that is not empty and holds no other."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path for key, held in inner for path in paths(held, (*before, key))]
    return found or ([before] if value not in ({}, [], "") else [])


@hypothesis.given(RENDERED, st.data())
def test_whatever_is_changed_differs(one: Object, data: st.DataObject) -> None:
    *way, last = data.draw(st.sampled_from([path for path in paths(one) if path[0] not in ("kind", "apiVersion")]))
    changed = copy.deepcopy(one)
    place: Any = changed
    for step in way:
        place = place[step]
    if isinstance(last, str) and data.draw(st.booleans()):
        del place[last]
    else:
        place[last] = {"changed": True}
    assert differs(one, changed)


def test_one_amount_in_two_forms_is_no_difference_where_amounts_stand_and_one_elsewhere() -> None:
    asked = pod(resources={"limits": {"memory": "1Gi", "nvidia.com/gpu": "1"}}, env=[{"name": "A", "value": "1"}])
    same = pod(resources={"limits": {"memory": "1024Mi", "nvidia.com/gpu": 1}}, env=[{"name": "A", "value": "1"}])
    assert not differs(asked, same)
    assert differs(asked, pod(resources={"limits": {"memory": "1G", "nvidia.com/gpu": "1"}}))
    assert differs(pod(env=[{"name": "A", "value": "1"}]), pod(env=[{"name": "A", "value": "1000m"}]))


def test_what_others_add_to_a_list_that_is_merged_is_theirs() -> None:
    asked = pod(env=[{"name": "A", "value": "1"}])
    others = pod(env=[{"name": "B", "value": "2"}, {"name": "A", "value": "1"}])
    others["spec"]["template"]["spec"]["containers"].insert(0, {"name": "sidecar"})
    assert not differs(asked, others)
    assert differs(pod(args=["a"]), pod(args=["a", "b"]))


def test_what_others_add_to_a_list_that_is_replaced_as_a_whole_is_drift() -> None:
    asked = {"kind": "InferenceService", "spec": {"predictor": {"volumes": [{"name": "a"}]}}}
    added = {"kind": "InferenceService", "spec": {"predictor": {"volumes": [{"name": "a"}, {"name": "b"}]}}}
    assert differs(asked, added)


@pytest.mark.parametrize(("asked", "live"), [(True, 1), (0, False), (1, "1"), (False, None)])
def test_values_of_two_types_differ(asked: object, live: object) -> None:
    assert differs({"kind": "Service", "spec": {"one": asked}}, {"kind": "Service", "spec": {"one": live}})
