"""Snapshots are addressed by the hash of their content."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from control_plane.spec.compile import compile
from control_plane.spec.models import Modality, Operation, Protocol, Tier
from control_plane.spec.snapshots import SCHEMA_VERSION, Backend, Content, Snapshot, canonical, digest
from tests.unit.control_plane.samples import experiment, generating, model, parsed, route, shop, tenant


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


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("routes", "name", "shop\r\nx-admin: yes"),
        ("routes", "model", "shop\nx"),
        ("routes", "revision", "a\r\nb"),
        ("backends", "name", "faq\0"),
        ("backends", "version", "1 2"),
        ("backends", "urls", ["http://x/v1\r\nhost: y"]),
        ("backends", "apiKeyFromEnv", "HOME"),
        ("tenants", "name", "acme\n"),
    ],
)
def test_what_would_stand_in_headers_or_read_the_environment_is_refused(part: str, field: str, value: Any) -> None:
    content = compile(parsed(*shop(), tenant())).model_dump(mode="json")
    content[part][0][field] = value
    with pytest.raises(ValidationError, match=field):
        Content.model_validate(content)


def _of_schema_6(value: Any) -> Any:
    """The same without what schema 7 added."""
    if isinstance(value, dict):
        added = ("router", "compare", "leastSimilarity")
        return {name: _of_schema_6(part) for name, part in value.items() if name not in added}
    return [_of_schema_6(part) for part in value] if isinstance(value, list) else value


def test_a_snapshot_of_the_schema_before_has_its_hash_and_one_that_was_changed_has_not() -> None:
    semantic: dict[str, Any] = {"cache": {"semantic": {"maxErrorRate": 0.01}}}
    arms = [{"name": "control"}, {"name": "candidate", "override": semantic}]
    content = compile(parsed(model(), generating(), route(**semantic), experiment(arms=arms)))
    before = hashlib.sha256(canonical(_of_schema_6(content.model_dump(mode="json")))).hexdigest()
    said = {"number": 1, "author": "alice", "reason": "", "createdAt": datetime(2026, 1, 1, tzinfo=UTC)}
    old = Snapshot(schemaVersion=SCHEMA_VERSION - 1, sha256=before, content=content, **said)
    assert old.has_its_hash
    assert not old.model_copy(update={"content": compile(parsed(*shop()))}).has_its_hash
