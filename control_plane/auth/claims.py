"""Claims: which roles an identity provider's claims stand for here. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from control_plane.auth.jwts import Expected, refused
from control_plane.spec.people import Binding, Principal

_LONGEST_NAME = 150

Roles = Mapping[str, tuple[Binding, ...]]
"""A value of the roles' claim -> what it allows."""


@dataclass(frozen=True, slots=True)
class Oidc:
    """One OpenID Connect provider, and what its claims mean here."""

    expected: Expected
    name_claim: str = "sub"
    roles_claim: str = "groups"
    roles: Roles = field(default_factory=dict)

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        """Who a genuine token stands for; `oidc:` keeps its names apart from those of API tokens.

        Raises TiermeshError(UNAUTHENTICATED) where the token names nobody.
        """
        name = _claim(claims, self.name_claim)
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            raise refused(f"its claim {self.name_claim!r} is no name")
        said = _claim(claims, self.roles_claim)
        values = said if isinstance(said, list) else [said]
        known = (value for value in values if isinstance(value, str) and value in self.roles)
        bindings = dict.fromkeys(binding for value in known for binding in self.roles[value])
        return Principal(name=f"oidc:{name}", bindings=tuple(bindings), via="oidc")


def read_roles(text: str) -> Roles:
    """From `{"VALUE": "ROLE@NAMESPACE, …"}`. Raises ValueError that says what is wrong."""
    try:
        written = json.loads(text)
    except ValueError as error:
        raise ValueError('write it as JSON: {"developers": "operator@shop, viewer@*"}') from error
    if not isinstance(written, dict) or not all(isinstance(value, str) for value in written.values()):
        raise ValueError('write it as one JSON object from claim values to texts such as "operator@shop, viewer@*"')
    return {value: tuple(Binding.read(each) for each in text.split(",")) for value, text in written.items()}


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by a path in dots into claims that hold others (`realm_access.roles`)."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
