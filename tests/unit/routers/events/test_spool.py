"""A spool: what was written is there, once and in order, however the process that wrote it ended."""

import contextlib
import errno
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from routers.events.spool import Spool


def events(first: int, count: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(first, first + count)]


def left(spool: Spool) -> tuple[int, list[bytes]]:
    """All that waits: the first number, and the events without a gap."""
    found: list[bytes] = []
    first = None
    while batch := spool.read(3, 10_000):
        first = batch.first if first is None else first
        assert batch.first == first + len(found)
        found += batch.events
        spool.arrive(batch)
    return first or 0, found


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A new one."""
    made = Spool.made(tmp_path)
    yield made
    made.close()


def left_by(killed: Spool) -> tuple[int, list[bytes]]:
    """What waits when the process that wrote it was killed: the system closes its files, and nothing else is done."""
    for file in (killed._lock, killed._open):
        if file is not None:
            file.close()
    with contextlib.closing(Spool(killed.folder)) as again:
        return left(again)


def test_events_are_numbered_from_one_and_come_in_order_across_segments(spool: Spool) -> None:
    for number in range(1, 8):
        spool.write(events(number, 1), segment_bytes=20)
    assert len(list(spool.folder.glob("*.jsonl"))) > 1
    assert left(spool) == (1, events(1, 7))


def test_what_arrived_goes_from_the_disk(spool: Spool) -> None:
    for number in range(1, 8):
        spool.write(events(number, 1), segment_bytes=20)
    left(spool)
    assert len(list(spool.folder.glob("*.jsonl"))) == 1  # the one that is written to
    spool.close()
    assert not spool.folder.exists()


def test_a_batch_is_bounded_in_bytes_but_holds_one_event_at_least(spool: Spool) -> None:
    spool.write(events(1, 4))
    sizes = []
    for most_bytes in (18, 1):
        batch = spool.read(9, most_bytes)
        assert batch is not None
        sizes.append(len(batch.events))
        spool.arrive(batch)
    assert sizes == [2, 1]


def test_what_a_killed_process_left_is_sent_and_a_torn_last_line_is_not(spool: Spool) -> None:
    spool.write(events(1, 3))
    with next(spool.folder.glob("*.jsonl")).open("ab") as file:
        file.write(b'{"n":4')
    assert left_by(spool) == (1, events(1, 3))
    assert not spool.folder.exists()


@pytest.mark.parametrize("cut", range(9))
def test_wherever_a_segment_is_torn_the_whole_lines_before_are_there(spool: Spool, cut: int) -> None:
    spool.write(events(1, 2))
    path = next(spool.folder.glob("*.jsonl"))
    path.write_bytes(path.read_bytes()[:-cut] if cut else path.read_bytes())
    assert left_by(spool)[1] == events(1, 1 if cut else 2)


def test_a_line_that_the_disk_spoilt_keeps_its_number(spool: Spool) -> None:
    spool.write(events(1, 3))
    path = next(spool.folder.glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'{"n":2}', b"\0\0\0\0\0\0\0"))
    assert left_by(spool) == (1, [events(1, 1)[0], b"{}", events(3, 1)[0]])


def test_the_spool_of_a_living_process_is_not_taken(spool: Spool) -> None:
    with pytest.raises(BlockingIOError):
        Spool(spool.folder)


@pytest.mark.parametrize("written", [0, 11])
def test_after_a_write_that_failed_halfway_no_number_is_given_twice(spool: Spool, written: int) -> None:
    spool.write(events(1, 1))
    whole = FileIO.write

    class Full(FileIO):
        def write(self, data: Any, /) -> int:
            return whole(self, bytes(data)[:written])

    assert spool._open is not None
    path = spool._open.name
    spool._open.close()
    spool._open = Full(path, "ab")
    with pytest.raises(OSError, match="space") as caught:
        spool.write(events(2, 2))
    assert caught.value.errno == errno.ENOSPC
    spool.write(events(2, 2))
    assert left_by(spool) == (1, events(1, 3))


def test_what_is_given_up_leaves_a_gap_in_the_numbers(spool: Spool) -> None:
    for number in range(1, 7):
        spool.write(events(number, 1), segment_bytes=10)
    spool.arrive(spool.read(1, 99) or pytest.fail("nothing waits"))
    assert spool.drop() == 1  # of two, one has arrived
    assert left(spool) == (3, events(3, 4))
