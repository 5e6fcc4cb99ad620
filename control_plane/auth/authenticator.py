"""The authenticator: from what a request shows to who makes it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from control_plane.auth import tokens as api_tokens
from control_plane.auth.claims import Oidc
from control_plane.auth.door import Knock, local
from control_plane.auth.issuer import Issuer
from control_plane.auth.jwts import head, signed, verified
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Principal, Token
from control_plane.store import tokens
from control_plane.store.database import Database

_SCHEME = "bearer"


class Authenticator:
    """Knows API tokens, an OpenID Connect provider where there is one, and the door of this machine.

    Belongs to one event loop.
    """

    def __init__(
        self,
        database: Database,
        is_open: bool,
        oidc: Oidc | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._is_open = is_open
        self._oidc = oidc
        self._issuer = Issuer(oidc.expected.issuer) if oidc else None
        self._now = now
        self._used: dict[str, datetime] = {}

    async def principal(self, knock: Knock) -> Principal:
        """Who makes a request.

        Raises TiermeshError: UNAUTHENTICATED with the reason, UNAVAILABLE where the database or the provider is away.
        """
        found = await self._of_bearer(_bearer(knock)) if knock.authorizations else local(knock, self._is_open)
        return found.model_copy(update={"address": knock.address})

    async def note_uses(self) -> None:
        """Write down which tokens were used since the last time."""
        used, self._used = self._used, {}
        if used:
            await asyncio.to_thread(self._write_uses, used)

    async def _of_bearer(self, secret: str) -> Principal:
        if secret.startswith(api_tokens.PREFIX):
            return self._of_token(await asyncio.to_thread(self._find, secret))
        if self._oidc is None or self._issuer is None:
            raise api_tokens.unknown()
        said = head(secret)
        keys = await self._issuer.keys(said)
        if said.key_id is None and signed(secret, said, keys) is None:
            keys = await self._issuer.keys(said, anew=True)
        return self._oidc.principal(verified(secret, keys, self._oidc.expected, self._now()))

    def _of_token(self, token: Token | None) -> Principal:
        if token is None:
            raise api_tokens.unknown()
        now = self._now()
        found = api_tokens.holder(token, now)
        hour = now.replace(minute=0, second=0, microsecond=0)
        if token.last_used_at is None or token.last_used_at < hour:
            self._used[token.name] = hour
        return found

    def _find(self, secret: str) -> Token | None:
        with self._database.read() as transaction:
            return tokens.by_sha256(transaction, api_tokens.fingerprint(secret))

    def _write_uses(self, used: dict[str, datetime]) -> None:
        with self._database.write() as transaction:
            for name, at in used.items():
                tokens.used(transaction, name, at)


def _bearer(knock: Knock) -> str:
    """The secret of the request's one authorization."""
    scheme, _, secret = knock.authorizations[0].partition(" ")
    if len(knock.authorizations) > 1 or scheme.lower() != _SCHEME or not secret.strip():
        raise TiermeshError(
            Code.UNAUTHENTICATED,
            "The authorization is no token.",
            "Send exactly one, as 'authorization: Bearer TOKEN'.",
        )
    return secret.strip()
