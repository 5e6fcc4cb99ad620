"""API tokens: long, recognisable, and no longer good once they end."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from control_plane.auth.tokens import fingerprint, holder, mint
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Binding, Role, Token

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)


def _token(**more: object) -> Token:
    said = {
        "name": "laptop",
        "person": "alice",
        "bindings": [{"role": "operator"}],
        "createdAt": _NOW,
        "createdBy": "x",
    }
    return Token.model_validate(said | more)


def test_a_secret_is_long_and_recognisable_and_never_the_same() -> None:
    secrets = {mint() for _ in range(100)}
    assert len(secrets) == 100
    assert all(secret.startswith("tmt-") and len(secret) == 47 for secret in secrets)


def test_what_is_kept_is_its_sha256() -> None:
    assert fingerprint("tmt-x") == hashlib.sha256(b"tmt-x").hexdigest()


def test_a_token_stands_for_a_person() -> None:
    found = holder(_token(), _NOW)
    assert (found.name, found.via, found.bindings) == ("alice", "token laptop", (Binding(role=Role.OPERATOR),))
    assert not found.router


def test_a_token_holds_until_the_moment_it_ends() -> None:
    token = _token(expiresAt=_NOW)
    assert holder(token, _NOW - _MOMENT).name == "alice"
    with pytest.raises(TiermeshError, match="'laptop' expired on 2026-01-02") as raised:
        holder(token, _NOW)
    assert raised.value.code is Code.UNAUTHENTICATED
    assert "tiermesh token create" in raised.value.hint


def test_a_token_that_was_taken_back_is_refused() -> None:
    with pytest.raises(TiermeshError, match="'laptop' was revoked on 2026-01-02"):
        holder(_token(revokedAt=_NOW, revokedBy="bob"), _NOW)
