"""An account never grants more than its limits, and its books balance."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.quotas.accounts import BUSY, DAY, SLOT, SLOTS, Account, Hold, Refusal
from routers.quotas.limits import SECOND, Limits
from tests.unit.routers.quotas.samples import NOON, limits

MINUTE = 60 * SECOND
_PAUSES = st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=60)


def held(account: Account, given: Limits, tokens: int = 0, microdollars: int = 0, now: int = NOON) -> Hold:
    """A reservation that is granted."""
    hold = account.reserve(given, tokens, microdollars, now)
    assert isinstance(hold, Hold)
    return hold


def refused(account: Account, given: Limits, tokens: int = 0, microdollars: int = 0, now: int = NOON) -> Refusal:
    """A reservation that is refused."""
    refusal = account.reserve(given, tokens, microdollars, now)
    assert isinstance(refusal, Refusal)
    return refusal


# Requests.


@given(pauses=_PAUSES, rate=st.floats(0.3, 50), burst=st.integers(1, 20))
def test_in_any_stretch_of_time_no_more_requests_enter_than_burst_and_rate(
    pauses: list[int], rate: float, burst: int
) -> None:
    given, account, now = limits(requestsPerSecond=rate, burst=burst), Account(), NOON
    entered = []
    for pause in pauses:
        now += pause
        entered += [now for _ in range(5) if account.enter(given, now) is None]
    for first, begin in enumerate(entered):
        for last, end in enumerate(entered[first:], start=first):
            assert last - first + 1 <= burst + rate * (end - begin) / SECOND


@given(pauses=_PAUSES, rate=st.floats(0.3, 50), burst=st.integers(1, 20))
def test_who_waits_as_long_as_it_is_told_enters(pauses: list[int], rate: float, burst: int) -> None:
    given, account, now = limits(requestsPerSecond=rate, burst=burst), Account(), NOON
    for pause in pauses:
        now += pause
        refusal = account.enter(given, now)
        if refusal is not None:
            assert refusal.what == "requests"
            assert refusal.wait is not None
            assert account.enter(given, now + refusal.wait - 1) is not None
            now += refusal.wait
            assert account.enter(given, now) is None


def test_a_burst_fills_up_again() -> None:
    given, account = limits(requestsPerSecond=2, burst=3), Account()
    assert [account.enter(given, NOON) for _ in range(3)] == [None] * 3
    assert account.enter(given, NOON) == Refusal("requests", SECOND // 2)
    assert account.standing(given, NOON)[:2] == (0, 3 * SECOND // 2)
    assert account.standing(given, NOON + SECOND)[:2] == (2, SECOND // 2)


def test_a_place_is_taken_until_it_is_given_back() -> None:
    given, account = limits(concurrentRequests=2), Account()
    assert [account.enter(given, NOON) for _ in range(3)] == [None, None, Refusal("concurrent", BUSY)]
    account.leave()
    assert account.enter(given, NOON) is None


def test_what_is_refused_for_its_rate_takes_no_place() -> None:
    given, account = limits(concurrentRequests=5, requestsPerSecond=1), Account()
    account.enter(given, NOON)
    account.enter(given, NOON)
    assert account.concurrent == 1


# Tokens.


@given(
    pauses=st.lists(st.integers(0, 30 * SECOND), min_size=1, max_size=40),
    asked=st.lists(st.integers(0, 400), min_size=40, max_size=40),
    used=st.lists(st.floats(0, 1), min_size=40, max_size=40),
)
def test_in_any_minute_no_more_tokens_are_taken_than_the_limit(
    pauses: list[int], asked: list[int], used: list[float]
) -> None:
    given, account, now = limits(tokensPerMinute=1000), Account(), NOON
    taken: list[tuple[int, int]] = []
    for pause, tokens, share in zip(pauses, asked, used, strict=False):
        now += pause
        hold = account.reserve(given, tokens, 0, now)
        if isinstance(hold, Hold):
            really = int(tokens * share)
            account.settle(hold, really, 0, now + SECOND)
            taken.append((now, really))
    for begin, _ in taken:
        assert sum(tokens for at, tokens in taken if begin <= at <= begin + MINUTE) <= 1000


def test_tokens_come_back_after_a_minute_and_at_most_a_slot() -> None:
    given, account = limits(tokensPerMinute=100), Account()
    held(account, given, tokens=60)
    held(account, given, tokens=40, now=NOON + SLOT)
    refusal = refused(account, given, tokens=50, now=NOON + SLOT)
    assert refusal == Refusal("tokens", (SLOTS - 1) * SLOT)
    assert refused(account, given, tokens=50, now=NOON + SLOTS * SLOT - 1).what == "tokens"
    held(account, given, tokens=50, now=NOON + SLOTS * SLOT)


def test_tokens_taken_at_the_end_of_a_slot_count_for_a_whole_minute() -> None:
    given, account = limits(tokensPerMinute=100), Account()
    end = NOON + SLOT - 1
    held(account, given, tokens=100, now=end)
    assert refused(account, given, tokens=1, now=end + MINUTE).what == "tokens"


def test_what_was_not_used_can_be_used_at_once() -> None:
    given, account = limits(tokensPerMinute=100), Account()
    account.settle(held(account, given, tokens=100), 10, 0, NOON)
    held(account, given, tokens=90)
    assert account.standing(given, NOON)[2] == 0


def test_an_answer_that_outlasts_the_window_gives_nothing_back_twice() -> None:
    given, account = limits(tokensPerMinute=100), Account()
    hold = held(account, given, tokens=100)
    later = NOON + 2 * SLOTS * SLOT
    held(account, given, tokens=100, now=later)
    account.settle(hold, 0, 0, later)
    assert refused(account, given, tokens=1, now=later).what == "tokens"


def test_tokens_beyond_an_estimate_count_also_when_the_window_has_gone_on() -> None:
    given, account = limits(tokensPerMinute=100, hard=False), Account()
    hold = held(account, given, tokens=10)
    later = NOON + 2 * SLOTS * SLOT
    account.settle(hold, 95, 0, later)
    assert account.standing(given, later)[2] == 15


def test_more_than_the_whole_quota_is_never_worth_waiting_for() -> None:
    given = limits(tokensPerMinute=100, usdPerDay=0.001)
    assert refused(Account(), given, tokens=101) == Refusal("tokens", None)
    assert refused(Account(), given, microdollars=1001) == Refusal("budget", None)


# Money.

_EVENTS = st.lists(st.tuples(st.sampled_from(["reserve", "settle", "fail"]), st.integers(0, 300)), max_size=80)


@given(events=_EVENTS)
def test_money_is_conserved_and_never_overspent(events: list[tuple[str, int]]) -> None:
    given, account = limits(usdPerDay=0.001), Account()
    open_holds: list[Hold] = []
    paid = 0
    for what, amount in events:
        if what == "reserve":
            hold = account.reserve(given, 0, amount, NOON)
            open_holds += [hold] if isinstance(hold, Hold) else []
        elif open_holds:
            hold = open_holds.pop(amount % len(open_holds))
            cost = min(amount, hold.microdollars) if what == "settle" else 0
            account.settle(hold, 0, cost, NOON)
            paid += cost
        assert account.spent == paid
        assert account.held == sum(hold.microdollars for hold in open_holds)
        assert account.spent + account.held <= 1000


def test_money_that_is_only_reserved_is_worth_a_short_wait_and_spent_money_one_till_midnight() -> None:
    given, account = limits(usdPerDay=0.001), Account()
    hold = held(account, given, microdollars=1000)
    assert refused(account, given, microdollars=1) == Refusal("busy", BUSY)
    account.settle(hold, 0, 1000, NOON)
    assert refused(account, given, microdollars=1) == Refusal("budget", DAY // 2)
    held(account, given, microdollars=1000, now=NOON + DAY // 2)


def test_what_costs_nothing_needs_no_budget() -> None:
    given, account = limits(usdPerDay=0.001), Account()
    account.settle(held(account, given, microdollars=1000), 0, 1000, NOON)
    held(account, given, microdollars=0)


def test_an_answer_that_outlasts_its_day_is_booked_on_the_day_that_it_began() -> None:
    given, account = limits(usdPerDay=0.001), Account()
    hold = held(account, given, microdollars=1000)
    midnight = NOON + DAY // 2
    today = held(account, given, microdollars=600, now=midnight)
    account.settle(hold, 0, 1000, midnight)
    assert (account.spent, account.held) == (0, 600)
    account.settle(today, 0, 500, midnight)
    assert (account.spent, account.held) == (500, 0)


@pytest.mark.parametrize("quotas", [{"requestsPerSecond": 1}, {"tokensPerMinute": 10}, {"usdPerDay": 0.00001}])
def test_a_clock_that_goes_back_grants_nothing_twice(quotas: dict[str, Any]) -> None:
    given, account = limits(**quotas), Account()

    def take(now: int) -> bool:
        if given.counts_requests:
            return account.enter(given, now) is None
        return isinstance(account.reserve(given, 10, 10, now), Hold)

    assert take(NOON)
    assert not take(NOON - DAY)
    assert not take(NOON)
