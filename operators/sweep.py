"""Sweep: the control plane's documents beside the cluster's resources, now and then and at the start.

What was deleted while nobody could say so goes, and what the control plane lost comes back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from control_plane.spec.errors import TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE, Key
from operators.cache import Cache
from operators.resource import digest
from operators.upward import Upward

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 300.0
RETRY_SECONDS = 10.0


class Astray(NamedTuple):
    """Where the two differ."""

    left: tuple[Key, ...]
    """Documents of this cluster without a custom resource."""
    lost: tuple[Key, ...]
    """Documents that were accepted, and are not there as they were sent."""


def astray(documents: Iterable[Mapping[str, Any]], manager: str, known: Cache, upward: Upward) -> Astray:
    """Compare; `documents` are all that the control plane has."""
    there = {_key(one): one for one in documents if one["metadata"].get("managedBy") == manager}
    left = tuple(key for key in there if known.resource(key) is None)
    lost = tuple(key for key in known if _is_lost(key, there.get(key), upward))
    return Astray(left, lost)


def _is_lost(key: Key, document: Mapping[str, Any] | None, upward: Upward) -> bool:
    standing = upward.standing(key)
    if standing is None or standing.digest is None or not standing.accepted:
        return False
    return document is None or digest(document) != standing.digest


def _key(document: Mapping[str, Any]) -> Key:
    metadata = document["metadata"]
    return Key(document["kind"], metadata["name"], metadata.get("namespace", DEFAULT_NAMESPACE))


class Sweep:
    """Does so for ever."""

    def __init__(
        self,
        documents: Callable[[], Awaitable[list[dict[str, Any]]]],
        is_there: Callable[[Key], Awaitable[bool]],
        manager: str,
        cache: Cache,
        upward: Upward,
    ) -> None:
        """`is_there` asks the cluster for a custom resource."""
        self._documents = documents
        self._is_there = is_there
        self._manager = manager
        self._cache = cache
        self._upward = upward
        self._kinds: Collection[str] = ()
        self._namespaces: Collection[str] = ()

    def restrict(self, kinds: Collection[str], namespaces: Collection[str]) -> None:
        """Only documents of kinds that the cluster has, and of the namespaces that are looked at (none: of all)."""
        self._kinds = kinds
        self._namespaces = namespaces

    async def run(self) -> None:
        """Look now and then."""
        while True:
            try:
                await self.look()
                seconds = SWEEP_SECONDS
            except TiermeshError as error:
                logger.warning("documents cannot be compared", extra={"fields": {"why": str(error)}})
                seconds = RETRY_SECONDS
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Once. Raises TiermeshError."""
        found = astray(await self._documents(), self._manager, self._cache, self._upward)
        self._upward.doubt(found.lost)
        for key in found.left:
            if self._concerns(key) and not await self._is_there(key):
                logger.info("a document has no custom resource", extra={"fields": {"document": str(key)}})
                self._upward.want(key, None)

    def _concerns(self, key: Key) -> bool:
        """A kind that the cluster does not have at all says nothing about its documents."""
        return key.kind in self._kinds and (not self._namespaces or key.namespace in self._namespaces)
