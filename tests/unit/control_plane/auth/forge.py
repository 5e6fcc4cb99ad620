"""Tokens as a provider makes them, and as those make them who would like to be one."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ISSUER, AUDIENCE = "https://login.example", "tiermesh"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def private(kind: str = "RSA", number: int = 0) -> PrivateKey:
    """A private key, the same for the same arguments."""
    if kind == "EC":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "OKP":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 1024 if kind == "short" else 2048)


def jwk(key: PrivateKey, kid: str | None = "k1", **more: str) -> dict[str, Any]:
    """The public half, as a JWKS says it."""
    if isinstance(key, rsa.RSAPrivateKey):
        said = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        said = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        said = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    said.pop("key_ops", None)
    return said | ({} if kid is None else {"kid": kid}) | more


def pem(key: PrivateKey) -> bytes:
    """The public half as a PEM file holds it."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def claims(**more: Any) -> dict[str, Any]:
    """Those of a good token; None takes one away."""
    at = int(NOW.timestamp())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": at, "exp": at + 300, "groups": ["devs"]} | more
    return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class Signer:
    """Signs with one key."""

    key: PrivateKey
    algorithm: str = "RS256"
    kid: str | None = "k1"

    def __call__(self, said: dict[str, Any] | None = None, **header: Any) -> str:
        headers = {**({} if self.kid is None else {"kid": self.kid}), **header}
        return jwt.encode(claims() if said is None else said, self.key, self.algorithm, headers)


def raw(header: Any, payload: Any, signature: bytes = b"") -> str:
    """A token whose parts are written by hand."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
