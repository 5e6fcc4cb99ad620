"""A process that dies is started again, later each time, until it is hopeless."""

from itertools import accumulate

from launcher.restarts import FORGIVEN_AFTER_SECONDS, LONGEST_WAIT_SECONDS, MOST_QUICK_DEATHS, Restarts


def test_the_first_restart_is_at_once_and_each_later_one_waits_twice_as_long() -> None:
    history = list(accumulate([0.0] * 5, Restarts.died, initial=Restarts()))
    assert [restarts.wait_seconds for restarts in history[1:]] == [0.0, 0.5, 1.0, 2.0, 4.0]


def test_the_wait_has_a_ceiling() -> None:
    assert Restarts(quick_deaths=50).wait_seconds == LONGEST_WAIT_SECONDS


def test_too_many_quick_deaths_in_a_row_are_hopeless() -> None:
    history = list(accumulate([0.0] * (MOST_QUICK_DEATHS + 1), Restarts.died, initial=Restarts()))
    assert [restarts.hopeless for restarts in history] == [False] * (MOST_QUICK_DEATHS + 1) + [True]


def test_a_long_life_forgives_the_deaths_before_it_but_is_counted() -> None:
    restarts = Restarts(total=4, quick_deaths=4).died(FORGIVEN_AFTER_SECONDS)
    assert (restarts.total, restarts.quick_deaths, restarts.wait_seconds) == (5, 1, 0.0)
