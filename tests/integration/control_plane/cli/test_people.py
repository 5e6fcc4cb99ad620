"""`tiermesh token` and `tiermesh whoami`, and who the other commands are."""

import ast
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import control_plane.cli
from control_plane.server import Addresses
from control_plane.settings import ControlPlaneSettings
from tests.control_plane_server import running
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.people import issue

_DOCUMENTATION = Path(__file__).parents[4] / "docs" / "people.md"


@pytest.fixture
def settings(tmp_path: Path) -> ControlPlaneSettings:
    """A control plane that lets nobody in without a token."""
    return ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0, open_on_loopback=False)


@pytest.fixture
def addresses(settings: ControlPlaneSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Addresses]:
    """Where it listens; this process has no token yet."""
    for variable in ("TIERMESH_TOKEN", "TIERMESH_TOKEN_FILE"):
        monkeypatch.setenv(variable, "")
    with running(settings) as found:
        yield found


@pytest.fixture
def admin(tiermesh: Run, settings: ControlPlaneSettings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command of somebody with the first start's token."""
    monkeypatch.setenv("TIERMESH_TOKEN_FILE", str(settings.home / "admin-token"))
    return tiermesh


def test_without_a_token_the_error_names_the_cure(tiermesh: Run) -> None:
    ran = tiermesh("get", "models")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "A token is needed" in ran.err
    assert "'tiermesh token create' makes one; the command takes it from TIERMESH_TOKEN or --token-file." in ran.err


def test_an_expired_token_says_so_with_the_cure(
    tiermesh: Run, settings: ControlPlaneSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERMESH_TOKEN", issue(settings, "old", "admin@*", ended="expired"))
    ran = tiermesh("get", "models")
    assert (ran.code, "'old' expired on" in ran.err, "tiermesh token create" in ran.err) == (1, True, True)


def test_a_token_is_made_shown_once_used_and_taken_back(admin: Run, tmp_path: Path) -> None:
    made = admin("token", "create", "alice-laptop", "--for", "alice", "--grant", "operator@shop", "--grant", "viewer@*")
    first, secret = made.out.strip().split("\n")
    assert "Token alice-laptop of alice, operator@shop, viewer@*, until " in first
    (tmp_path / "alice").write_text(f"{secret}\n")
    who = admin("--token-file", tmp_path / "alice", "whoami").out
    assert who.split("\n")[1].split() == ["alice", "token", "alice-laptop", "127.0.0.1", "operator@shop,", "viewer@*"]
    assert secret not in admin("token", "list").out
    refused = admin("--token-file", tmp_path / "alice", "token", "list")
    assert (refused.code, "this needs admin" in refused.err) == (1, True)


def test_a_token_taken_back_lets_nobody_in(admin: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = json.loads(admin("token", "create", "ci", "--grant", "viewer@*", "-o", "json").out)["secret"]
    assert admin("token", "revoke", "ci", "--reason", "leaked").out == "Token ci of ci is revoked.\n"
    states = {one["name"]: bool(one["revokedAt"]) for one in json.loads(admin("token", "list", "-o", "json").out)}
    assert states == {"admin": False, "ci": True}
    monkeypatch.setenv("TIERMESH_TOKEN_FILE", "")
    monkeypatch.setenv("TIERMESH_TOKEN", secret)
    assert "'ci' was revoked" in admin("whoami").err


def test_a_routers_token_needs_no_role_and_one_without_end_says_so(admin: Run) -> None:
    made = admin("token", "create", "router-1", "--router", "--days", "0")
    assert "Token router-1 of router-1, router, until it is revoked; shown this once:" in made.out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["ci"], "give it a role with --grant"),
        (["ci", "--grant", "king@shop"], "'king' is no role"),
        (["ci", "--grant", "viewer"], "names no namespace"),
    ],
)
def test_a_token_that_could_do_nothing_is_wrong_usage(run: Run, arguments: list[str], why: str) -> None:
    ran = run("token", "create", *arguments)
    assert (ran.code, why in _words(ran.err)) == (2, True)


def test_whoami_is_for_programs_too(admin: Run) -> None:
    assert '"via": "token admin"' in admin("whoami", "-o", "json").out
    assert "via: token admin" in admin("whoami", "-o", "yaml").out


def test_the_author_is_who_the_token_stands_for(admin: Run, tmp_path: Path) -> None:
    document = tmp_path / "acme.yaml"
    document.write_text("apiVersion: tiermesh.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {}\n")
    assert admin("apply", "-f", document).code == 0
    assert " admin " in admin("describe", "tenant", "acme").out
    assert admin("key", "create", "acme").code == 0
    assert admin("delete", "tenant", "acme").code == 0


def test_whoever_may_view_one_namespace_sees_it_alone_and_no_snapshot(
    admin: Run, settings: ControlPlaneSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "acme.yaml"
    document.write_text("apiVersion: tiermesh.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {}\n")
    for space in ("default", "team"):
        assert admin("apply", "-f", document, "-n", space).code == 0
    monkeypatch.setenv("TIERMESH_TOKEN_FILE", "")
    monkeypatch.setenv("TIERMESH_TOKEN", issue(settings, "tina", "operator@team"))
    described = admin("describe", "tenant", "acme", "-n", "team").out
    assert described.startswith("Tenant team/acme: generation 1\n")
    assert "Published" not in described
    assert [line.split()[0] for line in admin("get", "tenants", "-n", "*").out.splitlines()] == ["NAME", "team/acme"]
    assert admin("export", "-o", "json").out.count('"kind": "Tenant"') == 1
    refused = [admin("get", "tenants"), admin("export", "-n", "default"), admin("apply", "-f", document)]
    assert [(ran.code, "in the namespace 'default'" in ran.err) for ran in refused] == [(1, True)] * 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "it is no text"),
        (b"tmt-a b", "characters that no token has"),
        (b"", "characters"),
    ],
)
def test_a_tokens_file_that_holds_none_is_named_and_not_repeated(
    tiermesh: Run, tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    ran = tiermesh("--token-file", file, "whoami")
    assert (ran.code, why in ran.err, "tmt-a" in ran.err) == (1, True, False)


def test_what_the_documentation_says_to_type_works(admin: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for line in _DOCUMENTATION.read_text(encoding="utf-8").splitlines() if line.startswith("tiermesh ")]
    anchor = ""
    for line in lines:
        words = [anchor if word.endswith("…") else word for word in shlex.split(line)[1:]]
        ran = admin(*words)
        assert ran.code == 0, (line, ran.err)
        anchor = ran.err.split()[-1] if "the anchor is" in ran.err else anchor
    assert len(lines) == 9


def test_no_command_asks_without_the_callers_token() -> None:
    folder = Path(control_plane.cli.__file__).parent
    calls = {
        file.name
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Client")
    }
    assert calls == {"options.py"}


def _words(text: str) -> str:
    """The text without the frames and the line breaks of a terminal."""
    return " ".join(text.replace("│", " ").split())
