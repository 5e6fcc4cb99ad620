"""Tokens for tests, written past the API."""

from datetime import UTC, datetime, timedelta

from control_plane.auth.tokens import fingerprint, mint
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.people import Binding, Token
from control_plane.store import tokens
from control_plane.store.database import Database

_NOW = datetime.now(UTC)


def issue(settings: ControlPlaneSettings, name: str, *grants: str, ended: str = "", router: bool = False) -> str:
    """The secret of a new token with these roles; `ended` may be `expired` or `revoked`."""
    secret = mint()
    token = Token(
        name=name,
        person=name,
        bindings=tuple(Binding.read(grant) for grant in grants),
        router=router,
        createdAt=_NOW,
        createdBy="test",
        expiresAt=_NOW - timedelta(seconds=1) if ended == "expired" else None,
        revokedAt=_NOW if ended == "revoked" else None,
    )
    database = Database(settings.database)
    try:
        with database.write() as transaction:
            tokens.add(transaction, token, fingerprint(secret))
    finally:
        database.close()
    return secret
