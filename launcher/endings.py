"""How processes end: asked first, given time, then killed; with all they started and the files they shared."""

import asyncio
import time
from collections.abc import Callable, Iterable
from signal import SIGKILL, SIGTERM

from launcher.identities import Identity, alive, signal
from launcher.shared_memory import mapped, remove_unused

_LOOK_SECONDS = 0.05
_KIN_GRACE_SECONDS = 3.0
_KILL_SECONDS = 10.0
"""A killed process is gone as soon as the kernel has freed its memory."""

Relatives = Callable[[], Iterable[Identity]]


async def end(
    leader: Identity | None, relatives: Relatives, grace_seconds: float, hurry: asyncio.Event | None = None
) -> list[Identity]:
    """End `leader`, then what it left: `relatives()` is asked before and after.

    The leader alone gets SIGTERM first, so that it can end its descendants in its own order. `hurry` cuts every wait
    short. Returns those that even SIGKILL did not end (they hang in the kernel).
    """
    hurry = hurry or asyncio.Event()
    first = {leader} if leader else set()
    family = first | set(relatives())
    shared = mapped(identity.pid for identity in family)
    for identity in first:
        signal(identity, SIGTERM)
    await _gone(first, grace_seconds, hurry)
    rest = _living(family | set(relatives()))
    shared |= mapped(identity.pid for identity in rest)
    for identity in rest - first:
        signal(identity, SIGTERM)
    kin_grace = min(_KIN_GRACE_SECONDS, grace_seconds)
    for identity in await _gone(rest - first, kin_grace, hurry) | (rest & first):
        signal(identity, SIGKILL)
    stuck = await _gone(rest, _KILL_SECONDS, asyncio.Event())
    remove_unused(shared)
    return sorted(stuck, key=lambda identity: identity.pid)


def _living(identities: set[Identity]) -> set[Identity]:
    return {identity for identity in identities if alive(identity)}


async def _gone(identities: set[Identity], seconds: float, hurry: asyncio.Event) -> set[Identity]:
    """Wait until all are gone. Returns those that are not."""
    until = time.monotonic() + seconds
    left = _living(identities)
    # Most of them are not children of this process: their end raises no event here.
    while left and time.monotonic() < until and not hurry.is_set():
        await asyncio.sleep(_LOOK_SECONDS)
        left = _living(left)
    return left
