"""Offers: what the cluster has, by asking it now and then. Who installs KEDA later need not restart anything."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from operators.kinds import GROUP, VERSION, group_of
from operators.render import KNOWN, Offers

Get = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Asks the API server for a path."""

_GROUPS = frozenset(group_of(version) for versions in KNOWN.values() for version in versions) | {GROUP}


async def discover(get: Get) -> tuple[Offers, frozenset[str]]:
    """What the cluster serves of what is known here, and which of our own kinds. Raises TiermeshError."""
    served: set[tuple[str, str]] = set()
    listed = await get("/apis")
    for group in listed.get("groups", []):
        if group["name"] in _GROUPS:
            for version in group["versions"]:
                served |= await _kinds(get, version["groupVersion"])
    ours = frozenset(kind for version, kind in served if version == f"{GROUP}/{VERSION}")
    return Offers.of(served), ours


async def _kinds(get: Get, api_version: str) -> set[tuple[str, str]]:
    try:
        found = await get(f"/apis/{api_version}")
    except TiermeshError as error:
        if error.code is not Code.NOT_FOUND:  # gone between the two questions
            raise
        return set()
    return {(api_version, one["kind"]) for one in found.get("resources", []) if "/" not in one["name"]}
