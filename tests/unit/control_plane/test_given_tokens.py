"""Tokens whose secrets somebody else made: known at the start, exchanged with their secret, never weak."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from control_plane.auth.tokens import fingerprint, mint
from control_plane.client.http import Client
from control_plane.given_tokens import Given, know, read
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Role, Token
from control_plane.store import audit, tokens
from control_plane.store.database import Database
from tests.control_plane_server import running

GRANTS = {"admin": "admin@*", "operator": "operator@shop, viewer@*", "router": "router"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a Secret with all of them is mounted."""
    for name in GRANTS:
        (tmp_path / name).write_text(f"{mint()}\n")
    return tmp_path


def _known(database: Database, given: Given) -> Token | None:
    with database.read() as transaction:
        return tokens.by_sha256(transaction, fingerprint(given.secret))


def test_each_may_do_what_is_said_and_its_making_is_audited(database: Database, folder: Path) -> None:
    given = read(folder, GRANTS)
    know(database, given)
    admin, operator, router = (_known(database, one) for one in given)
    assert admin is not None and operator is not None and router is not None
    assert (admin.person, admin.bindings[0].role, admin.router) == ("admin", Role.ADMIN, False)
    assert [str(binding) for binding in operator.bindings] == ["operator@shop", "viewer@*"]
    assert (router.bindings, router.router) == ((), True)
    with database.read() as transaction:
        entries = audit.some(transaction, None, None, 10)
    assert {entry.action for entry in entries} == {"token create"}
    assert len(entries) == 3
    assert not any(one.secret in str(entries) + repr(one) for one in given)


def test_a_second_start_changes_nothing(database: Database, folder: Path) -> None:
    for _ in range(2):
        know(database, read(folder, GRANTS))
    with database.read() as transaction:
        assert len(tokens.every(transaction)) == len(audit.some(transaction, None, None, 10)) == 3


def test_another_secret_takes_the_place_of_the_one_before(database: Database, folder: Path) -> None:
    (before,) = read(folder, {"router": "router"})
    know(database, (before,))
    (folder / "router").write_text(mint())
    (after,) = read(folder, {"router": "router"})
    know(database, (after,))
    old, new = _known(database, before), _known(database, after)
    assert old is not None and new is not None
    assert (old.revoked_at is None, old.revoked_by, new.revoked_at) == (False, "control-plane", None)


def test_other_roles_for_the_same_secret_hold_from_then_on(database: Database, folder: Path) -> None:
    know(database, read(folder, {"operator": "operator@*"}))
    (given,) = read(folder, {"operator": "operator@shop, viewer@*"})
    know(database, (given,))
    known = _known(database, given)
    assert known is not None
    assert [str(binding) for binding in known.bindings] == ["operator@shop", "viewer@*"]


def test_what_a_person_revoked_stays_revoked(
    database: Database, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (given,) = read(folder, {"router": "router"})
    know(database, (given,))
    with database.write() as transaction:
        tokens.revoke(transaction, given.token_name, "alice", tokens.every(transaction)[0].created_at)
    know(database, (given,))
    known = _known(database, given)
    assert known is not None and known.revoked_by == "alice"
    assert "a given token was revoked" in caplog.text


@pytest.mark.parametrize("secret", ["", "tmt-", "tmt-short", "x" * 60, "tmt-" + "a" * 42, "tmt-" + "a b" * 20])
def test_a_secret_that_could_be_guessed_is_refused_and_not_repeated(secret: str, tmp_path: Path) -> None:
    (tmp_path / "admin").write_text(secret)
    with pytest.raises(TiermeshError, match="is no token") as raised:
        read(tmp_path, {"admin": "admin@*"})
    assert raised.value.code is Code.SETUP
    assert len(secret) < 5 or secret not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match=f"cannot be read from {tmp_path}/router"):
        read(tmp_path, {"router": "router"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"admin": "admin"}', "names no namespace"),
        ('{"admin": "king@*"}', "is no role"),
        ('{"admin": 1}', "one JSON object"),
        ("[]", "one JSON object"),
        ("admin", "write it as JSON"),
        ('{"../etc/passwd": "admin@*"}', "pattern"),
    ],
)
def test_grants_that_say_nothing_clear_are_refused(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERMESH_CONTROL_PLANE_GIVEN_TOKENS", text)
    monkeypatch.setenv("TIERMESH_CONTROL_PLANE_GIVEN_TOKENS_FOLDER", str(tmp_path))
    with pytest.raises(TiermeshError, match=message):
        ControlPlaneSettings.load()


def test_tokens_and_their_folder_need_each_other(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="GIVEN_TOKENS_FOLDER need each other"):
        ControlPlaneSettings.load(given_tokens_folder=tmp_path)
    with pytest.raises(TiermeshError, match="GIVEN_TOKENS_FOLDER need each other"):
        ControlPlaneSettings.load(given_tokens=GRANTS)


def test_a_control_plane_that_is_given_an_admin_makes_no_other(folder: Path, settings: ControlPlaneSettings) -> None:
    given = settings.model_copy(
        update={"given_tokens": GRANTS, "given_tokens_folder": folder, "open_on_loopback": False}
    )
    with running(given) as addresses:
        assert not (settings.home / "admin-token").exists()
        secret = (folder / "admin").read_text().strip()
        with Client(addresses.api, token=SecretStr(secret)) as client:
            assert client.whoami().name == "admin"
            assert len(client.tokens()) == 3
