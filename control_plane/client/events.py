"""Where routers send the events of their spools."""

from collections.abc import Sequence

from control_plane.client.reaching import AsyncClient


class EventSink(AsyncClient):
    """Asynchronous client of POST /v1/events."""

    async def send(self, router: str, spool: str, first: int, events: Sequence[bytes]) -> None:
        """Hand events over, each a `control_plane.spec.events.Event` as JSON. Raises TiermeshError."""
        head = b'{"router":"%b","spool":"%b","first":%d,"events":[' % (router.encode(), spool.encode(), first)
        body = b"%b%b]}" % (head, b",".join(events))
        await self._call("POST", "/v1/events", content=body, headers={"content-type": "application/json"})
