"""`tiermesh down`: stops the mesh of a home, or what a killed launcher left of it."""

import asyncio
from dataclasses import dataclass

from control_plane.spec.errors import Code, TiermeshError
from launcher import leftovers, state
from launcher.endings import end
from launcher.home import Home
from launcher.identities import alive
from launcher.settings import UpSettings

_PROCESSES = 3
_KILL_SECONDS = 15.0
"""What each may take beyond its grace. A launcher that needs longer is killed, and its processes are ended here."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What `down` ended."""

    launcher: bool
    """Whether a launcher ran, and stopped its processes itself."""
    leftovers: int
    """How many processes ran without one."""


def down(settings: UpSettings) -> Stopped:
    """Stop whatever runs of this home; nothing running is fine.

    Raises TiermeshError(SETUP) where the launcher holds its lock but wrote no record.
    """
    home = Home(settings.home)
    if not home.root.is_dir():
        return Stopped(launcher=False, leftovers=0)
    return asyncio.run(_down(settings, home))


async def _down(settings: UpSettings, home: Home) -> Stopped:
    running = state.load(home)
    asked = running is not None and alive(running.launcher)
    if running and asked:
        patience = _PROCESSES * (settings.grace_seconds + _KILL_SECONDS)
        await end(running.launcher, tuple, patience)
    with state.sole(home) as alone:
        if not alone:
            raise TiermeshError(
                Code.SETUP, f"A launcher of {home.root} is at its very first step:", "try again in a moment."
            )
        left = await leftovers.clear(home, settings.grace_seconds)
    return Stopped(launcher=asked, leftovers=len(left))
