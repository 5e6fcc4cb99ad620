"""Only so many requests are under way; who is turned away hears when to come back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec import resilience
from control_plane.spec.errors import Code, TiermeshError
from routers.resilience.admission import LONGEST_RETRY_SECONDS, Admission
from routers.resilience.queues import Standing, Ticket, Wait


def admission(**policy: Any) -> Admission:
    """With a policy in a document's words."""
    return Admission(resilience.Admission.model_validate(policy))


def waiting(tried: Admission, now: float = 0, tenant: str = "a", seconds: float = 1e9) -> Ticket:
    return tried.wait(tenant, Standing(), now, seconds, lambda: None)


def full(places: int = 1, queued: int = 0, **policy: Any) -> Admission:
    """All places taken, and so many waiting since 0."""
    tried = admission(maxConcurrent=places, **policy)
    while tried.enter():
        pass
    for _ in range(queued):
        waiting(tried)
    return tried


def test_so_many_are_under_way_and_no_more() -> None:
    tried = full(places=3)
    assert tried.under_way == 3 and not tried.enter()
    tried.leave()
    assert tried.enter()


def test_a_place_goes_to_who_waits_and_not_to_who_comes() -> None:
    tried, woken = full(), list[str]()
    ticket = tried.wait("a", Standing(), 0, 60, lambda: woken.append("a"))
    tried.leave()
    assert (ticket.state, woken) == (Wait.ADMITTED, ["a"])
    assert not tried.enter()
    tried.leave()
    assert tried.enter()


def test_who_leaves_the_queue_takes_no_place() -> None:
    tried = full()
    ticket = waiting(tried)
    tried.cancel(ticket)
    tried.cancel(ticket)
    tried.leave()
    assert (ticket.state, tried.under_way, tried.queued) == (Wait.LEFT, 0, 0)


def test_a_full_queue_says_when_to_come_back_by_its_pace() -> None:
    tried = full(places=1, queued=20, maxQueued=20)
    for _ in range(5):
        tried.leave()
    for _ in range(5):
        waiting(tried, now=10)
    with pytest.raises(TiermeshError) as refused:
        waiting(tried, now=10)
    assert refused.value.code is Code.QUEUE_FULL
    assert refused.value.retry_after_seconds == 42  # 21 before it, one in 2 s


def test_a_pace_that_was_slow_is_forgotten() -> None:
    tried = full(places=1, queued=100, maxQueued=101)
    tried.leave()
    now = 1000.0
    for _ in range(3000):
        now += 0.01
        tried.leave()
        waiting(tried, now)
    assert tried.expected_wait(now) == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("queued", [0, 1, 5])
def test_the_wait_is_never_said_to_be_nothing_or_endless(queued: int) -> None:
    tried = full(queued=queued, maxQueued=queued)
    for now in (0, 1, 1e6):
        if queued:
            tried.leave()
            waiting(tried, now)
        with pytest.raises(TiermeshError) as refused:
            waiting(tried, now)
        assert refused.value.retry_after_seconds is not None
        assert 1 <= refused.value.retry_after_seconds <= LONGEST_RETRY_SECONDS


def test_who_cannot_be_served_before_its_deadline_does_not_wait_for_it() -> None:
    tried = full(queued=10, maxQueued=20)
    tried.leave()
    assert waiting(tried, now=1, seconds=11).state is Wait.QUEUED
    with pytest.raises(TiermeshError, match="deadline"):
        waiting(tried, now=1, seconds=10)


def test_pressure_is_the_share_of_all_places_that_is_taken() -> None:
    tried = admission(maxConcurrent=2, maxQueued=2)
    seen = [tried.pressure]
    for _ in range(2):
        tried.enter()
        seen.append(tried.pressure)
    for _ in range(2):
        waiting(tried)
        seen.append(tried.pressure)
    assert seen == [0, 0.25, 0.5, 0.75, 1]


def test_where_it_is_switched_off_all_are_admitted() -> None:
    tried = admission(enabled=False, maxConcurrent=1)
    assert all(tried.enter() for _ in range(1000))
    assert tried.pressure == 0


@given(
    places=st.integers(1, 4),
    queued=st.integers(0, 5),
    steps=st.lists(st.tuples(st.sampled_from(["come", "come", "leave", "cancel"]), st.integers(0, 9)), max_size=150),
)
def test_places_are_neither_lost_nor_given_twice(places: int, queued: int, steps: list[tuple[str, int]]) -> None:
    tried = admission(maxConcurrent=places, maxQueued=queued)
    running, tickets = 0, list[Ticket]()
    for now, (step, which) in enumerate(steps):
        if step == "come":
            if tried.enter():
                running += 1
            else:
                try:
                    tickets.append(waiting(tried, now, tenant=str(which % 3)))
                except TiermeshError:
                    assert tried.queued == queued or tried.expected_wait(now) > 0
        elif step == "cancel" and tickets:
            tried.cancel(tickets[which % len(tickets)])
        elif step == "leave" and tried.under_way:
            tried.leave()
            running -= 1
        admitted = [ticket for ticket in tickets if ticket.state is Wait.ADMITTED]
        running += len(admitted)
        tickets = [ticket for ticket in tickets if ticket.state is Wait.QUEUED]
        assert tried.under_way == running <= places
        assert tried.queued == len(tickets) <= queued
        assert not tried.queued or tried.under_way == places
