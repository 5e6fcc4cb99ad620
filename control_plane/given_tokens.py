"""Given tokens: secrets that somebody else made, and that this control plane shall know.

A chart puts the same Secret before the control plane, its routers and the operator, so that all of them start at once
and nobody has to carry a token from one to the others.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from control_plane.auth.tokens import PREFIX, ROUTER, fingerprint, read_grants
from control_plane.first_start import AUTHOR
from control_plane.spec.audit import Deed
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import EVERYWHERE, Binding, Role, Token
from control_plane.store import audit, tokens
from control_plane.store.database import Database, Transaction

_SECRET = re.compile(re.escape(PREFIX) + "[A-Za-z0-9_-]{43,256}")
"""256 bits in base 64 or more: what is kept of a secret is a plain hash, so it must not be possible to guess it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Given:
    """A secret, and what it lets its holder do."""

    name: str
    bindings: tuple[Binding, ...]
    router: bool
    secret: str = field(repr=False)

    @property
    def token_name(self) -> str:
        """Another for each secret, as no name is given twice."""
        return f"{self.name}-{fingerprint(self.secret)[:8]}"

    @property
    def is_admin(self) -> bool:
        """Whether it may make other tokens."""
        return Binding(role=Role.ADMIN, namespace=EVERYWHERE) in self.bindings


def read(folder: Path, grants: Mapping[str, str]) -> tuple[Given, ...]:
    """The secrets, each from the file of its name.

    Raises TiermeshError(SETUP) where one is missing or could be guessed; it never repeats one.
    """
    return tuple(
        Given(name, bindings, router, _secret(folder / name))
        for name, (bindings, router) in read_grants(grants).items()
    )


def know(database: Database, given: tuple[Given, ...]) -> None:
    """Know these secrets from now on, and no others that were given under the same names before.

    One that a person has revoked stays revoked.
    """
    now = datetime.now(UTC)
    with database.write() as transaction:
        for one in given:
            for earlier in _earlier(transaction, one):
                tokens.revoke(transaction, earlier.name, AUTHOR, now)
                _note(transaction, "token revoke", earlier, now)
            _know(transaction, one, now)


def _know(transaction: Transaction, given: Given, now: datetime) -> None:
    known = tokens.by_sha256(transaction, fingerprint(given.secret))
    wanted = Token(
        name=given.token_name,
        person=given.name,
        bindings=given.bindings,
        router=given.router,
        createdAt=now,
        createdBy=AUTHOR,
    )
    if known is None:
        tokens.add(transaction, wanted, fingerprint(given.secret))
        _note(transaction, "token create", wanted, now)
    elif known.revoked_at is not None:
        logger.error("a given token was revoked: give another secret", extra={"fields": {"token": known.name}})
    elif (known.bindings, known.router) != (wanted.bindings, wanted.router):
        tokens.grant(transaction, known.name, wanted.bindings, wanted.router)
        _note(transaction, "token grant", wanted, now)


def _earlier(transaction: Transaction, given: Given) -> list[Token]:
    """What was given under this name before and still holds."""
    shape = re.compile(re.escape(given.name) + "-[0-9a-f]{8}")
    return [
        token
        for token in tokens.every(transaction)
        if token.created_by == AUTHOR
        and shape.fullmatch(token.name)
        and token.name != given.token_name
        and token.revoked_at is None
    ]


def _note(transaction: Transaction, action: str, token: Token, now: datetime) -> None:
    may = ", ".join([*map(str, token.bindings), *([ROUTER] if token.router else [])])
    what = (f"{token.name} of {token.person}: {may}, without end",)
    deed = Deed(at=now, who=AUTHOR, via="", address="", action=action, what=what, reason="given at the start")
    audit.append(transaction, deed)


def _secret(file: Path) -> str:
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The token's secret cannot be read from {file}."
        hint = "Give every token of TIERMESH_CONTROL_PLANE_GIVEN_TOKENS a file of its name in GIVEN_TOKENS_FOLDER."
        raise TiermeshError(Code.SETUP, message, hint) from error
    if not _SECRET.fullmatch(secret):
        message = f"What {file} holds is no token: {PREFIX!r} and at least 43 random letters, digits, '-' or '_'."
        raise TiermeshError(Code.SETUP, message, f'echo "{PREFIX}$(openssl rand -hex 32)" makes one.')
    return secret
