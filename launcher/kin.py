"""Kin: which descendants belong to which process, even after it died and left them behind."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from launcher.identities import Identity, alive, descendants, identify

MARK = "TIERMESH_LAUNCHED_AS"
"""Environment variable in which each process that is started finds its name, and its descendants theirs."""
NOBODY = ""
"""Owner of an orphan that was not seen before it became one and that wrote over its environment."""


@dataclass(slots=True)
class Kin:
    """The descendants of this process's children, by the child they come from.

    Works for processes that leave their session and their parent, given `tether.adopt_orphans()`.
    """

    owners: dict[Identity, str] = field(default_factory=dict)

    def look(self, children: Mapping[str, Identity]) -> None:
        """Look again. `children` maps each owner to the process that was started for it, alive or not."""
        seen = {found: name for name, child in children.items() for found in descendants(child)}
        for orphan in _orphans({child.pid for child in children.values()}):
            owner = self.owners.get(orphan) or _marked_owner(orphan.pid)
            seen[orphan] = owner
            seen |= {found: self.owners.get(found, owner) for found in descendants(orphan)}
        self.owners = seen

    def of(self, *owners: str) -> list[Identity]:
        """The living descendants of these owners."""
        return [identity for identity, owner in self.owners.items() if owner in owners and alive(identity)]


def _orphans(started: set[int]) -> list[Identity]:
    """Adopted children of this process; those that ended are reaped here, since nobody else waits for them."""
    orphans = []
    for child in psutil.Process().children():
        if child.pid in started:
            continue
        identity = identify(child.pid)
        if identity is None:
            _reap(child.pid)
        else:
            orphans.append(identity)
    return orphans


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _marked_owner(pid: int) -> str:
    """The environment is inherited through every fork and exec, a daemon's included."""
    try:
        return psutil.Process(pid).environ().get(MARK, NOBODY)
    except psutil.Error:
        return NOBODY
