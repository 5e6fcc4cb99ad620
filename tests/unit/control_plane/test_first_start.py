"""The first start makes one admin, and tells one reader."""

import io
import stat
from pathlib import Path

import pytest

from control_plane.auth.tokens import fingerprint
from control_plane.first_start import make_admin, shown
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Role
from control_plane.store import audit, tokens
from control_plane.store.database import Database
from tests.control_plane_server import running


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_token_is_an_admins_and_its_making_is_audited(database: Database) -> None:
    told: list[str] = []
    make_admin(database, told.append)
    with database.read() as transaction:
        token = tokens.by_sha256(transaction, fingerprint(told[0]))
        (entry,) = audit.some(transaction, None, None, 10)
    assert token is not None
    assert [(one.role, one.namespace) for one in token.bindings] == [(Role.ADMIN, "*")]
    assert (entry.action, entry.who, told[0] in str(entry)) == ("token create", "control-plane", False)


def test_a_second_start_makes_none_even_where_the_first_was_revoked(database: Database) -> None:
    told: list[str] = []
    make_admin(database, told.append)
    with database.write() as transaction:
        tokens.revoke(transaction, "admin", "bob", tokens.every(transaction)[0].created_at)
    make_admin(database, told.append)
    assert len(told) == 1


def test_what_cannot_be_shown_is_not_made(database: Database, tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="admin's token cannot be written") as raised:
        make_admin(database, shown(io.StringIO(), tmp_path / "no" / "admin-token"))
    assert raised.value.code is Code.SETUP
    with database.read() as transaction:
        assert tokens.every(transaction) == []


def test_a_terminal_shows_it_and_no_file_keeps_it(tmp_path: Path) -> None:
    terminal = _Terminal()
    shown(terminal, tmp_path / "admin-token")("tmt-secret")
    assert terminal.getvalue() == "The admin's token, shown this once:\ntmt-secret\n"
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_a_file_for_the_owner_alone_keeps_it_and_no_log_does(tmp_path: Path) -> None:
    log, file = io.StringIO(), tmp_path / "admin-token"
    target = tmp_path / "elsewhere"
    file.symlink_to(target)  # somebody would like to have it written somewhere else
    shown(log, file)("tmt-secret")
    assert (file.read_text(), log.getvalue(), target.exists()) == ("tmt-secret\n", "", False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_control_plane_that_starts_says_it_in_the_file_alone(
    settings: ControlPlaneSettings, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with running(settings):
        secret = (settings.home / "admin-token").read_text().strip()
    said = capfd.readouterr()
    assert secret.startswith("tmt-")
    assert secret not in said.out + said.err + caplog.text
