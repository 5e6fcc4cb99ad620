"""Offers: what the cluster has, by asking it now and then. Who installs KEDA later need not restart anything."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from control_plane.spec.documents import API_VERSION
from control_plane.spec.errors import Code, TiermeshError
from operators.render import KNOWN, Offers

Get = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Asks the API server for a path."""

_VERSIONS = frozenset(version for versions in KNOWN.values() for version in versions) | {API_VERSION}


async def discover(get: Get) -> tuple[Offers, frozenset[str]]:
    """What the cluster serves of what is known here, and which of our own kinds. Raises TiermeshError.

    Each version is asked for by its name: the list of all groups takes long where there are many.
    """
    served = {one for version in sorted(_VERSIONS) for one in await _kinds(get, version)}
    ours = frozenset(kind for version, kind in served if version == API_VERSION)
    return Offers.of(served), ours


async def _kinds(get: Get, api_version: str) -> set[tuple[str, str]]:
    try:
        found = await get(f"/apis/{api_version}")
    except TiermeshError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        return set()
    return {(api_version, one["kind"]) for one in found.get("resources", []) if "/" not in one["name"]}
