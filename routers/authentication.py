"""Authentication: an API key in, the Tenant it belongs to out.

Keys are known by their sha256 alone, and looked up by it: how long that takes says nothing about which keys there are.
Nothing else that a caller says of itself counts, its `x-tiermesh-tenant` least of all.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import CompiledTenant
from routers.tenants import Tenant

_FOREVER = float("inf")


class Keys:
    """Every key in force, by its hash. Immutable."""

    __slots__ = ("_owners",)

    def __init__(self, compiled: Iterable[CompiledTenant], tenants: Mapping[str, Tenant]) -> None:
        """`tenants` are the same ones made ready, by name."""
        self._owners: dict[bytes, tuple[Tenant, float]] = {
            bytes.fromhex(key.sha256): (tenants[owner.name], key.expires_at.timestamp() if key.expires_at else _FOREVER)
            for owner in compiled
            for key in owner.keys
        }

    def tenant(self, headers: Mapping[bytes, bytes]) -> Tenant:
        """Whose request this is, by `authorization: Bearer KEY` or else `x-api-key: KEY`; names in lower case.

        Raises TiermeshError(INVALID_API_KEY), which never holds the key.
        """
        key = _key(headers)
        if not key:
            hint = "Send 'Authorization: Bearer KEY' or 'x-api-key: KEY'; 'tiermesh key create' makes one."
            raise TiermeshError(Code.INVALID_API_KEY, "The request carries no API key.", hint)
        owner = self._owners.get(hashlib.sha256(key).digest())
        if owner is None:
            hint = "Check it for missing characters; 'tiermesh key list' shows the keys in force."
            raise TiermeshError(Code.INVALID_API_KEY, "The API key is not known here.", hint)
        tenant, ends_at = owner
        if ends_at != _FOREVER and time.time() >= ends_at:
            hint = "Ask for a new one; 'tiermesh key create' makes it."
            raise TiermeshError(Code.INVALID_API_KEY, "The API key has expired.", hint)
        return tenant


def _key(headers: Mapping[bytes, bytes]) -> bytes:
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"").strip()
