"""A state of the files is a letter here, and each look comes an interval after the one before."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.settled import Settled, stamp


@dataclass
class Files:
    """Files that are written to, and what they were read as."""

    state: str = ""
    written_while_read: str = ""
    """The state that they have after the next reading, where somebody writes meanwhile."""
    readings: list[str] = field(default_factory=list)

    def read(self) -> str:
        self.readings.append(self.state)
        self.state, self.written_while_read = self.written_while_read or self.state, ""
        return self.readings[-1]

    def followed(self) -> Settled[str]:
        return Settled(lambda: self.state, self.read)


def said(states: Sequence[str]) -> list[str | None]:
    """What is said at each look where it sees these states."""
    files = Files()
    settled, found = files.followed(), []
    for files.state in states:
        found.append(settled.next())
    return found


def test_the_first_look_counts_and_a_change_once_two_looks_saw_it() -> None:
    assert said("aaabbb") == ["a", None, None, None, "b", None]


def test_what_two_looks_saw_differently_is_nobodys_state() -> None:
    assert said("aabcdee") == ["a", None, None, None, None, None, "e"]


def test_what_becomes_again_what_it_was_is_no_change() -> None:
    assert said("aabaa") == ["a", None, None, None, None]


@given(st.text("abc", min_size=1, max_size=30))
def test_all_that_lasts_two_looks_is_said_at_the_second_and_nothing_else_is(states: str) -> None:
    expected: list[str | None] = [states[0]]
    taken = states[0]
    for before, state in pairwise(states):
        expected.append(state if before == state != taken else None)
        taken = expected[-1] or taken
    assert said(states) == expected


def test_what_was_written_to_while_it_was_read_is_read_again() -> None:
    files = Files("a")
    settled = files.followed()
    settled.next()
    files.state, files.written_while_read = "b", "c"
    assert [settled.next() for _ in range(5)] == [None, None, None, "c", None]
    assert files.readings == ["a", "b", "c"]


def test_what_cannot_be_read_is_said_once_and_its_repair_counts() -> None:
    state = "a"

    def read() -> str:
        if state == "b":
            raise ValueError(state)
        return state

    settled = Settled(lambda: state, read)
    settled.next()
    state = "b"
    assert settled.next() is None
    with pytest.raises(ValueError, match="b"):
        settled.next()
    assert settled.next() is None
    state = "c"
    assert [settled.next() for _ in range(2)] == [None, "c"]


def test_a_stamp_is_another_after_each_thing_that_changes_what_is_read(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    seen = set()

    def look() -> None:
        seen.add(stamp(file.stat()))

    for text in ("one", "", "three"):
        file.write_text(text)
        look()
    os.utime(file, ns=(1, 1))
    look()
    other.write_text("three")
    os.utime(other, ns=(1, 1))
    other.replace(file)
    look()
    assert len(seen) == 5
    look()
    assert len(seen) == 5
