"""A refusal says which limit, when to come back, and what else helps."""

import pytest

from control_plane.spec.errors import Code
from routers.quotas.accounts import Refusal
from routers.quotas.limits import SECOND
from routers.quotas.refusals import error
from tests.unit.routers.quotas.samples import limits

GIVEN = limits(requestsPerSecond=2.5, burst=4, concurrentRequests=3, tokensPerMinute=100, usdPerDay=1234.5)


@pytest.mark.parametrize(
    ("what", "code", "says"),
    [
        ("requests", Code.RATE_LIMITED, "2.5 requests a second (4 at once)"),
        ("concurrent", Code.RATE_LIMITED, "3 requests at one time"),
        ("tokens", Code.RATE_LIMITED, "100 tokens a minute"),
        ("busy", Code.RATE_LIMITED, "reserved for requests under way"),
        ("budget", Code.INSUFFICIENT_QUOTA, "$1,234.50 a day"),
    ],
)
def test_it_names_the_limit_and_when_to_come_back(what: str, code: Code, says: str) -> None:
    refused = error(Refusal(what, 3 * SECOND + 1), GIVEN)
    assert (refused.code, refused.status, refused.retry_after_seconds) == (code, 429, 4)
    assert says in str(refused)


def test_what_never_fits_is_told_to_ask_for_less() -> None:
    refused = error(Refusal("tokens", None), GIVEN)
    assert refused.retry_after_seconds is None
    assert "max_tokens" in refused.hint


def test_the_wait_is_never_nothing() -> None:
    assert error(Refusal("requests", 1), GIVEN).retry_after_seconds == 1
