"""Limits, tenants and replies that the tests of quotas share."""

from collections.abc import Callable
from typing import Any

from control_plane.spec.errors import TiermeshError
from control_plane.spec.tenants import Quotas
from routers.http import Headers, Reply
from routers.quotas.limits import SECOND, Limits
from routers.tenants import Tenant

NOON = 1_767_268_800 * SECOND
"""2026-01-01 12:00 UTC, at the beginning of a slot."""


def limits(**quotas: Any) -> Limits:
    """Of these quotas, in the words of a document."""
    made = Limits.of(Quotas.model_validate(quotas))
    assert made is not None
    return made


def tenant(name: str = "acme", **quotas: Any) -> Tenant:
    """With these quotas."""
    return Tenant(name, limits=limits(**quotas))


class Clock:
    """Microseconds that the test moves."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


class Kept:
    """A reply that keeps what it is sent."""

    def __init__(self) -> None:
        self.on_disconnect: Callable[[], None] | None = None
        self.on_drain: Callable[[], None] | None = None
        self.congested = False
        self.buffered_bytes = 0
        self.headers: Headers = b""
        self.body = b""
        self.ended = False

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self.start(status, headers)
        self.write(body)
        self.end()

    def start(self, status: int, headers: Headers) -> None:
        self.headers = headers

    def write(self, data: bytes) -> None:
        self.body += data

    def end(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True

    def disconnect(self) -> None:
        """The caller leaves."""
        if self.on_disconnect is not None:
            self.on_disconnect()


class Door:
    """What a desk lets through and what it refuses."""

    def __init__(self) -> None:
        self.served: list[Reply] = []
        self.refused: list[TiermeshError] = []

    def serve(self, reply: Reply) -> None:
        self.served.append(reply)

    def refuse(self, error: TiermeshError, reply: Reply) -> None:
        self.refused.append(error)
        reply.send(error.status, b"", b"")
