"""The record of what runs, kept true while it runs: in TIERMESH_HOME/up.json, with the logs kept in bounds."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from launcher import state
from launcher.following import Following
from launcher.home import Home
from launcher.identities import Identity
from launcher.keepers import Keeper
from launcher.logs import bound
from launcher.state import Running, State
from launcher.supervisor import Supervisor

_EVERY_SECONDS = 2.0


@dataclass(slots=True)
class Recording:
    """Writes the record at once when it is told of a change, and looks for new descendants by itself."""

    home: Home
    launcher: Identity
    supervisor: Supervisor
    following: Following
    phase: Literal["starting", "ready", "stopping"] = "starting"
    _last: State | None = None

    async def record(self) -> None:
        """Record for ever."""
        while True:
            self.now()
            for keeper in self.supervisor.keepers.values():
                bound(keeper.process.log)
            await asyncio.sleep(_EVERY_SECONDS)

    def now(self) -> None:
        """Write what runs now, if it differs from what was written last."""
        keepers = self.supervisor.keepers
        now = State(
            launcher=self.launcher,
            phase=self.phase,
            processes=tuple(running for keeper in keepers.values() if (running := _running(keeper))),
            kin=tuple(sorted(self.supervisor.relatives(*keepers), key=lambda identity: identity.pid)),
            models_snapshot=self.following.snapshot,
        )
        if now != self._last:
            state.save(self.home, now)
            self._last = now


def _running(keeper: Keeper) -> Running | None:
    if keeper.child is None:
        return None
    return Running(
        name=keeper.process.name,
        identity=keeper.child.identity,
        started_at=keeper.child.started_at,
        address=keeper.process.address,
        ready_url=keeper.process.ready_url,
        restarts=keeper.restarts.total,
        ready=keeper.ready.is_set(),
    )
