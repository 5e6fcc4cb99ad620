"""Of a Model's endpoints the good ones are used, and never are too many left out."""

import math
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec import resilience
from routers.resilience.breaker import Verdict
from routers.resilience.outliers import Endpoint, Endpoints


def endpoints(count: int, **policy: Any) -> Endpoints:
    """With a policy in a document's words."""
    return Endpoints(count, resilience.Outliers.model_validate(policy))


def only(tried: Endpoints, index: int, now: float = 0) -> Endpoint:
    """This one, chosen."""
    others = [other for other in range(tried.count) if other != index]
    chosen = tried.choose(now, random.random, others)
    assert chosen.index == index
    return chosen


def fail(tried: Endpoints, index: int, times: int, now: float = 0) -> None:
    """So many failures of one endpoint."""
    for chosen in [only(tried, index, now) for _ in range(times)]:
        tried.release(chosen, now, Verdict.BAD, 0.1)


def chosen_of(tried: Endpoints, now: float = 0, times: int = 200) -> set[int]:
    """Which endpoints get calls, when each is done at once."""
    found = set()
    for _ in range(times):
        chosen = tried.choose(now, random.random)
        found.add(chosen.index)
        chosen.under_way -= 1
    return found


def test_one_that_fails_time_and_again_is_left_out_for_a_while() -> None:
    tried = endpoints(3, consecutiveFailures=5, ejectionSeconds=10)
    fail(tried, 0, 4)
    assert tried.ejected == 0
    fail(tried, 0, 1)
    assert tried.ejected == 1
    assert chosen_of(tried, now=9.9) == {1, 2}
    assert chosen_of(tried, now=10) == {0, 1, 2}


def test_all_that_was_under_way_failing_is_one_ejection() -> None:
    tried = endpoints(4, consecutiveFailures=2, ejectionSeconds=5)
    fail(tried, 0, 10)
    assert tried.ejected == 1
    assert chosen_of(tried, 5) == {0, 1, 2, 3}


def test_one_that_fails_half_of_its_calls_is_left_out_too() -> None:
    tried = endpoints(3, minimumCalls=20, failureRatio=0.5)
    for number in range(20):
        tried.release(only(tried, 0), 0, Verdict.BAD if number % 2 else Verdict.GOOD, 0.1)
    assert tried.ejected == 1


def test_each_ejection_is_twice_as_long_and_good_calls_make_them_short_again() -> None:
    tried, now = endpoints(2, consecutiveFailures=1, ejectionSeconds=5, maxEjectionSeconds=15), 0.0
    lengths = []
    for _ in range(4):
        chosen = only(tried, 0, now)
        tried.release(chosen, now, Verdict.BAD, 0.1)
        lengths.append(chosen.ejected_until - now)
        now = chosen.ejected_until
    assert lengths == [5, 10, 15, 15]
    for _ in range(5):
        now += 200
        tried.release(only(tried, 0, now), now, Verdict.GOOD, 0.1)
    fail(tried, 0, 1, now)
    assert chosen_of(tried, now + 4.9) == {1} and tried.ejected == 1
    assert chosen_of(tried, now + 5) and tried.ejected == 0


def test_a_single_endpoint_is_never_left_out() -> None:
    tried = endpoints(1, consecutiveFailures=1)
    for _ in range(100):
        tried.release(tried.choose(0, random.random), 0, Verdict.BAD, 0.1)
    assert tried.ejected == 0


def test_none_is_left_out_where_that_is_switched_off() -> None:
    tried = endpoints(3, enabled=False)
    fail(tried, 0, 100)
    assert tried.ejected == 0


@given(
    count=st.integers(2, 9),
    share=st.floats(0, 0.99),
    calls=st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.floats(0, 3)), max_size=150),
)
def test_never_more_than_the_share_is_left_out_and_a_choice_takes_part(
    count: int, share: float, calls: list[tuple[int, bool, float]]
) -> None:
    tried, now = endpoints(count, consecutiveFailures=1, maxEjectedShare=share), 0.0
    for wanted, good, pause in calls:
        now += pause
        others = [index for index in range(count) if index != wanted]
        chosen = tried.choose(now, random.random, others)
        assert chosen.ejected_until == 0
        tried.release(chosen, now, Verdict.GOOD if good else Verdict.BAD, 0.1)
        assert tried.ejected <= math.floor(share * count) < count
    assert all(tried.choose(now + 1e6, random.random).under_way == 1 for _ in range(1))
    assert tried.ejected == 0


def test_an_endpoint_that_was_tried_comes_last() -> None:
    tried = endpoints(3)
    assert {tried.choose(0, random.random, [0, 2]).index for _ in range(50)} == {1}
    assert tried.choose(0, random.random, [0, 1, 2]).index in {0, 1, 2}
    assert tried.has_other([0, 1]) and not tried.has_other([0, 1, 2])


def test_the_less_loaded_of_two_is_taken() -> None:
    tried, chance = endpoints(4), random.Random(1)
    for _ in range(4000):
        tried.choose(0, chance.random)
    under_way = [only(tried, index).under_way for index in range(4)]
    assert max(under_way) - min(under_way) <= 6  # by chance alone: about 60


def _shares(seconds: list[float], requests: int, gap: float) -> list[float]:
    """The share of calls each endpoint gets when endpoint i answers after seconds[i]."""
    tried, chance = endpoints(len(seconds)), random.Random(2)
    under_way: list[tuple[float, float, Endpoint]] = []
    counts = [0] * len(seconds)
    for number in range(requests):
        now = number * gap
        while under_way and min(under_way, key=lambda call: call[0])[0] <= now:
            done = min(under_way, key=lambda call: call[0])
            under_way.remove(done)
            tried.release(done[2], done[0], Verdict.GOOD, done[0] - done[1])
        chosen = tried.choose(now, chance.random)
        counts[chosen.index] += number > requests / 2
        under_way.append((now + seconds[chosen.index] * chance.expovariate(1), now, chosen))
    return [count / sum(counts) for count in counts]


def test_a_slow_endpoint_gets_few_calls() -> None:
    assert _shares([0.1, 0.1, 2.0], 4000, gap=0.02)[2] < 0.03


def test_equal_endpoints_get_equal_shares_though_their_answers_differ_in_length() -> None:
    assert all(0.25 < share < 0.42 for share in _shares([0.5, 0.5, 0.5], 4000, gap=0.02))


def test_an_endpoint_that_nobody_has_asked_yet_is_asked_once_and_no_more_until_it_answers() -> None:
    tried = endpoints(2)
    for _ in range(10):
        tried.release(only(tried, 0), 0, Verdict.GOOD, 0.001)
    assert [tried.choose(0, random.random).index for _ in range(10)] == [1] + [0] * 9


def test_an_endpoint_that_was_slow_and_is_idle_is_tried_again() -> None:
    tried = endpoints(2)
    for index, seconds in ((0, 0.1), (1, 2.0)):
        tried.release(only(tried, index), 0, Verdict.GOOD, seconds)
    assert chosen_of(tried, now=1) == {0}
    fresh = only(tried, 0, now=60)
    tried.release(fresh, 60, Verdict.GOOD, 0.1)
    assert chosen_of(tried, now=60) == {1}


def test_losing_to_a_hedge_counts_for_more_than_the_time_it_was_given() -> None:
    tried = endpoints(2)
    for index in (0, 1):
        tried.release(only(tried, index), 0, Verdict.GOOD, 0.1)
    for _ in range(30):
        tried.release(only(tried, 1), 0, Verdict.NONE, 0.2)
    assert only(tried, 1).load(0) > 3 * only(tried, 0).load(0)
