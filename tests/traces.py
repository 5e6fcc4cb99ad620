"""What a mesh leaves on a machine while it runs, and must not leave afterwards: processes, ports, shared memory."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher import state
from launcher.home import Home
from launcher.identities import Identity, alive, descendants
from launcher.shared_memory import mapped


@dataclass(frozen=True)
class Traces:
    """Everything that one mesh has at one moment."""

    record: Path
    processes: frozenset[Identity]
    ports: tuple[int, ...]
    shared_memory: frozenset[Path]

    @classmethod
    def of(cls, home: Path, environment: Mapping[str, str]) -> "Traces":
        """The traces of the mesh that runs in this home, with these settings."""
        recorded = state.load(Home(home))
        assert recorded
        started = {running.identity for running in recorded.processes}
        processes = frozenset({*started, *recorded.kin, *descendants(recorded.launcher)})
        return cls(
            record=Home(home).state,
            processes=processes,
            ports=tuple(int(value) for name, value in environment.items() if name.endswith("_PORT")),
            shared_memory=frozenset(mapped(identity.pid for identity in processes)),
        )

    def left(self) -> list[str]:
        """Those that are still there."""
        return [
            *(f"process {identity.pid}" for identity in self.processes if alive(identity)),
            *(f"port {port}" for port in self.ports if _listened_on(port)),
            *(str(file) for file in [self.record, *self.shared_memory] if file.exists()),
        ]


def _listened_on(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
