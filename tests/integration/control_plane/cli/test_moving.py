"""Documents out of a mesh, and one out, changed and in again."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_plane.client.http import Client
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.documents import in_namespace
from tests.control_plane_server import running
from tests.learned import NAME, complexity, text
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.samples import model, parsed, route, shop, tenant


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


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_an_export_into_a_folder_is_all_that_another_control_plane_needs(
    tiermesh: Run, client: Client, tmp_path: Path, form: str
) -> None:
    client.keep_artifact(NAME, text())
    client.apply(parsed(*shop(), route("learned", complexity=complexity())), "alice")
    said = tiermesh("export", "--out", tmp_path / "mesh", "-o", form)
    assert (said.code, "4 documents and 1 learned routers" in said.err) == (0, True)
    assert sorted(file.name for file in (tmp_path / "mesh").iterdir()) == [f"{NAME}.router.json", f"documents.{form}"]
    assert (tmp_path / "mesh" / f"{NAME}.router.json").read_text() == text()
    files = {file: file.read_bytes() for file in (tmp_path / "mesh").iterdir()}
    assert tiermesh("export", "--out", tmp_path / "mesh", "-o", form).code == 0
    assert {file: file.read_bytes() for file in (tmp_path / "mesh").iterdir()} == files
    assert tiermesh("apply", "-f", tmp_path / "mesh").out.count("unchanged") == 4
    settings = ControlPlaneSettings.load(home=tmp_path / "other", port=0, admin_port=0)
    with running(settings) as other, Client(other.api) as elsewhere:
        assert tiermesh("apply", "-f", tmp_path / "mesh", "--server", other.api).code == 0
        assert elsewhere.snapshot().sha256 == client.snapshot().sha256


def test_a_printed_export_says_what_it_cannot_hold(tiermesh: Run, client: Client) -> None:
    client.apply(parsed(*shop()), "alice")
    assert tiermesh("export").err == ""
    client.keep_artifact(NAME, text())
    client.apply(parsed(route(complexity=complexity())), "alice")
    assert f"learned routers ({NAME})" in tiermesh("export").err


def test_an_export_never_mixes_with_other_documents(tiermesh: Run, client: Client, tmp_path: Path) -> None:
    client.apply(parsed(*shop()), "alice")
    (tmp_path / "ours.yaml").write_text("kind: Model")
    said = tiermesh("export", "--out", tmp_path)
    assert (said.code, "holds ours.yaml, which would be applied with what is written" in said.err) == (1, True)
    assert [file.name for file in tmp_path.glob("*.*")] == ["ours.yaml"]
    said = tiermesh("export", "--out", tmp_path / "ours.yaml")
    assert (said.code, "cannot be written" in said.err) == (1, True)


def test_an_export_that_fails_on_the_way_leaves_what_was_there(tiermesh: Run, client: Client, tmp_path: Path) -> None:
    client.apply(parsed(*shop()), "alice")
    assert tiermesh("export", "--out", tmp_path / "mesh").code == 0
    before = (tmp_path / "mesh" / "documents.yaml").read_bytes()
    client.keep_artifact(NAME, text())
    client.apply(parsed(route(complexity=complexity())), "alice")
    (tmp_path / "mesh" / f"{NAME}.router.json").mkdir()
    assert tiermesh("export", "--out", tmp_path / "mesh").code == 1
    assert (tmp_path / "mesh" / "documents.yaml").read_bytes() == before
    assert [file.name for file in (tmp_path / "mesh").glob(".*")] == []


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
