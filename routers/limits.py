"""Bounds on what a caller may send and how long the router waits for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Of one listening address."""

    max_body_bytes: int = 8 * 1024 * 1024
    """A chat with images fits; a flood does not."""
    max_header_bytes: int = 64 * 1024
    """Request line and all headers."""
    keep_alive_seconds: float = 75
    """A connection between two requests is closed after this; longer than the usual 60 s of the load balancer in
    front."""
    receive_seconds: float = 60
    """From a request's first byte to its last: one that is fed drop by drop holds no connection for ever."""
    linger_seconds: float = 2
    """After a refusal, how long the rest of the request is read and thrown away."""
