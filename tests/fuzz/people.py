"""People: what strangers send to be taken for somebody."""

import base64
import json
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from control_plane.auth.claims import Oidc, read_roles
from control_plane.auth.door import LOOPBACK, Knock, is_loopback, local
from control_plane.auth.jwts import Expected, Keys, head, verified
from control_plane.spec.audit import Anchor, AuditEntry
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Binding
from tests.fuzz.decoder import Decoder
from tests.fuzz.mutations import bodies

# JSON Web Tokens.

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_OIDC = Oidc(Expected("https://login.example", "tiermesh"), roles=read_roles('{"devs": "operator@shop"}'))
_HEADER = {"alg": "RS256", "kid": "k1", "typ": "JWT", "jku": "https://evil.example", "crit": ["exp"]}
_CLAIMS = {"iss": "https://login.example", "aud": ["tiermesh"], "sub": "alice", "exp": 1767312000, "groups": ["devs"]}


class _Token(NamedTuple):
    header: bytes
    claims: bytes
    signed: bool
    jwks: bytes


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _jwk() -> dict[str, Any]:
    return RSAAlgorithm.to_jwk(_key().public_key(), as_dict=True) | {"kid": "k1"}


def _encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def _read_jwt(token: _Token) -> None:
    unsigned = _encoded(token.header) + b"." + _encoded(token.claims)
    algorithm = RSAAlgorithm(RSAAlgorithm.SHA256)
    written = unsigned + b"." + (_encoded(algorithm.sign(unsigned, _key())) if token.signed else b"")
    try:
        keys = Keys.read(json.loads(token.jwks))
    except (ValueError, RecursionError):
        keys = Keys((_jwk(),))
    keys = Keys((*keys.values, _jwk()))
    try:
        said = head(written.decode())
        found = _OIDC.principal(verified(written.decode(), keys.fitting(said), _OIDC.expected, _NOW))
    except TiermeshError as error:
        assert error.code is Code.UNAUTHENTICATED, error
        return
    assert token.signed, "a token that nobody signed was believed"
    assert jwt.get_unverified_header(written)["alg"] == "RS256"
    assert found.name.startswith("oidc:")


_TOKENS = st.builds(
    _Token,
    bodies(_HEADER, {"alg": "RS256"}),
    bodies(_CLAIMS, _CLAIMS),
    st.booleans(),
    bodies({"keys": [{"kty": "RSA"}]}),
)

# The door of this machine.

_HOSTS = ["localhost", "127.0.0.1:8090", "[::1]:8090", "[::ffff:127.0.0.1]", "evil.example", "127.0.0.1.evil.example",
          "localhost:8090@evil.example", "evil.example#@localhost", "localhost\\@evil.example", "", "[", "0",
          "2130706433", "127.1", "localhost.", "ⓛocalhost", "localhost%00.evil.example", "//localhost", "localhost?x",
          " localhost", "localhost#x", "localhost:"]  # fmt: skip
_ORIGINS = [
    "http://localhost",
    "http://127.0.0.1:8090",
    "null",
    "https://evil.example",
    "http://localhost.evil.example",
]


def _knock(seed: int) -> Knock:
    random = Random(seed)
    return Knock(
        random.choice(["127.0.0.1", "::1", "10.0.0.1", "", "::ffff:127.0.0.1"]),
        hosts=tuple(random.choices(_HOSTS, k=random.choice((1, 1, 1, 0, 2)))),
        origins=tuple(random.choices(_ORIGINS, k=random.choice((0, 0, 1, 2)))),
        fetch_site=random.choice([None, "none", "same-origin", "cross-site", ""]),
        forwarded=random.random() < 0.1,
    )


def _read_knock(knock: Knock) -> None:
    try:
        found = local(knock, is_open=True)
    except TiermeshError as error:
        assert error.code is Code.UNAUTHENTICATED, error
        return
    (host,) = knock.hosts
    name = host.removeprefix("[").split("]")[0] if host.startswith("[") else host.split(":")[0]
    assert is_loopback(name.lower()), knock
    assert found.via == LOOPBACK and is_loopback(knock.address) and not knock.forwarded
    assert all(origin == f"http://{host}" for origin in knock.origins)


# What is typed and what is kept.

_ENTRY = {"at": "2026-01-02T00:00:00Z", "who": "alice", "via": "", "address": "", "action": "apply", "what": ["a"],
          "reason": "", "outcome": "done", "snapshot": 1, "times": 1, "sequence": 1, "previous": "0" * 64,
          "sha256": "f" * 64}  # fmt: skip


def _read_line(line: bytes) -> None:
    try:
        AuditEntry.model_validate_json(line)
    except ValueError:
        return


def _read_text(text: str) -> None:
    for kind in (Binding, Anchor):
        try:
            found = kind.read(text)
        except ValueError:
            continue
        assert kind.read(str(found)) == found


_TEXTS = st.text(max_size=80) | st.sampled_from(["viewer@*", "admin@a.b", "7:" + "0" * 64, "9" * 5000 + ":" + "0" * 64])

DECODERS = (
    Decoder("json-web-tokens", _TOKENS, _read_jwt),
    Decoder("doors", st.builds(_knock, st.integers(0, 2**32)), _read_knock),
    Decoder("audit-lines", bodies(_ENTRY), _read_line),
    Decoder("bindings-and-anchors", _TEXTS, _read_text),
)
