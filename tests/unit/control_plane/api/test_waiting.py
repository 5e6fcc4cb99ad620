"""Waiting is bounded in number and in time, and ends with the process."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from control_plane.api.waiting import WaitingRoom
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import Content, Snapshot
from control_plane.store import snapshots
from control_plane.store.database import Database, Transaction
from control_plane.store.provenance import Provenance
from control_plane.store.snapshots import InForce
from observability.control_plane_metrics import ControlPlaneMetrics

_LONG = 3600.0


def _publish(database: Database) -> Snapshot:
    with database.write() as transaction:
        return snapshots.append(transaction, Content(), 0, Provenance("alice", "", datetime.now(UTC)))


def _room(database: Database, seats: int = 10) -> WaitingRoom:
    return WaitingRoom(database, ControlPlaneMetrics(), seats)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Awaitable[None]]:
    """Waits for so many looks at the database: what is published after a look can only be heard, not seen."""
    look = snapshots.in_force
    done = threading.Semaphore(0)

    def counted(transaction: Transaction) -> InForce | None:
        found = look(transaction)
        done.release()
        return found

    async def wait(number: int) -> None:
        for _ in range(number):
            assert await asyncio.to_thread(done.acquire, timeout=30)

    monkeypatch.setattr(snapshots, "in_force", counted)
    return wait


async def test_everybody_wakes_when_something_is_published(
    database: Database, looks: Callable[[int], Awaitable[None]]
) -> None:
    metrics = ControlPlaneMetrics()
    room = WaitingRoom(database, metrics, 10)
    waiting = [asyncio.create_task(room.newer(None, _LONG)) for _ in range(3)]
    await looks(3)
    assert "tiermesh_control_plane_waiters 3.0" in metrics.render().decode()
    room.ring(_publish(database))
    assert [found and found.number for found in await asyncio.wait_for(asyncio.gather(*waiting), 30)] == [1, 1, 1]
    assert "tiermesh_control_plane_snapshot 1.0" in metrics.render().decode()


async def test_a_bell_without_news_wakes_nobody_for_good(
    database: Database, looks: Callable[[int], Awaitable[None]]
) -> None:
    room = _room(database)
    first = await asyncio.to_thread(_publish, database)
    waiting = asyncio.create_task(room.newer(1, _LONG))
    await looks(1)
    room.ring(first)
    await looks(1)
    assert not waiting.done()
    room.ring(await asyncio.to_thread(_publish, database))
    found = await asyncio.wait_for(waiting, 30)
    assert found is not None
    assert found.number == 2


async def test_what_is_published_between_the_look_and_the_wait_is_not_missed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = _room(database)
    look = snapshots.in_force

    def publish_just_after(transaction: Transaction) -> InForce | None:
        found = look(transaction)
        if found is None:
            room.ring(_publish(database))
        return found

    monkeypatch.setattr(snapshots, "in_force", publish_just_after)
    async with asyncio.timeout(30):
        found = await room.newer(None, _LONG)
    assert found is not None
    assert found.number == 1


async def test_one_too_many_is_told_to_come_again(database: Database, looks: Callable[[int], Awaitable[None]]) -> None:
    room = _room(database, seats=1)
    waiting = asyncio.create_task(room.newer(None, _LONG))
    await looks(1)
    with pytest.raises(TiermeshError) as raised:
        await room.newer(None, _LONG)
    assert (raised.value.code, raised.value.retry_after_seconds) == (Code.QUEUE_FULL, 1)
    room.close()
    assert await waiting is None


async def test_a_seat_is_free_again_after_the_wait(database: Database) -> None:
    room = _room(database, seats=1)
    assert await room.newer(None, 0) is None
    assert await room.newer(None, 0) is None


async def test_nobody_waits_once_the_room_is_closed(database: Database) -> None:
    room = _room(database)
    room.close()
    assert await room.newer(None, _LONG) is None
