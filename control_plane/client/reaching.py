"""Reaching the control plane: its address, the token that is shown, and what asynchronous clients have in common."""

import ssl
from typing import Any

import httpx2
from pydantic import SecretStr

from control_plane.client.answers import checked, unreachable
from control_plane.spec.errors import Code, TiermeshError

DEFAULT_URL = "http://127.0.0.1:8090"
"""Where the control plane listens on one machine."""


class AsyncClient:
    """What all asynchronous clients are. Their calls raise TiermeshError: UNAVAILABLE with the URL where nothing
    answers, the server's own error otherwise."""

    def __init__(self, url: str = DEFAULT_URL, timeout_seconds: float = 5, token: SecretStr | None = None) -> None:
        self.url = url
        self._timeout_seconds = timeout_seconds
        self._http = httpx2.AsyncClient(**reaching(url, timeout_seconds, token))

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    async def _call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            return checked(await self._http.request(method, path, **options), self.url)
        except httpx2.TransportError as error:
            raise unreachable(self.url, error) from error


def reaching(url: str, timeout_seconds: float, token: SecretStr | None) -> dict[str, Any]:
    """What httpx2's clients are made with. Raises TiermeshError(INVALID_REQUEST) where address or token are none."""
    return {
        "base_url": base_url(url),
        "headers": authorization(token),
        "timeout": timeout_seconds,
        "trust_env": False,  # proxies of the environment are meant for the internet; the control plane is never there
        "verify": trusted(url),
    }


def authorization(token: SecretStr | None) -> dict[str, str]:
    """The header that shows the token. Raises TiermeshError(INVALID_REQUEST) where it cannot be one."""
    if token is None:
        return {}
    secret = token.get_secret_value().strip()
    if not secret.isascii() or not secret.isprintable() or not secret or " " in secret:
        message = "The token holds characters that no token has."  # and is not repeated here
        raise TiermeshError(Code.INVALID_REQUEST, message, "Give it as it was shown, one line and nothing else.")
    return {"authorization": f"Bearer {secret}"}


def base_url(url: str) -> str:
    """The address itself. Raises TiermeshError(INVALID_REQUEST) where it is none."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise _bad_url(url) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise _bad_url(url)
    return url


def trusted(url: str) -> ssl.SSLContext | bool:
    """The machine's certificates, which take 20 ms to read, where the address is https; nobody's where it is plain."""
    return httpx2.URL(url).scheme == "https" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _bad_url(url: str) -> TiermeshError:
    return TiermeshError(
        Code.INVALID_REQUEST, f"{url!r} is not the address of a control plane.", f"Write it as {DEFAULT_URL}."
    )
