"""API tokens: how one is made, recognised and judged. Pure but for the randomness of `mint`."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Binding, Principal, Token

PREFIX = "tmt-"
"""What every API token begins with, so that people and secret scanners know one when they see it."""
CURE = "'tiermesh token create' makes one; the command takes it from TIERMESH_TOKEN or --token-file."
ROUTER = "router"
"""In a list of roles: what a router may do, which is none of them."""

_RANDOM_BYTES = 32


def mint() -> str:
    """A new secret: 256 random bits behind the prefix."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def fingerprint(secret: str) -> str:
    """sha256 in hex: what is kept of a secret, and looked up.

    A plain hash, as the secret is long and random; and looking a hash up tells by its time nothing about a secret.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def read_grants(grants: Mapping[str, str]) -> dict[str, tuple[tuple[Binding, ...], bool]]:
    """Name -> its roles and whether it is a router's, from texts such as `operator@shop, viewer@*` or `router`.

    Raises ValueError that says what is wrong.
    """
    found = {}
    for name, text in grants.items():
        words = [word.strip() for word in text.split(",")]
        found[name] = tuple(Binding.read(word) for word in words if word != ROUTER), ROUTER in words
    return found


def holder(token: Token, now: datetime) -> Principal:
    """Who a known token stands for.

    Raises TiermeshError(UNAUTHENTICATED) where it has ended or was taken back.
    """
    if token.revoked_at is not None:
        raise _refused(f"The token {token.name!r} was revoked on {token.revoked_at:%Y-%m-%d}.")
    if token.expires_at is not None and now >= token.expires_at:
        raise _refused(f"The token {token.name!r} expired on {token.expires_at:%Y-%m-%d}.")
    return Principal(name=token.person, bindings=token.bindings, router=token.router, via=f"token {token.name}")


def unknown() -> TiermeshError:
    """The error for a secret that no token has."""
    return _refused("The control plane knows no such token.")


def _refused(message: str) -> TiermeshError:
    return TiermeshError(Code.UNAUTHENTICATED, message, f"Use another; {CURE}")
