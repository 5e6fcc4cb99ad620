"""Of several operators one leads, whatever becomes of the others. Time is virtual."""

from dataclasses import replace

import pytest

from control_plane.spec.errors import Code, TiermeshError
from operators.lease import Holding, Lease

AWAY = TiermeshError(Code.UNAVAILABLE, "The API server does not answer.")
SECONDS = 15


class World:
    """A clock, and a Lease that is kept as an API server keeps it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.kept: Holding | None = None
        self.away = False
        self.later: list[tuple[float, object]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        for at, do in [*self.later]:
            if self.now >= at and callable(do):
                self.later.remove((at, do))
                do()

    async def read(self) -> Holding | None:
        if self.away:
            raise AWAY
        return self.kept

    async def write(self, holding: Holding) -> Holding:
        if self.away:
            raise AWAY
        if holding.version != (self.kept and self.kept.version):
            raise TiermeshError(Code.CONFLICT, "Somebody was faster.")
        self.kept = replace(holding, version=str(int(holding.version or 0) + 1))
        return self.kept

    def lease(self, name: str) -> Lease:
        return Lease(self, name, SECONDS, self.clock, self.sleep)

    def held_by(self, name: str) -> None:
        version = str(int(self.kept.version or 0) + 1) if self.kept else "1"
        self.kept = Holding(name, SECONDS, version=version, renewed=str(self.now))


async def test_the_first_leads_at_once() -> None:
    world = World()
    await world.lease("one").acquire()
    assert world.now == 0
    assert world.kept is not None
    assert (world.kept.holder, world.kept.transitions) == ("one", 0)


async def test_another_leads_once_the_first_has_shown_no_sign_of_life_for_as_long_as_the_lease_lasts() -> None:
    world = World()
    world.held_by("one")
    await world.lease("other").acquire()
    assert world.now == SECONDS
    assert world.kept is not None
    assert (world.kept.holder, world.kept.transitions) == ("other", 1)


async def test_signs_of_life_count_by_the_watchers_own_clock() -> None:
    world = World()
    world.held_by("one")
    world.later = [(6.0, lambda: world.held_by("one")), (12.0, lambda: world.held_by("one"))]
    await world.lease("other").acquire()
    assert world.now >= 12 + SECONDS


async def test_a_lease_that_was_released_is_free() -> None:
    world = World()
    first = world.lease("one")
    await first.acquire()
    await first.release()
    await world.lease("other").acquire()
    assert world.now == 0


async def test_a_process_that_was_killed_leads_again_at_once() -> None:
    world = World()
    world.held_by("one")
    await world.lease("one").acquire()
    assert world.now == 0


async def test_who_cannot_renew_leads_no_more_before_another_may() -> None:
    world = World()
    one = world.lease("one")
    await one.acquire()
    world.away = True
    with pytest.raises(TiermeshError, match="The Lease is lost"):
        await one.hold()
    assert SECONDS / 2 < world.now < SECONDS


async def test_who_was_overtaken_leads_no_more_at_once() -> None:
    world = World()
    one = world.lease("one")
    await one.acquire()
    world.held_by("other")
    with pytest.raises(TiermeshError, match="The Lease is lost"):
        await one.hold()
    assert world.now == SECONDS / 5


async def test_a_moment_without_an_answer_and_somebodys_label_end_nothing() -> None:
    world = World()
    one = world.lease("one")
    await one.acquire()

    def away() -> None:
        world.away = True

    def back() -> None:
        world.away = False
        world.held_by("one")  # another version, and still ours

    world.later = [(5.0, away), (8.0, back), (100.0, away)]
    with pytest.raises(TiermeshError):
        await one.hold()
    assert world.now > 100
