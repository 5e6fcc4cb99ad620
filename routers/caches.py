"""Caches: both of a router, as its operator sees and clears them."""

from routers.cache.exact import ExactCache
from routers.call import Call
from routers.crossroads import Crossroads
from routers.decision import Match


class Caches:
    """Shows numbers, never what was asked or answered."""

    def __init__(self, exact: ExactCache, crossroads: Crossroads) -> None:
        self._exact = exact
        self._crossroads = crossroads

    async def standings(self) -> dict[str, object]:
        """How they are doing."""
        exact = [
            {"route": route, "entries": entries, "bytes": size_bytes}
            for route, (entries, size_bytes) in sorted(self._exact.usage().items())
        ]
        cache = self._crossroads.cache
        semantic = [] if cache is None else [standing.as_json() for standing in await cache.standings()]
        return {"exact": exact, "semantic": semantic}

    async def purge(self, route: str | None) -> dict[str, object]:
        """Forget all answers of a Route, by its document's name, or with None all there are. Returns how many."""
        cache = self._crossroads.cache
        exact = self._exact.purge(route)
        return {"exact": exact, "semantic": 0 if cache is None else await cache.purge(route)}

    async def explain(self, call: Call, match: Match) -> dict[str, object] | None:
        """What the semantic cache would make of a call; None where its Route, or its kind, is not compared by meaning.

        Raises TiermeshError(SETUP) where the encoder is not installed.
        """
        explained = await self._crossroads.explain(call, match)
        return None if explained is None else explained.as_json()
