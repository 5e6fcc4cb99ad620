"""Killed at any point, a control plane goes on from what is written down."""

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import event

from control_plane.audit import verify
from control_plane.spec.courses import Phase, Standing
from control_plane.store import audit, snapshots
from tests.unit.control_plane.rollouts.world import GUARDED, KEY, World
from tests.unit.control_plane.rollouts.world import world as world
from tests.unit.control_plane.samples import rollout, shop


class _Killed(BaseException):
    """The process ends."""


class _Killer:
    """Ends the process before its so-many-th write or end of a transaction; what is not committed is lost."""

    def __init__(self, world: World, at: int) -> None:
        self.seen = 0
        self._at = at
        event.listen(world.database._engine, "before_cursor_execute", self._write)
        event.listen(world.database._engine, "commit", self._count)

    def _write(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SELECT", "BEGIN")):
            self._count()

    def _count(self, *_: object) -> None:
        self.seen += 1
        if self.seen == self._at:
            raise _Killed


def _through(world: World, killed_at: int) -> tuple[list[Any], int]:
    """A whole rollout, started again when it is killed: what routers, people and the audit are told in the end, and
    how often it could have been killed."""
    world.apply(*shop(), rollout(steps=[{"setWeight": 5}, {"analysis": {"minutes": 1}}], **GUARDED))
    killer = _Killer(world, killed_at)
    for minutes in range(2):
        try:
            world.at(minutes, Standing.HOLDS)
        except _Killed:
            world.database.close()
            world.open()
            assert _agrees(world)
            world.at(minutes, Standing.HOLDS)
    assert _agrees(world)
    with world.database.read() as transaction:
        told = [snapshots.get(transaction, number) for number in range(1, world.snapshot().number + 1)]
        assert verify(audit.every(transaction)).holds
    world.database.close()
    weights = [[arm.weight for trial in one.content.routes[0].trials for arm in trial.arms] for one in told if one]
    return [weights, [(one.phase, one.step, one.snapshot) for one in world.history()], world.written()], killer.seen


def _agrees(world: World) -> bool:
    """Whether what routers are told is what is written down of the rollout."""
    status = world.rollouts.status(KEY)
    armed = status.phase not in (Phase.PENDING, Phase.PROMOTED)
    written = (world.written()[0][1]["tiers"] == {"heavy": ["assistant"]}) == (status.phase is Phase.PROMOTED)
    return written and world.weight() == (status.weight if armed else None)


def test_killed_at_any_point_and_started_again_it_does_what_it_would_have_done(
    tmp_path: Path, empty_database: Path
) -> None:
    def run(killed_at: int) -> tuple[list[Any], int]:
        path = shutil.copy(empty_database, tmp_path / f"{killed_at}.db")
        return _through(World(f"sqlite:///{path}"), killed_at)

    expected, points = run(0)
    assert points >= 20
    for point in range(1, points + 1):
        assert run(point)[0] == expected, f"killed at {point}"
