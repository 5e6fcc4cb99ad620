"""Answers of one moment go out together, in their order, and none is lost."""

import asyncio
from collections.abc import Callable
from typing import cast

from routers.outbox import Outbox


class Turn:
    """An event loop whose clock the test sets and whose turn the test ends."""

    def __init__(self) -> None:
        self.now = 1.0
        self._soon: list[Callable[[], object]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], object]) -> None:
        self._soon.append(callback)

    def end(self) -> None:
        soon, self._soon = self._soon, []
        for callback in soon:
            callback()


class Wire:
    """A transport that keeps what is written."""

    def __init__(self, written: list[bytes]) -> None:
        self.written = written
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed


class Office:
    """An outbox with its loop, and all that went out of it."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.outbox = Outbox(cast(asyncio.AbstractEventLoop, self.turn))
        self.out: list[bytes] = []

    def write(self, data: bytes) -> Wire:
        wire = Wire(self.out)
        self.outbox.write(cast(asyncio.Transport, wire), data)
        return wire


def test_an_answer_alone_waits_for_nobody() -> None:
    office = Office()
    for number in (b"1", b"2", b"3"):
        office.turn.now += 0.001
        office.write(number)
        assert office.out[-1] == number


def test_answers_of_one_moment_follow_the_first_at_the_end_of_the_turn() -> None:
    office = Office()
    for number in (b"1", b"2", b"3"):
        office.write(number)
    assert office.out == [b"1"]
    office.turn.end()
    assert office.out == [b"1", b"2", b"3"]


def test_no_answer_overtakes_what_waits() -> None:
    office = Office()
    office.write(b"1")
    office.write(b"2")
    office.turn.now += 0.001  # whoever sets a timer meanwhile moves the clock
    office.write(b"3")
    office.turn.end()
    assert office.out == [b"1", b"2", b"3"]


def test_what_waits_goes_out_before_what_is_not_an_answer() -> None:
    office = Office()
    office.write(b"1")
    office.write(b"2")
    office.outbox.flush()
    assert office.out == [b"1", b"2"]
    office.turn.end()
    assert office.out == [b"1", b"2"]


def test_who_has_left_meanwhile_gets_nothing_and_keeps_nobody_waiting() -> None:
    office = Office()
    office.write(b"1")
    office.write(b"2").closed = True
    office.write(b"3")
    office.turn.end()
    assert office.out == [b"1", b"3"]
