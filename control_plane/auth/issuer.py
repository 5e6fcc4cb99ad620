"""An OpenID Connect provider's keys: found by discovery, fetched rarely, kept while it is away."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx2

from control_plane.auth.jwts import Head, Keys
from control_plane.spec.errors import Code, TiermeshError

logger = logging.getLogger(__name__)

FRESH_SECONDS = 3600.0
"""After this the keys are fetched anew, so that one that the provider took back ends here too."""
PAUSE_SECONDS = 30.0
"""Between two fetches at least: whoever writes key ids at will must not make us ask the provider at will."""
ANSWER_SECONDS = 5.0
"""In which both fetches must be done."""
LONGEST_ANSWER = 256 * 1024
"""In bytes."""


class Issuer:
    """The keys of one provider. Belongs to one event loop."""

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._now = now
        self._keys: Keys | None = None
        self._fetched = self._tried = -FRESH_SECONDS
        self._fetching = asyncio.Lock()

    async def keys(self, head: Head, anew: bool = False) -> tuple[Any, ...]:
        """The keys that may have signed what begins so; empty where the provider has none.

        `anew` says that those known are not the right ones, which a token without a key's id cannot tell by itself.
        Raises TiermeshError(UNAVAILABLE) where the provider was never reached.
        """
        found = self._keys.fitting(head) if self._keys else ()
        if found and not anew and (not self._stale or self._fetching.locked()):
            return found
        async with self._fetching:
            if anew or self._stale or not (self._keys and self._keys.fitting(head)):
                await self._fetch()
        if self._keys is None:
            raise self._away(max(1, round(self._tried + PAUSE_SECONDS - self._now())))
        return self._keys.fitting(head)

    @property
    def _stale(self) -> bool:
        return self._now() >= self._fetched + FRESH_SECONDS

    async def _fetch(self) -> None:
        """Replace the keys by today's, unless that was tried a moment ago. Those that are known outlive a failure."""
        if self._now() < self._tried + PAUSE_SECONDS:
            return
        self._tried = self._now()
        try:
            async with asyncio.timeout(ANSWER_SECONDS), _client(self._url) as http:
                self._keys = Keys.read(await _json(http, await self._address_of_keys(http)))
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError) as error:
            why = f"{type(error).__name__}: {error}"
            logger.warning("identity provider's keys not fetched", extra={"fields": {"issuer": self._url, "why": why}})
        else:
            self._fetched = self._tried

    async def _address_of_keys(self, http: httpx2.AsyncClient) -> str:
        found = await _json(http, f"{self._url.rstrip('/')}/.well-known/openid-configuration")
        if not isinstance(found, dict) or found.get("issuer") != self._url:
            raise ValueError("its discovery document names another issuer")
        address = found.get("jwks_uri")
        if not isinstance(address, str) or httpx2.URL(address).scheme != httpx2.URL(self._url).scheme:
            raise ValueError("its discovery document names no address of keys that is as safe as its own")
        return address

    def _away(self, wait_seconds: int) -> TiermeshError:
        return TiermeshError(
            Code.UNAVAILABLE,
            f"The identity provider {self._url} does not give its keys, so that no token of it can be checked.",
            "Try again shortly; API tokens work meanwhile, and the control plane's log says why.",
            retry_after_seconds=wait_seconds,
        )


def _client(url: str) -> httpx2.AsyncClient:
    # Redirects are not followed. The machine's proxies and certificates count where the provider is elsewhere.
    secure = httpx2.URL(url).scheme == "https"
    return httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=secure, verify=secure, follow_redirects=False)


async def _json(http: httpx2.AsyncClient, url: str) -> Any:
    async with http.stream("GET", url, headers={"accept": "application/json"}) as response:
        response.raise_for_status()
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > LONGEST_ANSWER:
                raise ValueError(f"{url} answers more than {LONGEST_ANSWER} bytes")
    return json.loads(body)
