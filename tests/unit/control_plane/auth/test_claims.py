"""What claims stand for here."""

import pytest

from control_plane.auth.claims import Oidc, read_roles
from control_plane.auth.jwts import Expected
from control_plane.spec.errors import TiermeshError

_ROLES = read_roles('{"devs": "operator@shop, viewer@*", "leads": "admin@*"}')


def _oidc(name_claim: str = "sub", roles_claim: str = "groups") -> Oidc:
    return Oidc(Expected("https://login.example", "tiermesh"), name_claim, roles_claim, _ROLES)


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        ({"groups": ["devs", "cooks"]}, ["operator@shop", "viewer@*"]),
        ({"groups": "leads"}, ["admin@*"]),
        ({"groups": ["devs", "leads", "devs"]}, ["operator@shop", "viewer@*", "admin@*"]),
        ({"groups": []}, []),
        ({"groups": {"devs": True}}, []),
        ({"groups": [["devs"], 1, None]}, []),
        ({"groups": "devs,leads"}, []),
        ({}, []),
    ],
)
def test_known_values_give_roles_and_others_nothing(said: dict[str, object], roles: list[str]) -> None:
    found = _oidc().principal({"sub": "alice"} | said)
    assert [str(binding) for binding in found.bindings] == roles
    assert (found.name, found.via, found.router) == ("oidc:alice", "oidc", False)


def test_a_path_leads_into_claims_that_hold_others() -> None:
    oidc = _oidc(roles_claim="realm_access.roles")
    assert oidc.principal({"sub": "a", "realm_access": {"roles": ["leads"]}}).bindings
    assert oidc.principal({"sub": "a", "realm_access.roles": ["leads"]}).bindings
    assert not oidc.principal({"sub": "a", "realm_access": ["roles"]}).bindings


@pytest.mark.parametrize("name", [None, "", 7, ["alice"], "a\nb", "a" * 151])
def test_a_token_without_a_name_names_nobody(name: object) -> None:
    with pytest.raises(TiermeshError, match="'sub' is no name"):
        _oidc().principal({"sub": name})


def test_another_claim_may_name_people() -> None:
    assert _oidc(name_claim="email").principal({"sub": "1", "email": "a@b.example"}).name == "oidc:a@b.example"
