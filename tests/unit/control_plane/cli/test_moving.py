"""Documents out of a mesh, and one out, changed and in again."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_plane.cli.printing import yaml_text
from control_plane.client.files import parse_documents
from control_plane.client.http import Client
from control_plane.publisher import Publisher
from control_plane.spec.documents import in_namespace
from control_plane.store import revisions
from control_plane.store.database import Database
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.samples import generating, model, parsed, route, shop, tenant


def _team() -> list[dict[str, Any]]:
    return [in_namespace(document, "team") for document in (model(), route(tiers={"light": ["faq"]}))]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_an_export_applied_again_changes_nothing(tiermesh: Run, client: Client, tmp_path: Path, form: str) -> None:
    client.apply(parsed(*shop(), *_team(), tenant(keys=[{"name": "web", "sha256": "a" * 64}])), "alice")
    file = tmp_path / f"all.{form}"
    file.write_text(tiermesh("export", "-o", form).out)
    assert "resourceVersion" not in file.read_text()
    said = tiermesh("apply", "-f", file).out
    assert said.count("unchanged") == 6
    assert "Route/team/shop unchanged (generation 1)" in said


def test_an_export_may_be_of_one_namespace(tiermesh: Run, client: Client) -> None:
    client.apply(parsed(*shop(), *_team()), "alice")
    assert json.loads(tiermesh("export", "-n", "team", "-o", "json").out) == _team()
    assert len(list(yaml.safe_load_all(tiermesh("export", "-n", "default").out))) == 3


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
    tmp_path_factory: pytest.TempPathFactory, shops: list[list[dict[str, Any]]]
) -> None:
    documents = [document for one in shops for document in one]
    models = [document["spec"].get("model") for document in documents if document["kind"] == "Route"]
    if len({name for name in models if name}) < len([name for name in models if name]):
        return  # two Routes that answer the same callers do not fit together
    hashes: set[str] = set()
    text = ""
    for _ in range(2):
        database = Database(f"sqlite:///{tmp_path_factory.mktemp('any') / 'test.db'}")
        database.migrate()
        publisher = Publisher(database, "http://serve", lambda one: hashes.add(one.sha256))
        publisher.apply(parse_documents(text) if text else parsed(*documents), "alice")
        with database.read() as transaction:
            kept = [head.document for head in revisions.heads(transaction).values()]
        text = "---\n".join(map(yaml_text, kept))
        database.close()
    assert len(hashes) == 1


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes $EDITOR a program that runs these lines with the file's `path`."""

    def become(*lines: str) -> None:
        script = tmp_path / "editor.py"
        script.write_text("\n".join(["import sys, pathlib", "path = pathlib.Path(sys.argv[1])", *lines]))
        monkeypatch.setenv("EDITOR", shlex.join([sys.executable, str(script)]))
        monkeypatch.delenv("VISUAL", raising=False)

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return become


_REPLACE = "path.write_text(path.read_text().replace('0.9', '0.5'))"


def _drafts(folder: Path) -> list[Path]:
    return list(folder.glob("model-faq-*.yaml"))


def test_an_edit_is_applied_and_leaves_no_file(tiermesh: Run, client: Client, editor: Any, tmp_path: Path) -> None:
    client.apply(parsed(model()), "alice")
    editor(_REPLACE)
    assert "Model/faq changed (generation 2)" in tiermesh("edit", "model", "faq", "--reason", "braver").out
    assert client.revisions("Model", "faq")[0].reason == "braver"
    assert _drafts(tmp_path) == []


def test_an_edit_that_changes_nothing_writes_nothing(
    tiermesh: Run, client: Client, editor: Any, tmp_path: Path
) -> None:
    client.apply(parsed(model()), "alice")
    editor("pass")
    assert tiermesh("edit", "model", "faq").out == "Nothing was changed.\n"
    assert _drafts(tmp_path) == []


def test_an_edit_of_what_somebody_else_changed_loses_neither(
    tiermesh: Run, client: Client, editor: Any, tmp_path: Path
) -> None:
    client.apply(parsed(model()), "alice")
    interfere = (
        "from control_plane.client.http import Client; from tests.unit.control_plane.samples import model, parsed"
    )
    editor(interfere, f"Client({client.url!r}).apply(parsed(model(version='2')), 'carol')", _REPLACE)
    ran = tiermesh("edit", "model", "faq")
    assert ran.code == 1
    assert "was written from resourceVersion 1, and it is at 2 now, by carol" in ran.err
    assert "+    threshold: 0.5" in ran.err
    (draft,) = _drafts(tmp_path)
    assert str(draft) in ran.err
    assert "threshold: 0.5" in draft.read_text()
    assert client.revisions("Model", "faq")[0].author == "carol"


def test_an_edit_that_is_no_document_stays_in_its_file(
    tiermesh: Run, client: Client, editor: Any, tmp_path: Path
) -> None:
    client.apply(parsed(model()), "alice")
    editor("path.write_text('kind: [')")
    ran = tiermesh("edit", "model", "faq")
    assert (ran.code, str(_drafts(tmp_path)[0]) in ran.err) == (1, True)


@pytest.mark.parametrize(("name", "said"), [("/no/such/editor", "does not start"), ("false", "ended with 1")])
def test_an_editor_that_fails_changes_nothing(
    tiermesh: Run, client: Client, editor: Any, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    client.apply(parsed(model()), "alice")
    monkeypatch.setenv("EDITOR", name)
    ran = tiermesh("edit", "model", "faq")
    assert (ran.code, said in ran.err) == (1, True)
    assert len(client.revisions("Model", "faq")) == 1
