"""The watcher keeps a router on the newest snapshot that can be built, whatever the source does."""

import asyncio
import contextlib
from collections import deque
from pathlib import Path

import pytest

from control_plane.spec.documents import Document
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import Snapshot
from observability.metrics import RouterMetrics
from routers.reading import Found, Reader
from routers.runtime import Runtime
from routers.watcher import LastGood, Watcher
from tests.unit.routers.samples import model, route, snapshot

AWAY = TiermeshError(Code.UNAVAILABLE, "The control plane does not answer.")
UNKNOWN = TiermeshError(Code.NOT_FOUND, "There is no snapshot 42.")


class FakeSource:
    """Answers from a script; notes what it was asked and told."""

    def __init__(self, *answers: Snapshot | TiermeshError | None) -> None:
        self.answers = deque(answers)
        self.refusals: deque[TiermeshError] = deque()
        self.asked: list[int | None] = []
        self.acknowledged: list[tuple[int, str | None]] = []
        self.exhausted = asyncio.Event()

    async def next(self, after: int | None) -> Found | None:
        self.asked.append(after)
        if not self.answers:
            self.exhausted.set()
            await asyncio.Event().wait()
        answer = self.answers.popleft()
        if isinstance(answer, TiermeshError):
            raise answer
        return None if answer is None else Found(answer)

    async def acknowledge(self, number: int, error: str | None) -> None:
        if self.refusals:
            raise self.refusals.popleft()
        self.acknowledged.append((number, error))

    async def close(self) -> None: ...


class Following:
    """A watcher and what it put in force."""

    def __init__(self, source: FakeSource, last_good: Path | None = None) -> None:
        self.source = source
        self.metrics = RouterMetrics()
        self.served: list[int] = []
        kept = LastGood(last_good, Reader()) if last_good else None
        self.watcher = Watcher(source, self._swap, kept, self.metrics)

    def _swap(self, runtime: Runtime) -> None:
        self.served.append(runtime.snapshot.number)

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await self.watcher.step()

    def metric(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)


def bad(number: int) -> Snapshot:
    """A snapshot that no router can build."""
    return snapshot(number=number, sha256="0" * 64)


async def test_a_source_that_answers_with_nothing_has_published_nothing_until_it_has() -> None:
    following = Following(FakeSource(AWAY, None, snapshot(number=1), None))
    said = []
    for _ in range(4):
        with contextlib.suppress(TiermeshError):
            await following.watcher.step()
        said.append(following.watcher.nothing_published)
    assert said == [False, True, False, False]


async def test_each_new_snapshot_is_put_in_force_and_acknowledged() -> None:
    following = Following(FakeSource(snapshot(number=1), None, snapshot(number=2)))
    await following.steps(3)
    assert following.served == [1, 2]
    assert following.source.acknowledged == [(1, None), (1, None), (2, None)]
    assert following.source.asked == [None, 1, 1]
    assert following.metric("tiermesh_router_snapshot") == 2


async def test_a_snapshot_that_cannot_be_built_is_refused_with_the_reason_and_the_old_one_stays() -> None:
    following = Following(FakeSource(snapshot(number=1), bad(2), snapshot(number=3)))
    await following.steps(2)
    assert following.served == [1]
    number, error = following.source.acknowledged[-1]
    assert (number, "hash" in str(error)) == (2, True)
    assert following.metric("tiermesh_router_snapshot") == 1
    assert following.metric("tiermesh_router_snapshot_errors_total") == 1
    await following.steps(1)
    assert following.served == [1, 3]
    assert following.source.asked == [None, 1, 2]


async def test_what_was_said_is_said_again_where_no_snapshot_came_so_that_the_router_counts_as_alive() -> None:
    following = Following(FakeSource(bad(1), None, None))
    await following.steps(3)
    first, *again = following.source.acknowledged
    assert again == [first, first]


