"""What is left, as OpenAI's clients read it."""

from routers.quotas.headers import render
from tests.unit.routers.quotas.samples import limits


def test_each_limit_there_is_has_its_three_headers() -> None:
    standing = (7, 1_234_567, 900, 60_000_000)
    requests = (
        b"x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 7\r\nx-ratelimit-reset-requests: 1235ms\r\n"
    )
    tokens = (
        b"x-ratelimit-limit-tokens: 1000\r\nx-ratelimit-remaining-tokens: 900\r\nx-ratelimit-reset-tokens: 60000ms\r\n"
    )
    assert render(limits(requestsPerSecond=10), standing) == requests
    assert render(limits(tokensPerMinute=1000), standing) == tokens
    assert render(limits(requestsPerSecond=10, tokensPerMinute=1000), standing) == requests + tokens
    assert render(limits(usdPerDay=1), standing) == b""
