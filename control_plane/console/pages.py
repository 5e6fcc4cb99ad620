"""Pages: the console's files over HTTP, in front of the API.

They hold no secret and need no token: what they show comes from the API, which asks for one. Nothing of a request but
its method, its path and one validator is looked at.
"""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from control_plane.console.assets import Asset

_POLICY = "; ".join(
    (
        "default-src 'self'",  # so neither a script nor a style that stands in a page
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "require-trusted-types-for 'script'",  # texts never become markup, by mistake either
    )
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",  # kept, and asked about each time: pages and API are of one version
}


class Pages:
    """ASGI middleware: answers for the console's files, and passes all else on."""

    def __init__(self, app: ASGIApp, assets: Mapping[str, Asset]) -> None:
        self._app = app
        self._assets = assets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        asset = self._assets.get(scope["path"]) if scope["type"] == "http" else None
        if asset is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        else:
            await _answer(asset, Headers(scope=scope))(scope, receive, send)


def _answer(asset: Asset, asked: Headers) -> Response:
    headers = HEADERS | {"etag": asset.etag}
    known = (tag.strip().removeprefix("W/") for tag in asked.get("if-none-match", "").split(","))
    if asset.etag in known:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.media_type)
