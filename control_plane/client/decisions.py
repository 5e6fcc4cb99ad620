"""Where routers send the records of their decisions."""

from collections.abc import Sequence

from control_plane.client.reaching import AsyncClient


class DecisionSink(AsyncClient):
    """POST /v1/decisions."""

    async def send(self, records: Sequence[bytes]) -> None:
        """Hand records over, each a `control_plane.spec.decisions.DecisionRecord` as JSON."""
        body = b'{"records":[%b]}' % b",".join(records)
        await self._call("POST", "/v1/decisions", content=body, headers={"content-type": "application/json"})
