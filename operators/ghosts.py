"""Ghosts: children that are known here, and gone. Kopf does not see what is deleted while its connection is broken.

Now and then each kind is listed by its uids alone; whoever lost a child is looked at, and writes it again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from control_plane.spec.errors import TiermeshError
from control_plane.spec.names import Key
from operators.cache import Cache

logger = logging.getLogger(__name__)

LOOK_SECONDS = 300.0

Uids = Callable[[str, str, str | None], Awaitable[frozenset[str]]]
"""Asks the cluster: apiVersion, kind, and a namespace or all. Raises TiermeshError."""


class Ghosts:
    """Looks for them, for ever."""

    def __init__(
        self,
        uids: Uids,
        cache: Cache,
        kinds: Callable[[], Mapping[str, str]],
        namespaces: Collection[str],
        look: Callable[[Key], None],
    ) -> None:
        """`kinds` are those that children may be of, with their apiVersions; `look` is called with who lost one."""
        self._uids = uids
        self._cache = cache
        self._kinds = kinds
        self._namespaces = namespaces or (None,)
        self._look = look

    async def run(self) -> None:
        """Look now and then."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for kind, api_version in self._kinds().items():
                try:
                    await self.look(kind, api_version)
                except TiermeshError as error:
                    logger.warning("children cannot be listed", extra={"fields": {"kind": kind, "why": str(error)}})

    async def look(self, kind: str, api_version: str) -> None:
        """At one kind. Raises TiermeshError."""
        known = self._cache.children_of(api_version, kind)  # before the question: what comes meanwhile is no ghost
        if not known:
            return
        there = {uid for namespace in self._namespaces for uid in await self._uids(api_version, kind, namespace)}
        for uid in known.keys() - there:
            logger.info("a child is gone", extra={"fields": {"kind": kind, "owner": str(known[uid])}})
            self._cache.drop_child(uid)
            self._look(known[uid])
