"""People of a real OpenID Connect provider ask the control plane."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from control_plane.auth import issuer
from control_plane.client.http import Client
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import Code, TiermeshError
from tests.control_plane_server import running
from tests.unit.control_plane.auth.forge import Signer, private
from tests.unit.control_plane.auth.providers import Provider, provider, wait_until_gone
from tests.unit.control_plane.samples import model, parsed

_ROLES = json.dumps({"developers": "operator@default", "auditors": "viewer@*"})


@pytest.fixture(scope="module")
def people() -> Iterator[Provider]:
    """A provider that knows two people."""
    with provider() as found:
        found.user("alice", groups=["developers"])
        found.user("bob", groups=["cooks"])
        yield found


@pytest.fixture
def url(people: Provider, tmp_path: Path) -> Iterator[str]:
    """A control plane that takes that provider's tokens, and lets nobody in without one."""
    settings = ControlPlaneSettings.load(
        home=tmp_path,
        port=0,
        admin_port=0,
        open_on_loopback=False,
        oidc_issuer=people.url,
        oidc_audience="tiermesh",
        oidc_roles=_ROLES,
    )
    with running(settings) as addresses:
        yield addresses.api


def _as(url: str, token: str) -> Client:
    return Client(url, token=SecretStr(token))


def test_a_person_does_what_the_groups_of_the_provider_allow(people: Provider, url: str) -> None:
    with _as(url, people.log_in("alice", "tiermesh")) as alice:
        assert (alice.whoami().name, alice.whoami().via) == ("oidc:alice", "oidc")
        alice.apply(parsed(model()), "ignored: the token says who", "opening")
        (revision,) = alice.revisions("Model", "faq")
        assert (revision.author, revision.reason) == ("oidc:alice", "opening")
    with _as(url, people.log_in("bob", "tiermesh")) as bob, pytest.raises(TiermeshError) as raised:
        bob.list("Model")
    assert raised.value.code is Code.FORBIDDEN
    assert "'oidc:bob' has no role" in raised.value.message


def test_a_token_for_another_client_or_by_another_signer_lets_nobody_in(people: Provider, url: str) -> None:
    with httpx2.Client(trust_env=False, verify=False) as http:
        kid = http.get(f"{people.url}/jwks").json()["keys"][0].get("kid")
    genuine_but_for_others = people.log_in("alice", "billing")
    forged = Signer(private(), kid=kid)({"iss": people.url, "aud": "tiermesh", "sub": "alice", "exp": 9e9})
    for token, why in ((genuine_but_for_others, "another audience"), (forged, "no key of the issuer")):
        with _as(url, token) as client, pytest.raises(TiermeshError, match=why) as raised:
            client.whoami()
        assert raised.value.code is Code.UNAUTHENTICATED


def test_a_provider_may_change_its_keys_and_be_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer, "PAUSE_SECONDS", 0.0)
    with provider() as before:
        before.user("alice", groups=["auditors"])
        settings = ControlPlaneSettings.load(
            home=tmp_path, port=0, admin_port=0, oidc_issuer=before.url, oidc_audience="tiermesh", oidc_roles=_ROLES
        )
        with running(settings) as addresses:
            old = before.log_in("alice", "tiermesh")
            with _as(addresses.api, old) as alice:
                assert alice.list("Model") == []
                _rotated(before, alice, addresses.api)


def _rotated(before: Provider, alice: Client, url: str) -> None:
    """The provider ends and comes back at its address with other keys; `alice` has a token of the old ones."""
    before.stop()
    wait_until_gone(before.url)
    assert alice.whoami().name == "oidc:alice"  # cached keys go on
    with provider(int(before.url.rsplit(":", 1)[1])) as after:
        with _as(url, after.log_in("bob", "tiermesh")) as bob:
            assert bob.whoami().name == "oidc:bob"
        with pytest.raises(TiermeshError, match="no key of the issuer"):
            alice.whoami()
