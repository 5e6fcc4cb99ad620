"""The queue is bounded and fair: by weight, without starvation, and at the cost of who floods."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.resilience.queues import FairQueue, Standing, Ticket, Wait


def nothing() -> None:
    """Nobody waits for this ticket."""


def filled(queue: FairQueue, tenant: str, count: int, standing: Standing = Standing()) -> list[Ticket]:  # noqa: B008 - frozen
    """So many tickets of one tenant, as far as they fit."""
    pushed = [queue.push(tenant, standing, nothing) for _ in range(count)]
    return [ticket for ticket in pushed if ticket]


def served(queue: FairQueue, count: int) -> list[str]:
    """Whose turn it was."""
    return [queue.pop().line.tenant for _ in range(count)]


def test_one_tenants_requests_are_served_in_their_order() -> None:
    queue = FairQueue(10)
    tickets = filled(queue, "a", 10)
    assert [queue.pop() for _ in tickets] == tickets


def test_who_comes_after_a_flood_waits_for_one_turn() -> None:
    queue = FairQueue(100)
    filled(queue, "flood", 90)
    filled(queue, "quiet", 2)
    assert served(queue, 4) == ["flood", "quiet", "flood", "quiet"]


@pytest.mark.parametrize("unit", [0.001, 0.5, 1, 250])
def test_a_tenant_of_three_times_the_weight_gets_three_for_one(unit: float) -> None:
    queue = FairQueue(100)
    filled(queue, "heavy", 30, Standing(weight=3 * unit))
    filled(queue, "light", 30, Standing(weight=unit))
    assert Counter(served(queue, 40)) == {"heavy": 30, "light": 10}


def test_a_full_queue_refuses_who_has_more_than_its_share() -> None:
    queue = FairQueue(10)
    assert len(filled(queue, "flood", 50)) == queue.length == 10


def test_a_full_queue_makes_room_for_who_has_less_than_its_share_by_the_newest_of_the_flood() -> None:
    queue, woken = FairQueue(10), list[int]()
    flood = [queue.push("flood", Standing(), lambda number=number: woken.append(number)) for number in range(10)]  # type: ignore[misc]  # bound now
    assert len(filled(queue, "quiet", 50)) == 5
    assert woken == [9, 8, 7, 6, 5]
    assert [ticket.state for ticket in flood if ticket] == [Wait.QUEUED] * 5 + [Wait.SHED] * 5
    assert queue.length == 10


def test_of_two_floods_the_less_important_loses_down_to_its_share_and_no_further() -> None:
    queue = FairQueue(10)
    filled(queue, "batch", 10)
    assert len(filled(queue, "urgent", 50, Standing(priority=1))) == 5
    assert Counter(served(queue, 10)) == {"batch": 5, "urgent": 5}


def test_a_flood_takes_no_place_from_one_that_is_as_important() -> None:
    queue = FairQueue(9)
    filled(queue, "quiet", 1)
    filled(queue, "urgent", 8, Standing(priority=1))
    assert filled(queue, "as urgent", 50, Standing(priority=1)) == filled(queue, "nobody", 0) or queue.length == 9
    assert Counter(served(queue, 9)) == {"quiet": 1, "urgent": 5, "as urgent": 3}


def test_of_two_who_have_more_than_their_share_the_less_important_makes_room() -> None:
    queue = FairQueue(12)
    filled(queue, "batch", 5)
    filled(queue, "urgent", 7, Standing(priority=1))
    assert len(filled(queue, "quiet", 1)) == 1
    assert Counter(served(queue, 12)) == {"batch": 4, "urgent": 7, "quiet": 1}


def test_a_queue_without_places_takes_nobody() -> None:
    assert filled(FairQueue(0), "a", 3) == []


def test_a_ticket_that_leaves_makes_room() -> None:
    queue = FairQueue(2)
    first, second = filled(queue, "a", 2)
    queue.remove(first, Wait.LEFT)
    assert len(filled(queue, "a", 5)) == 1
    assert queue.pop() is second


STANDINGS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2)), min_size=2, max_size=5)
STEPS = st.lists(
    st.tuples(st.sampled_from(["push", "push", "pop", "leave"]), st.integers(0, 99)), min_size=1, max_size=200
)


@given(capacity=st.integers(0, 12), standings=STANDINGS, steps=STEPS)
def test_it_is_never_longer_than_its_bound_and_loses_nobody(
    capacity: int, standings: list[tuple[int, int]], steps: list[tuple[str, int]]
) -> None:
    queue, tickets = FairQueue(capacity), list[Ticket]()
    for step, which in steps:
        waiting = [ticket for ticket in tickets if ticket.state is Wait.QUEUED]
        if step == "push":
            tenant = which % len(standings)
            ticket = queue.push(str(tenant), Standing(*standings[tenant]), nothing)
            tickets.extend([ticket] if ticket else [])
        elif step == "pop" and waiting:
            assert queue.pop().state is Wait.ADMITTED
        elif step == "leave" and waiting:
            queue.remove(waiting[which % len(waiting)], Wait.LEFT)
        assert queue.length == sum(ticket.state is Wait.QUEUED for ticket in tickets) <= capacity
    for _ in range(queue.length):
        queue.pop()
    assert not any(ticket.state is Wait.QUEUED for ticket in tickets)


@given(weights=st.lists(st.integers(1, 5), min_size=2, max_size=4), rounds=st.integers(1, 10), data=st.data())
def test_while_all_have_something_waiting_each_gets_its_share_to_within_a_round(
    weights: list[int], rounds: int, data: st.DataObject
) -> None:
    queue = FairQueue(10_000)
    for tenant, weight in enumerate(weights):
        filled(queue, str(tenant), weight * (rounds + 1), Standing(weight))
    order = served(queue, sum(weights) * rounds)
    first = data.draw(st.integers(0, len(order) - 1))
    counts = Counter(order[first : data.draw(st.integers(first, len(order)))])
    turns = [counts[str(tenant)] / weight for tenant, weight in enumerate(weights)]
    assert max(turns) - min(turns) <= 1


@given(standings=STANDINGS, steps=st.lists(st.integers(0, 99), min_size=100, max_size=100))
def test_who_waits_within_its_share_is_never_shed_and_served_within_a_round(
    standings: list[tuple[int, int]], steps: list[int]
) -> None:
    weights = sum(weight for weight, _ in standings) + 1
    queue = FairQueue(weights)
    for index, (weight, priority) in enumerate(standings):
        filled(queue, str(index), weights, Standing(weight, priority + 1))
    quiet = queue.push("quiet", Standing(), nothing)
    assert quiet is not None
    pops = 0
    for which in steps:
        index = which % len(standings)
        queue.push(str(index), Standing(standings[index][0], standings[index][1] + 1), nothing)
        assert quiet.state is not Wait.SHED
        if which % 2:
            queue.pop()
            pops += 1
        if pops >= weights:
            break
    assert pops < weights or quiet.state is Wait.ADMITTED
