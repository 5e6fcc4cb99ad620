"""Where routers send the records of their decisions."""

from collections.abc import Sequence

import httpx2
from pydantic import SecretStr

from control_plane.client.answers import checked, unreachable
from control_plane.client.http import DEFAULT_URL, authorization, base_url, trusted


class DecisionSink:
    """Asynchronous client of POST /v1/decisions."""

    def __init__(self, url: str = DEFAULT_URL, timeout_seconds: float = 5, token: SecretStr | None = None) -> None:
        self.url = url
        self._http = httpx2.AsyncClient(
            base_url=base_url(url),
            headers=authorization(token),
            timeout=timeout_seconds,
            trust_env=False,
            verify=trusted(url),
        )

    async def send(self, records: Sequence[bytes]) -> None:
        """Hand records over, each a `control_plane.spec.decisions.DecisionRecord` as JSON.

        Raises TiermeshError: UNAVAILABLE with the URL where nothing answers, the server's own error otherwise.
        """
        body = b'{"records":[%b]}' % b",".join(records)
        headers = {"content-type": "application/json"}
        try:
            checked(await self._http.post("/v1/decisions", content=body, headers=headers), self.url)
        except httpx2.TransportError as error:
            raise unreachable(self.url, error) from error

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()
