"""`tiermesh prompt` and `tiermesh approval`: what is said to models, and who may change it."""

import json
from pathlib import Path

import httpx2
import pytest
import yaml

from control_plane.client.http import Client
from control_plane.server import Addresses
from control_plane.settings import ControlPlaneSettings
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.samples import generating, model, parsed, prompt, route


@pytest.fixture
def settings(empty_registry: Path, tmp_path: Path) -> ControlPlaneSettings:
    """A control plane whose MLflow has its schema already."""
    copied(empty_registry, tmp_path / "home")
    return ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0, follow_seconds=3600)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A prompt's first version."""
    return written(tmp_path, "Speak {{language}}.")


def written(folder: Path, text: str) -> Path:
    file = folder / "support.yaml"
    document = prompt(template=text, message="as asked")
    document["metadata"]["annotations"] = {"tiermesh.dev/commit": "0123456789abcdef"}
    file.write_text(yaml.safe_dump(document))
    return file


def test_a_prompt_is_pushed_listed_rendered_compared_and_pulled(tiermesh: Run, file: Path, tmp_path: Path) -> None:
    assert tiermesh("prompt", "push", file).out == "support/1 written\n"
    assert tiermesh("prompt", "push", file).out == "support/1 unchanged: the newest version says the same\n"
    written(tmp_path, "Speak {{language}} well.")
    pushed = json.loads(tiermesh("prompt", "push", file, "-o", "json").out)
    assert (pushed[0]["created"], pushed[0]["version"]["version"], pushed[0]["version"]["commit"]) == (
        True, 2, "0123456789abcdef",
    )  # fmt: skip
    assert "support/1" not in tiermesh("prompt", "list").out
    versions = json.loads(tiermesh("prompt", "list", "support", "-o", "json").out)
    assert [one["version"] for one in versions] == [2, 1]
    assert "as asked" in tiermesh("prompt", "list", "support").out
    rendered = json.loads(tiermesh("prompt", "render", "support/1", "--var", "language=German", "-o", "json").out)
    assert rendered["messages"] == [{"role": "system", "content": "Speak German."}]
    compared = tiermesh("prompt", "diff", "support/1", "support/2")
    assert compared.code == 1 and "+template: Speak {{language}} well." in compared.out
    assert tiermesh("prompt", "diff", "support", "-f", file).code == 0
    assert json.loads(tiermesh("prompt", "diff", "support/1", "-f", file, "-o", "json").out)["differs"] is True
    target = tmp_path / "pulled.yaml"
    assert tiermesh("prompt", "pull", "support/1", "-f", target).code == 0
    assert tiermesh("prompt", "push", target).out == "support/3 written\n"
    assert yaml.safe_load(tiermesh("prompt", "pull", "support").out)["spec"]["template"] == "Speak {{language}}."


def test_what_does_not_parse_is_not_pushed(tiermesh: Run, file: Path) -> None:
    file.write_text(file.read_text().replace("}}", "}"))
    ran = tiermesh("prompt", "push", file)
    assert ran.code == 1 and "line 1, column 7: {{ begins no variable" in ran.err
    assert json.loads(tiermesh("prompt", "list", "-o", "json").out) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("render", "support"), 1, "needs the variable 'language'"),
        (("render", "support", "--var", "language=a", "--var", "tone=b"), 1, "has no variable 'tone'"),
        (("render", "support", "--var", "language"), 2, "is not NAME=VALUE"),
        (("render", "support@prodution"), 1, "has no alias 'prodution'"),
        (("render", "support/x y"), 1, "is neither a version's number nor an alias"),
        (("pull", "suport"), 1, "Did you mean 'support'?"),
        (("diff", "support"), 2, "There is nothing to compare with"),
        (("diff", "support", "support/9"), 2, "has no version 9"),
    ],
)
def test_what_is_wrong_is_said_with_the_cure(
    tiermesh: Run, file: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    tiermesh("prompt", "push", file)
    ran = tiermesh("prompt", *arguments)
    assert ran.code == code
    assert words in " ".join(ran.err.replace("│", " ").split())


def test_a_protected_alias_moves_when_a_second_person_approves(
    tiermesh: Run, addresses: Addresses, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiermesh("prompt", "push", file)
    monkeypatch.setenv("LOGNAME", "alice")
    asked = tiermesh("prompt", "alias", "support", "production", 1, "--reason", "first")
    assert asked.code == 1 and "Ask somebody for 'tiermesh approval approve 1'." in asked.err
    assert "cannot approve it" in tiermesh("approval", "approve", 1).err
    monkeypatch.setenv("LOGNAME", "bob")
    assert "pending" in tiermesh("approval", "list").out
    assert tiermesh("approval", "approve", 1).out == (
        "Move alias 'production' of prompt 'support' to version 1: approved.\n"
    )
    assert [one["state"] for one in json.loads(tiermesh("approval", "list", "-o", "json").out)] == ["approved"]
    assert "There is no request 7" in tiermesh("approval", "reject", 7).err
    with Client(addresses.api) as client:
        said = {"name": "support", "alias": "production", "variables": {"language": "German"}}
        client.apply(parsed(model(), generating(), route(prompt=said)), "bob")
    assert tiermesh("prompt", "alias", "support", "canary", 1).out.endswith("No Route's prompt changes.\n")
    listed = json.loads(tiermesh("prompt", "list", "-o", "json").out)
    assert listed == [
        {"name": "support", "newest": 1, "aliases": {"canary": 1, "production": 1}, "routes": ["shop"], "drift": []}
    ]


def test_a_document_and_its_drift_are_shown(tiermesh: Run, file: Path, tmp_path: Path) -> None:
    assert "Prompt/support created" in tiermesh("apply", "-f", file).out
    assert "language" in tiermesh("get", "prompts").out
    assert "yes" in tiermesh("describe", "prompt", "support").out.split("In step with MLflow")[1].splitlines()[0]
    tiermesh("prompt", "push", written(tmp_path, "Something else."))
    assert "newest (2) differs from the document" in tiermesh("prompt", "list").out
    assert "newest (2) differs" in tiermesh("describe", "prompt", "support").out


def test_the_api_refuses_what_does_not_parse_and_names_the_field(api: httpx2.Client) -> None:
    chat = [{"role": "user", "content": "{{a"}]
    wrong = {"template": "{{a"}, {"chat": chat}, {"text": "a"}, 7
    fields = "prompt.template", "prompt.chat[0].content", "prompt", "prompt"
    for said, field in zip(wrong, fields, strict=True):
        answered = api.post("/v1/registry/prompts/support/versions", json={"prompt": said})
        assert (answered.status_code, answered.json()["errors"][0]["field"]) == (422, field)
    for path in ("support/versions/x y", "support/versions/0", "support/versions/99999999999", "a b/versions"):
        assert api.get(f"/v1/registry/prompts/{path}").status_code == 400, path
    assert api.put("/v1/registry/prompts/support/aliases/latest", json={"version": 1}).status_code == 400
