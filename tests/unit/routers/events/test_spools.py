"""Spools and their sender: bounded on the disk, and nothing is lost while either side is away."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.events import MOST_EVENTS
from observability.metrics import RouterMetrics
from routers.events import spool, spools
from routers.events.sender import Sender
from routers.events.spools import Spools

AWAY = TiermeshError(Code.UNAVAILABLE, "away")
FORBIDDEN = TiermeshError(Code.FORBIDDEN, "no token")
REFUSED = TiermeshError(Code.INVALID_REQUEST, "no")


class Plane:
    """A control plane that takes what it gets, or fails as it is told."""

    def __init__(self, *failures: TiermeshError | None) -> None:
        self.failures = list(failures)
        self.taken: list[tuple[str, int, int]] = []
        """Numbers as they are in the events, by spool, and the number that was said of them."""
        self.closed = False

    async def send(self, router: str, spool: str, first: int, events: Sequence[bytes]) -> None:
        assert router == "router-1"
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        self.taken += [(spool, first + place, json.loads(event)["n"]) for place, event in enumerate(events)]

    async def aclose(self) -> None:
        self.closed = True

    @property
    def events(self) -> list[int]:
        return [event for _, _, event in self.taken]


def events(first: int, count: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(first, first + count)]


Made = tuple[Spools, Sender, RouterMetrics]
Make = Callable[..., Made]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Spools in one folder, as router after router has them."""
    with contextlib.ExitStack() as stack:

        def made(plane: Plane, most_bytes: int = 1 << 20) -> Made:
            metrics = RouterMetrics()
            kept = Spools(tmp_path / "events", most_bytes, metrics)
            kept._adopt()
            stack.callback(kept.close)
            return kept, Sender("router-1", kept, plane), metrics

        yield made


def dropped(metrics: RouterMetrics, why: str) -> float:
    return metrics.registry.get_sample_value("tiermesh_router_events_dropped_total", {"why": why}) or 0


async def test_everything_goes_out_in_bounded_batches_in_order(tmp_path: Path, make: Make) -> None:
    plane = Plane()
    kept, sender, _ = make(plane)
    kept.add(events(1, MOST_EVENTS + 5))
    await sender.step()
    assert plane.events == [number for _, number, _ in plane.taken] == list(range(1, MOST_EVENTS + 6))
    assert kept.waiting == 0


@pytest.mark.parametrize("failure", [AWAY, FORBIDDEN])
async def test_nothing_is_lost_while_the_control_plane_does_not_take_it(make: Make, failure: TiermeshError) -> None:
    plane = Plane(None, failure)
    kept, sender, metrics = make(plane)
    kept.add(events(1, MOST_EVENTS + 1))
    with pytest.raises(TiermeshError):
        await sender.step()
    assert kept.waiting == 1
    await sender.step()
    assert plane.events == list(range(1, MOST_EVENTS + 2))
    assert dropped(metrics, "refused") == 0


async def test_a_refused_batch_is_given_up_and_the_next_one_sent(tmp_path: Path, make: Make) -> None:
    plane = Plane(REFUSED)
    kept, sender, metrics = make(plane)
    kept.add(events(1, MOST_EVENTS + 1))
    await sender.step()
    assert (plane.events, dropped(metrics, "refused")) == ([MOST_EVENTS + 1], MOST_EVENTS)


async def test_the_next_process_sends_what_the_last_one_left_and_begins_a_spool_of_its_own(
    tmp_path: Path, make: Make
) -> None:
    kept, sender, _ = make(Plane(AWAY))
    kept.add(events(1, 3))
    await sender.close()
    plane = Plane()
    kept, sender, _ = make(plane)
    kept.add(events(4, 2))
    await sender.step()
    assert plane.events == [1, 2, 3, 4, 5]
    assert [number for _, number, _ in plane.taken] == [1, 2, 3, 1, 2]
    assert len({spool for spool, _, _ in plane.taken}) == 2
    await sender.close()
    assert plane.closed
    assert not list((tmp_path / "events").iterdir())


async def test_the_disk_is_bounded_the_oldest_go_first_and_are_counted(tmp_path: Path, make: Make) -> None:
    kept, sender, _ = make(Plane(AWAY), most_bytes=4000)
    for number in range(1, 101):
        kept.add(events(number, 1))
        await kept.flush()
    await sender.close()
    plane = Plane()
    kept, sender, metrics = make(plane, most_bytes=4000)
    for number in range(101, 601):
        kept.add(events(number, 1))
        await kept.flush()
        assert sum(path.stat().st_size for path in (tmp_path / "events").rglob("*.jsonl")) <= 4000
    assert kept.size_bytes <= 4000
    await sender.step()
    assert plane.events == list(range(601 - len(plane.events), 601))
    assert dropped(metrics, "full") == 600 - len(plane.events) > 100
    await sender.close()


async def test_a_disk_that_takes_nothing_costs_the_oldest_events_and_nothing_else(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "MOST_UNWRITTEN", 3)
    (tmp_path / "events").write_text("no folder")
    plane = Plane()
    kept, sender, metrics = make(plane)
    kept.add(events(1, 2))
    await sender.step()
    kept.add(events(3, 2))
    await sender.step()
    assert (plane.events, dropped(metrics, "disk")) == ([], 1)
    (tmp_path / "events").unlink()
    await sender.step()
    assert plane.events == [2, 3, 4]
    await sender.close()


async def test_two_routers_in_one_folder_do_not_take_each_others_events(tmp_path: Path, make: Make) -> None:
    first, sender, _ = make(Plane())
    first.add(events(1, 1))
    await first.flush()
    plane = Plane()
    _, other, _ = make(plane)
    await other.step()
    assert plane.events == []
    await sender.close()


def test_a_segment_is_small_against_the_whole() -> None:
    assert spool.SEGMENT_BYTES * 8 <= 256 * 1024 * 1024
