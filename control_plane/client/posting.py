"""Posting: how routers hand over what they have gathered."""

import httpx2
from pydantic import SecretStr

from control_plane.client.answers import checked, unreachable
from control_plane.client.http import DEFAULT_URL, authorization, base_url, trusted


class Poster:
    """Asynchronous client of the operations that take what routers write."""

    def __init__(self, url: str = DEFAULT_URL, timeout_seconds: float = 5, token: SecretStr | None = None) -> None:
        self.url = url
        self._http = httpx2.AsyncClient(
            base_url=base_url(url),
            headers=authorization(token),
            timeout=timeout_seconds,
            trust_env=False,
            verify=trusted(url),
        )

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    async def _post(self, path: str, body: bytes) -> None:
        """Raises TiermeshError: UNAVAILABLE with the URL where nothing answers, the server's own error otherwise."""
        headers = {"content-type": "application/json"}
        try:
            checked(await self._http.post(path, content=body, headers=headers), self.url)
        except httpx2.TransportError as error:
            raise unreachable(self.url, error) from error
