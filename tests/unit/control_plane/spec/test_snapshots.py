"""Snapshots are addressed by the hash of their content."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.models import Modality, Operation, Protocol, Tier
from control_plane.spec.snapshots import Backend, canonical, digest


def _backend(operations: frozenset[Operation]) -> Backend:
    return Backend(
        name="a",
        version="1",
        tier=Tier.LIGHT,
        protocol=Protocol.OPENAI,
        urls=("http://h/v1",),
        servedName="a",
        operations=operations,
        modalities=frozenset(Modality),
    )


def test_sets_are_written_in_order() -> None:
    written = _backend(frozenset(Operation)).model_dump(mode="json")
    assert written["operations"] == ["chat", "completions", "embeddings", "infer"]
    assert written["modalities"] == ["image", "text"]


def test_different_parts_have_different_hashes() -> None:
    assert digest(_backend(frozenset({Operation.CHAT}))) != digest(_backend(frozenset({Operation.EMBEDDINGS})))


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans()))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical(value) == canonical(turned)
