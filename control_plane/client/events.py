"""Where routers send the events of their spools."""

from collections.abc import Sequence

from control_plane.client.posting import Poster


class EventSink(Poster):
    """Asynchronous client of POST /v1/events."""

    async def send(self, router: str, spool: str, first: int, events: Sequence[bytes]) -> None:
        """Hand events over, each a `control_plane.spec.events.Event` as JSON. Raises TiermeshError."""
        head = b'{"router":"%b","spool":"%b","first":%d,"events":[' % (router.encode(), spool.encode(), first)
        await self._post("/v1/events", b"%b%b]}" % (head, b",".join(events)))