async def test_a_missing_key_is_a_reason_too() -> None:
    keyed: list[Document] = [model("light", apiKeyFromEnv="TIERMESH_UPSTREAM_KEY_NOT_SET_HERE"), route(heavy=[])]
    following = Following(FakeSource(snapshot(keyed, number=9)))
    await following.steps(1)
    assert following.served == []
    assert "TIERMESH_UPSTREAM_KEY_NOT_SET_HERE" in str(following.source.acknowledged[0][1])


async def test_an_acknowledgement_is_repeated_until_the_control_plane_is_back() -> None:
    source = FakeSource(snapshot(number=1), None)
    source.refusals.extend([AWAY, AWAY])
    following = Following(source)
    for _ in range(2):
        with pytest.raises(TiermeshError, match="does not answer"):
            await following.watcher.step()
    assert following.served == [1]
    assert source.asked == [None]
    await following.steps(1)
    assert set(source.acknowledged) == {(1, None)}


async def test_an_acknowledgement_that_is_refused_for_good_does_not_end_the_following() -> None:
    source = FakeSource(snapshot(number=42), snapshot(number=1))
    source.refusals.extend([AWAY, UNKNOWN])
    following = Following(source)
    with pytest.raises(TiermeshError):
        await following.watcher.step()
    await following.steps(1)
    assert following.served == [42, 1]
    assert source.acknowledged == [(1, None)]


async def test_a_lower_number_from_a_control_plane_that_was_set_up_anew_is_served() -> None:
    following = Following(FakeSource(snapshot(number=42), snapshot(number=1)))
    await following.steps(2)
    assert following.served == [42, 1]


async def test_it_goes_on_when_the_source_is_away_and_says_so_in_its_metrics() -> None:
    following = Following(FakeSource(snapshot(number=1), AWAY, snapshot(number=2)))
    running = asyncio.create_task(following.watcher.run())
    await following.source.exhausted.wait()
    running.cancel()
    assert following.served == [1, 2]
    assert following.metric("tiermesh_router_snapshot_errors_total") == 1
    assert following.metric("tiermesh_router_control_plane_up") == 1


async def test_the_control_plane_counts_as_down_while_it_does_not_answer() -> None:
    source = FakeSource(AWAY)
    following = Following(source)
    running = asyncio.create_task(following.watcher.run())
    await source.exhausted.wait()
    running.cancel()
    assert following.metric("tiermesh_router_control_plane_up") == 0


async def test_a_restarted_router_serves_the_last_good_snapshot_and_asks_for_any(tmp_path: Path) -> None:
    place = tmp_path / "r" / "snapshot.json"
    await Following(FakeSource(snapshot(number=7), bad(8)), place).steps(2)
    restarted = Following(FakeSource(None), place)
    restarted.watcher.restore()
    await restarted.steps(1)
    assert restarted.served == [7]
    assert restarted.source.asked == [None]
    assert restarted.source.acknowledged == []


@pytest.mark.parametrize("content", [b"", b'{"number": 7', b"{}", b"\xff\xfe", b"[]"])
def test_a_last_good_file_that_is_broken_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "snapshot.json"
    place.write_bytes(content)
    assert LastGood(place, Reader()).load() is None


async def test_a_last_good_file_that_cannot_be_served_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "snapshot.json"
    place.write_text(bad(7).model_dump_json())
    following = Following(FakeSource(snapshot(number=8)), place)
    following.watcher.restore()
    await following.steps(1)
    assert following.served == [8]


def test_what_is_kept_is_read_again_unchanged(tmp_path: Path) -> None:
    kept = LastGood(tmp_path / "a" / "snapshot.json", Reader())
    kept.save(Found(snapshot(number=7)))
    found = kept.load()
    assert found is not None and found.snapshot == snapshot(number=7)
    kept.save(found)
    assert kept.load() == found
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["snapshot.json"]


async def test_a_disk_that_takes_nothing_does_not_stop_the_serving(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    following = Following(FakeSource(snapshot(number=1)), tmp_path / "file" / "snapshot.json")
    await following.steps(1)
    assert following.served == [1]
    assert following.source.acknowledged == [(1, None)]
