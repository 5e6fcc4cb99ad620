"""The YAML that the form shows is the document, whatever stands in it."""

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from tests.integration.console.conftest import Plane

_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text("ab \n:#-'\"|>&*!%@`{}[],?\t", max_size=12),
    st.sampled_from(
        ["yes", "No", "null", "~", "0x1f", "1_000", "1e3", "2026-01-31", "12:30:45", "=", "<<", ".inf", "a: b"]
    ),
)
_NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=8,
)


def test_what_is_written_is_read_back_the_same(page: Page, plane: Plane) -> None:
    page.goto(plane.url)
    page.evaluate("import('/console/yaml.js').then(module => { globalThis.write = module.write })")

    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.dictionaries(_TEXTS, _VALUES, max_size=4), min_size=20, max_size=20))
    def holds(documents: list[dict[str, Any]]) -> None:
        texts = page.evaluate("text => JSON.parse(text).map(each => globalThis.write(each))", json.dumps(documents))
        for document, text in zip(documents, texts, strict=True):
            assert _same(yaml.safe_load(text), document), text

    holds()


def test_a_document_is_written_as_people_write_it(page: Page, plane: Plane) -> None:
    page.goto(plane.url)
    document = {
        "kind": "Experiment",
        "spec": {
            "arms": [{"name": "control", "weight": 50}, {"name": "b"}],
            "rubric": "Be brief.\nBe kind.\n",
            "on": ["1", "no", "a, b"],
            "empty": {},
        },
    }
    text = page.evaluate("document => import('/console/yaml.js').then(module => module.write(document))", document)
    assert (
        text
        == """kind: Experiment
spec:
  arms:
    - name: control
      weight: 50
    - name: b
  rubric: |
    Be brief.
    Be kind.
  "on":
    - "1"
    - "no"
    - a, b
  empty: {}
"""
    )


def _same(one: Any, other: Any) -> bool:
    """As JSON has it: whole numbers are numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other)):
        return float(one) == float(other)
    return bool(one == other) and type(one) is type(other)
