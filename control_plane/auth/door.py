"""The door of this machine: who counts as sitting at it, and may do everything without a token. Pure.

A request over loopback may still be somebody else's: a web page that the person here looks at can send requests to
127.0.0.1, under its own name by DNS rebinding, and a proxy on this machine passes on the requests of strangers.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from control_plane.auth.tokens import CURE
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Binding, Principal, Role

LOOPBACK = "loopback"
ANONYMOUS = "anonymous"
"""The name of whoever sits here and does not say theirs."""


@dataclass(frozen=True, slots=True)
class Knock:
    """What a request shows of who makes it."""

    address: str
    """The other end of its connection."""
    authorizations: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    fetch_site: str | None = None
    """Browsers say here whether a page of the same site asks; pages cannot write it."""
    forwarded: bool = False
    """Whether a proxy passed it on."""


def local(knock: Knock, is_open: bool) -> Principal:
    """Whoever sits at this machine.

    Raises TiermeshError(UNAUTHENTICATED) with the reason where a token is needed.
    """
    why = _not_local(knock) if is_open else "nobody may ask this control plane without one"
    if why is not None:
        hint = f"Send one as 'authorization: Bearer TOKEN'. {CURE[0].upper()}{CURE[1:]}"
        raise TiermeshError(Code.UNAUTHENTICATED, f"A token is needed: {why}.", hint)
    return Principal(name=ANONYMOUS, bindings=(Binding(role=Role.ADMIN),), router=True, via=LOOPBACK)


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _not_local(knock: Knock) -> str | None:
    """Why a request is not one of whoever sits here."""
    if not is_loopback(knock.address):
        return "the request comes from another machine"
    if knock.forwarded:
        return "a proxy passed the request on"
    if len(knock.hosts) != 1 or not is_loopback(_host(knock.hosts[0])):
        return "the request names this machine by another name than localhost"
    if any(origin != f"http://{knock.hosts[0]}" for origin in knock.origins):
        return "a web page of another origin sent the request"
    if knock.fetch_site not in (None, "none", "same-origin"):
        return "a web page of another site sent the request"
    return None


def _host(written: str) -> str:
    """The name or address in a Host header; empty where there is none."""
    try:
        parts = urlsplit(f"//{written}")
        return (parts.hostname or "") if not (parts.username or parts.path or parts.query) else ""
    except ValueError:
        return ""
