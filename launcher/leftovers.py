"""What a launcher that was killed left running: found by the record it wrote, and ended."""

from functools import partial

from launcher import state
from launcher.endings import end
from launcher.home import Home
from launcher.identities import Identity, alive, descendants
from launcher.state import State


def living(left: State) -> list[Identity]:
    """The recorded processes and descendants that still run; a recycled process id is none of them."""
    recorded = [running.identity for running in left.processes] + list(left.kin)
    return [identity for identity in recorded if alive(identity)]


async def clear(home: Home, grace_seconds: float) -> list[Identity]:
    """End what the last launcher of this home left, and forget it. Returns what ran."""
    left = state.load(home)
    if left is None:
        return []
    found = living(left)
    for running in reversed(left.processes):
        # Recorded kin that lost their parent belong to no one in particular, and are ended last.
        await end(running.identity, partial(descendants, running.identity), grace_seconds)
    await end(None, lambda: living(left), grace_seconds)
    state.clear(home)
    return found
