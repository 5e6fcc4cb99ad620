"""The headers by which OpenAI's clients learn what is left of their limits."""

from routers.quotas.accounts import Standing
from routers.quotas.limits import Limits

_LINES = "x-ratelimit-limit-{0}: %d\r\nx-ratelimit-remaining-{0}: %d\r\nx-ratelimit-reset-{0}: %dms\r\n"
_REQUESTS, _TOKENS = _LINES.format("requests").encode(), _LINES.format("tokens").encode()
_BOTH = _REQUESTS + _TOKENS


def render(limits: Limits, standing: Standing) -> bytes:
    """`x-ratelimit-*` lines of the limits there are.

    The limit of requests is how many may come at once; within `reset` what remains is all of it again.
    """
    requests, requests_reset, tokens, tokens_reset = standing
    if limits.interval is None:
        if limits.tokens is None:
            return b""
        return _TOKENS % (limits.tokens, tokens, -(-tokens_reset // 1000))
    counted = (limits.burst, requests, -(-requests_reset // 1000))
    if limits.tokens is None:
        return _REQUESTS % counted
    return _BOTH % (*counted, limits.tokens, tokens, -(-tokens_reset // 1000))
