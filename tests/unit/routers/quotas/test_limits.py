"""Quotas become whole numbers, never in the tenant's favour."""

from control_plane.spec.tenants import Quotas
from routers.quotas.limits import SECOND, Limits
from tests.unit.routers.quotas.samples import limits


def test_no_quota_is_no_limit() -> None:
    assert Limits.of(Quotas()) is None


def test_a_rate_is_rounded_down_and_a_burst_is_a_second_of_it() -> None:
    given = limits(requestsPerSecond=3)
    assert (given.interval, given.burst) == (333_334, 3)
    assert limits(requestsPerSecond=0.5).burst == 1
    assert limits(requestsPerSecond=0.5).interval == 2 * SECOND


def test_money_is_cut_off_after_the_sixth_decimal() -> None:
    assert limits(usdPerDay=1.2345678).microdollars == 1_234_567


def test_what_is_limited_decides_where_a_request_must_pass() -> None:
    assert (limits(concurrentRequests=1).counts_requests, limits(concurrentRequests=1).counts_use) == (True, False)
    assert (limits(tokensPerMinute=1).counts_requests, limits(usdPerDay=1).counts_use) == (False, True)
