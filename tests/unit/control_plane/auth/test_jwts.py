"""A token proves who asks only where the provider itself signed it, for us, for now."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from control_plane.auth.jwts import LEEWAY_SECONDS, Expected, Keys, head, verified
from control_plane.spec.errors import Code, TiermeshError
from tests.unit.control_plane.auth.forge import AUDIENCE, ISSUER, NOW, Signer, claims, jwk, pem, private, raw

_EXPECTED = Expected(ISSUER, AUDIENCE)
_RSA, _OTHER = private("RSA"), private("RSA", 1)
_SIGN = Signer(_RSA)


def _checked(token: str, *keys: dict[str, Any]) -> dict[str, Any]:
    known = Keys.read({"keys": list(keys or (jwk(_RSA),))})
    return verified(token, known.fitting(head(token)), _EXPECTED, NOW)


def _why(token: str, *keys: dict[str, Any]) -> str:
    with pytest.raises(TiermeshError, match="The token is refused") as raised:
        _checked(token, *keys)
    assert raised.value.code is Code.UNAUTHENTICATED
    assert token not in str(raised.value)
    return raised.value.message


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("RSA", "RS256"), ("RSA", "RS512"), ("RSA", "PS384"), ("EC", "ES256"), ("OKP", "EdDSA")],
)
def test_a_token_of_the_provider_is_good(kind: str, algorithm: str) -> None:
    key = private(kind)
    assert _checked(Signer(key, algorithm)(), jwk(key)) == claims()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "billing"}, "another audience"),
        ({"aud": ["billing"]}, "another audience"),
        ({"aud": {"tiermesh": 1}}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"exp": None}, "never ends"),
        ({"exp": "9999999999"}, "'exp' is not a time"),
        ({"exp": True}, "'exp' is not a time"),
        ({"exp": float("nan")}, "'exp' is not a time"),
        ({"exp": float("inf")}, "'exp' is not a time"),
        ({"exp": NOW.timestamp() - LEEWAY_SECONDS}, "has expired"),
        ({"nbf": NOW.timestamp() + LEEWAY_SECONDS + 1}, "not in force yet"),
        ({"iat": NOW.timestamp() + LEEWAY_SECONDS + 1}, "not in force yet"),
        ({"nbf": "soon"}, "'nbf' is not a time"),
    ],
)
def test_a_genuine_token_must_be_meant_for_us_and_now(said: dict[str, Any], why: str) -> None:
    assert why in _why(_signed_by_hand(claims(**said)))


@pytest.mark.parametrize(
    "said",
    [
        {"aud": ["billing", AUDIENCE]},
        {"exp": NOW.timestamp() - LEEWAY_SECONDS + 1},
        {"nbf": NOW.timestamp() + LEEWAY_SECONDS},
        {"iat": None},
        {"exp": 1e308},
    ],
)
def test_clocks_may_differ_by_a_minute(said: dict[str, Any]) -> None:
    assert _checked(_signed_by_hand(claims(**said)))["sub"] == "alice"


def test_an_unsigned_token_is_refused() -> None:
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        assert "its signature is not one of" in _why(raw({"alg": algorithm, "kid": "k1"}, claims()))


@pytest.mark.parametrize("secret", [pem(_RSA), json.dumps(jwk(_RSA)).encode(), b""], ids=["pem", "jwk", "nothing"])
def test_what_everybody_knows_is_no_secret_to_sign_with(secret: bytes) -> None:
    unsigned = raw({"alg": "HS256", "kid": "k1"}, claims()).rsplit(".", 1)[0]
    signature = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    token = f"{unsigned}.{raw(0, 0, signature).rsplit('.', 1)[1]}"
    assert "its signature is not one of" in _why(token)
    symmetric = {"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"}
    assert "its signature is not one of" in _why(token, symmetric)


def test_a_token_that_brings_its_own_key_is_not_believed() -> None:
    evil = Signer(_OTHER)
    brought: list[dict[str, Any]] = [
        {"jwk": jwk(_OTHER)},
        {"jku": "http://127.0.0.1:1/jwks"},
        {"x5u": "http://127.0.0.1:1/certificate"},
        {"x5c": ["MIIB"]},
    ]
    for header in brought:
        assert "no key of the issuer made its signature" in _why(evil(**header))


@pytest.mark.parametrize("kid", ["k2", "", "../../dev/null", "k1' OR '1'='1", "\x00", "k" * 5000])
def test_a_key_id_only_chooses_among_the_providers_keys(kid: str) -> None:
    assert "no key of the issuer" in _why(Signer(_RSA, kid=kid)())


@pytest.mark.parametrize("kid", [7, ["k1"], {"k": 1}, True])
def test_a_key_id_that_is_no_text_is_refused(kid: object) -> None:
    assert "cannot be read" in _why(_signed_by_hand(claims(), kid=kid))


def test_without_a_key_id_the_one_key_that_fits_is_meant_and_two_are_too_many() -> None:
    token = Signer(_RSA, kid=None)()
    assert _checked(token, jwk(_RSA, None), jwk(private("EC")))
    assert "no key of the issuer" in _why(token, jwk(_RSA, "a"), jwk(_OTHER, "b"))


def test_a_key_signs_with_its_own_algorithm_alone() -> None:
    assert "no key of the issuer" in _why(Signer(_RSA, "RS512")(), jwk(_RSA, alg="RS256"))
    assert "no key of the issuer" in _why(Signer(private("EC"), "ES256")(), jwk(_RSA))


def test_a_key_to_encrypt_with_verifies_nothing() -> None:
    assert "no key of the issuer" in _why(_SIGN(), jwk(_RSA, use="enc"))


def test_a_key_that_could_be_broken_verifies_nothing() -> None:
    short = private("short")
    with pytest.warns(match="below the minimum"):
        token = Signer(short)()
    assert "no key of the issuer" in _why(token, jwk(short))


def test_a_token_that_demands_what_we_do_not_know_is_refused() -> None:
    demands: list[dict[str, Any]] = [{"crit": ["exp2"], "exp2": 1}, {"b64": False, "crit": ["b64"]}, {"crit": []}]
    for header in demands:
        token = raw({"alg": "RS256", "kid": "k1", **header}, claims())
        assert "is refused" in _why(token)


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-8] + "AAAAAAAA",
        lambda token: token.rsplit(".", 1)[0] + ".",
        lambda token: (
            raw({"alg": "RS256", "kid": "k1"}, claims(sub="bob")).rsplit(".", 1)[0] + token[token.rfind(".") :]
        ),
        lambda token: token + ".x",
        lambda token: token.replace(".", "..", 1),
        lambda _: "x",
        lambda _: "..",
        lambda _: "é.è.à",
        lambda _: raw(7, 7),
        lambda _: raw([], []),
        lambda _: raw({"alg": ["RS256"]}, {}),
        lambda _: raw({}, {}),
        lambda token: token + "A" * 20_000,
        lambda _: "e" * 16_000,
    ],
)
def test_a_token_that_was_changed_or_is_none_is_refused(change: Callable[[str], str]) -> None:
    assert "is refused" in _why(change(_SIGN()))


@pytest.mark.parametrize("payload", [[], "alice", 7, None])
def test_claims_that_are_none_are_refused(payload: object) -> None:
    assert "is refused" in _why(_signed_by_hand(payload))


@pytest.mark.parametrize("jwks", [None, [], {}, {"keys": {}}, {"keys": "k1"}])
def test_what_is_no_set_of_keys_is_refused(jwks: object) -> None:
    with pytest.raises(ValueError, match="no list of keys"):
        Keys.read(jwks)


@pytest.mark.parametrize("key", [{}, {"kty": "RSA", "kid": "k1"}, {"kty": "RSA", "kid": "k1", "n": 1, "e": []}, 7])
def test_keys_that_are_none_verify_nothing(key: Any) -> None:
    assert "no key of the issuer" in _why(_SIGN(), key)


def _signed_by_hand(payload: object, **header: object) -> str:
    """Signed by the provider, whatever it says: libraries refuse to write some of it."""
    unsigned = raw({"alg": "RS256", "kid": "k1", **header}, payload).rsplit(".", 1)[0]
    import jwt.algorithms

    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    signature = algorithm.sign(unsigned.encode(), _RSA)  # type: ignore[arg-type]
    return f"{unsigned}.{raw(0, 0, signature).rsplit('.', 1)[1]}"
