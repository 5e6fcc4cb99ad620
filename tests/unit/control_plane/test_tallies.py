"""Tallies are all counted, and cost the disk little."""

from datetime import UTC, datetime, timedelta

from control_plane.spec.audit import Deed
from control_plane.tallies import MOST_KINDS_OF_STRANGERS, WINDOW, Tallies

_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _refused(who: str = "", what: str = "/v1/models", after: float = 0) -> Deed:
    at = _NOW + timedelta(seconds=after)
    return Deed(at=at, who=who, via="", address="::1", action="GET", what=(what,), outcome="forbidden")


def test_the_first_is_written_at_once_and_the_others_are_counted_when_the_window_ends() -> None:
    refusals = Tallies()
    assert refusals.note(_refused()) == _refused()
    assert [refusals.note(_refused(after=second)) for second in range(1, 4)] == [None] * 3
    assert refusals.due(_NOW + WINDOW / 2) == []
    (counted,) = refusals.due(_NOW + WINDOW)
    assert (counted.times, counted.at, counted.what) == (3, _NOW + WINDOW, ("/v1/models",))
    assert refusals.note(_refused(after=700)) is not None


def test_one_that_never_came_again_is_written_once() -> None:
    refusals = Tallies()
    refusals.note(_refused())
    assert refusals.due(_NOW + WINDOW) == []


def test_what_differs_is_told_apart() -> None:
    refusals = Tallies()
    assert refusals.note(_refused("alice")) and refusals.note(_refused("bob")) and refusals.note(_refused("bob", "/v1"))


def test_strangers_with_a_million_stories_make_few_entries_and_are_all_counted() -> None:
    refusals = Tallies()
    written = [first for number in range(10_000) if (first := refusals.note(_refused(what=f"/{number}")))]
    assert len(written) == MOST_KINDS_OF_STRANGERS + 1
    assert (written[-1].action, written[-1].what) == ("several", ())
    rest = refusals.due(_NOW + WINDOW)
    assert sum(deed.times for deed in (*written, *rest)) == 10_000


def test_strangers_do_not_hide_what_somebody_known_is_refused() -> None:
    refusals = Tallies()
    for number in range(100):
        refusals.note(_refused(what=f"/{number}"))
    assert refusals.note(_refused("alice")) is not None


def test_nothing_is_lost_when_the_process_ends() -> None:
    refusals = Tallies()
    for _ in range(3):
        refusals.note(_refused())
    assert [deed.times for deed in refusals.due(None)] == [2]
    assert refusals.due(None) == []
