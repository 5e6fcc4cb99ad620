"""A control plane's parts around one Rollout, without a server."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from control_plane.publisher import Publisher
from control_plane.rollouts.steering import Rollouts
from control_plane.spec.courses import Decision, Evidence, Guarded, Phase, Standing
from control_plane.spec.documents import Rollout
from control_plane.spec.names import Key
from control_plane.spec.snapshots import CompiledRoute, Snapshot
from control_plane.store import revisions, rollouts, snapshots
from control_plane.store.database import Database, Transaction
from tests.unit.control_plane.samples import parsed

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEY = Key("Rollout", "heavier")
ROUTE = Key("Route", "shop")
GUARDED: dict[str, Any] = {"guardrails": [{"metric": "errors", "margin": {"absolute": 0.01}}]}
STEPS: dict[str, Any] = {
    "steps": [{"mirror": {"minutes": 2}}, {"setWeight": 5}, {"analysis": {"minutes": 2}}, {"setWeight": 50}]
}


@dataclass
class World:
    """A control plane's parts over one file, a clock that is set, and what is shown."""

    url: str
    minutes: float = 0
    standing: Standing = Standing.OPEN
    rung: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.database = Database(self.url)
        self.publisher = Publisher(self.database, "http://h", self._ring, lambda: self.now)
        self.rollouts = Rollouts(self.publisher, self._shown)

    def apply(self, *documents: dict[str, Any], manager: str = "tiermesh") -> None:
        self.publisher.apply(parsed(*documents), "alice", manager=manager)

    @property
    def now(self) -> datetime:
        return NOW + timedelta(minutes=self.minutes)

    def at(self, minutes: float, standing: Standing = Standing.OPEN) -> None:
        """Look, at that time and with that shown."""
        self.minutes, self.standing = minutes, standing
        self.rollouts.follow()

    def phase(self, key: Key = KEY) -> Phase:
        return self.rollouts.status(key).phase

    def snapshot(self) -> Snapshot:
        with self.database.read() as transaction:
            found = snapshots.latest(transaction)
        assert found is not None
        return found

    def compiled(self, name: str = "shop") -> CompiledRoute:
        return next(route for route in self.snapshot().content.routes if route.name == name)

    def weight(self) -> float | None:
        """The candidate's, as routers have it; None where the Route has no arms."""
        trials = self.compiled().trials
        return trials[0].arms[1].weight if trials else None

    def written(self, key: Key = ROUTE) -> list[Any]:
        """Who wrote a document, and what it says of its spec."""
        with self.database.read() as transaction:
            return [(one.author, one.document and one.document["spec"]) for one in revisions.history(transaction, *key)]

    def history(self) -> list[Decision]:
        with self.database.read() as transaction:
            return list(reversed(rollouts.history(transaction, "heavier")))

    def _ring(self, snapshot: Snapshot) -> None:
        self.rung.append(snapshot.number)

    def _shown(self, _transaction: Transaction, rollout: Rollout) -> Evidence:
        guardrails = (Guarded(metric=one.metric, standing=self.standing) for one in rollout.spec.guardrails)
        return Evidence(guardrails=tuple(guardrails))


@pytest.fixture
def world(tmp_path: Path, empty_database: Path) -> Iterator[World]:
    made = World(f"sqlite:///{shutil.copy(empty_database, tmp_path / 'test.db')}")
    with closing(made.database):
        yield made
