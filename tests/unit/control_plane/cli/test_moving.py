"""What is exported is read as the same."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.cli.printing import yaml_text
from control_plane.client.files import parse_documents
from control_plane.publisher import Publisher
from control_plane.spec.documents import in_namespace
from control_plane.store import revisions
from control_plane.store.database import Database
from tests.unit.control_plane.samples import generating, model, parsed, route


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\ufeff", "\r", "\xa0"])
def test_what_is_written_as_yaml_is_read_as_the_same(character: str) -> None:
    document = generating(generation={"systemPrompt": f"{character} {character}a\n{character}"})
    assert parse_documents(yaml_text(document)) == parsed(document)


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_LABELS = st.dictionaries(st.sampled_from(["team", "on", "1e5"]), _TEXTS, max_size=2)


def _labelled(document: dict[str, Any], labels: dict[str, str], namespace: str) -> dict[str, Any]:
    placed = in_namespace(document, namespace)
    return {**placed, "metadata": {**placed["metadata"], "labels": labels}}


_SHOPS = st.builds(
    lambda namespace, labels, threshold, prompt, route_model: [
        _labelled(model(faq={"knowledge": "file:///shop", "threshold": threshold}), labels, namespace),
        _labelled(generating(generation={"systemPrompt": prompt}), labels, namespace),
        _labelled(route(model=route_model), labels, namespace),
    ],
    st.sampled_from(["default", "team", "other"]),
    _LABELS,
    st.floats(0, 1),
    _TEXTS.filter(bool),
    st.none() | st.text("abc/\"'#:{}", min_size=1, max_size=5),
)


@settings(max_examples=min(25, settings().max_examples), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shops=st.lists(_SHOPS, min_size=1, max_size=3, unique_by=lambda one: str(one[0]["metadata"].get("namespace"))))
def test_an_export_applied_to_an_empty_control_plane_makes_the_same_snapshot(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, shops: list[list[dict[str, Any]]]
) -> None:
    documents = [document for one in shops for document in one]
    models = [document["spec"].get("model") for document in documents if document["kind"] == "Route"]
    if len({name for name in models if name}) < len([name for name in models if name]):
        return  # two Routes that answer the same callers do not fit together
    hashes: set[str] = set()
    text = ""
    for _ in range(2):
        file = shutil.copy(empty_database, tmp_path_factory.mktemp("any") / "test.db")
        database = Database(f"sqlite:///{file}")
        publisher = Publisher(database, "http://serve", lambda one: hashes.add(one.sha256))
        publisher.apply(parse_documents(text) if text else parsed(*documents), "alice")
        with database.read() as transaction:
            kept = [head.document for head in revisions.heads(transaction).values()]
        text = "---\n".join(map(yaml_text, kept))
        database.close()
    assert len(hashes) == 1
