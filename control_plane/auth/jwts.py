"""JSON Web Tokens of an OpenID Connect provider: whether one is genuine, meant for us, and in force. Pure.

Read against RFC 7519, RFC 8725 (best practices) and OpenID Connect Core, section 3.1.3.7.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jwt import PyJWK, PyJWS, PyJWTError

from control_plane.spec.errors import Code, TiermeshError

LONGEST_TOKEN = 16 * 1024
"""In characters: more than any provider's header and claims need."""
LEEWAY_SECONDS = 60
"""How far the provider's clock and ours may be apart."""

# Asymmetric alone: what we verify with must not be able to sign. Algorithm -> the key's type and curve.
_ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    **{f"{family}{bits}": ("RSA", None) for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
_JWS = PyJWS(algorithms=list(_ALGORITHMS), options={"enforce_minimum_key_length": True})


@dataclass(frozen=True, slots=True)
class Head:
    """What a token says about its own signature; nothing else of its header is ever read or followed."""

    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """Who must have made a token, and for whom."""

    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class Keys:
    """A provider's public keys, as its JWKS says them."""

    values: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, jwks: Any) -> "Keys":
        """Those of a JWKS that can verify a signature. Raises ValueError where it is none."""
        found = jwks.get("keys") if isinstance(jwks, dict) else None
        if not isinstance(found, list):
            raise ValueError("it has no list of keys")
        return cls(tuple(key for key in found if isinstance(key, dict) and key.get("use", "sig") == "sig"))

    def fitting(self, head: Head) -> tuple[Mapping[str, Any], ...]:
        """The keys that may have signed what begins so. Without a key's id, the provider may have but one that fits."""
        kind, curve = _ALGORITHMS[head.algorithm]
        fitting = tuple(
            key
            for key in self.values
            if key.get("kty") == kind
            and key.get("crv") == curve
            and key.get("alg", head.algorithm) == head.algorithm
            and (head.key_id is None or key.get("kid") == head.key_id)
        )
        return fitting if head.key_id is not None or len(fitting) == 1 else ()


def head(token: str) -> Head:
    """What a token says about its signature.

    Raises TiermeshError(UNAUTHENTICATED) where that is nothing that we verify.
    """
    if len(token) > LONGEST_TOKEN:
        raise refused("it is too long")
    try:
        header = _JWS.get_unverified_header(token)
    except (PyJWTError, ValueError) as error:
        raise refused("it cannot be read") from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise refused(f"its signature is not one of {', '.join(_ALGORITHMS)}")
    if "crit" in header:
        raise refused("it demands an extension that is not known here")
    return Head(algorithm, key_id if isinstance(key_id, str) else None)


def verified(token: str, keys: Sequence[Mapping[str, Any]], expected: Expected, now: datetime) -> dict[str, Any]:
    """The claims of a genuine token.

    Raises TiermeshError(UNAUTHENTICATED) with the reason where it is not, or is meant for another, or not in force.
    """
    claims = signed(token, head(token), keys)
    if claims is None:
        raise refused("no key of the issuer made its signature")
    at = now.timestamp()
    audience = claims.get("aud")
    if claims.get("iss") != expected.issuer:
        raise refused("another issuer made it")
    if expected.audience not in (audience if isinstance(audience, list) else [audience]):
        raise refused("it is meant for another audience")
    ends, begins, made = (_moment(claims, name) for name in ("exp", "nbf", "iat"))
    if ends is None:
        raise refused("it never ends ('exp' is missing)")
    if at >= ends + LEEWAY_SECONDS:
        raise refused("it has expired")
    if any(moment is not None and moment > at + LEEWAY_SECONDS for moment in (begins, made)):
        raise refused("it is not in force yet; compare the clocks")
    return claims


def refused(why: str) -> TiermeshError:
    """The error for a token that does not prove who asks."""
    return TiermeshError(
        Code.UNAUTHENTICATED, f"The token is refused: {why}.", "Log in at the identity provider again for a new one."
    )


def signed(token: str, said: Head, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The claims of a token that one of the keys signed, or None. They are genuine, and may be meant for another."""
    for key in keys:
        try:
            payload = _JWS.decode_complete(token, PyJWK(dict(key), said.algorithm), [said.algorithm])["payload"]
            claims = json.loads(payload)
        except (PyJWTError, ValueError, RecursionError):
            continue
        if isinstance(claims, dict):
            return claims
    return None


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refused(f"{name!r} is not a time")
    return value
