"""Refusals: what a caller is told whose request does not fit into its tenant's quotas."""

import math

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.tenants import MICRODOLLARS
from routers.quotas.accounts import Refusal
from routers.quotas.limits import SECOND, Limits

_AGAIN = "Try again after the time in Retry-After."


def error(refusal: Refusal, limits: Limits) -> TiermeshError:
    """RATE_LIMITED where waiting or asking for less helps today, INSUFFICIENT_QUOTA where the day's money is spent."""
    wait = None if refusal.wait is None else max(1, math.ceil(refusal.wait / SECOND))
    code = Code.INSUFFICIENT_QUOTA if refusal.what == "budget" else Code.RATE_LIMITED
    return TiermeshError(code, _message(refusal.what, limits), _hint(refusal), retry_after_seconds=wait)


def _message(what: str, limits: Limits) -> str:
    match what:
        case "requests":
            rate = SECOND / (limits.interval or SECOND)
            return f"Your limit of {rate:.6g} requests a second ({limits.burst} at once) is reached."
        case "concurrent":
            return f"Your limit of {limits.concurrent} requests at one time is reached."
        case "tokens":
            return f"Your limit of {limits.tokens} tokens a minute does not take this request."
        case "budget":
            return f"Your budget of ${(limits.microdollars or 0) / MICRODOLLARS:,.2f} a day does not take this request."
        case _:
            return "What is left of your budget is reserved for requests under way."


def _hint(refusal: Refusal) -> str:
    if refusal.wait is None:
        return "It may take more than all of it: ask for fewer tokens with max_tokens, or send a shorter prompt."
    return "A new day begins at 00:00 UTC." if refusal.what == "budget" else _AGAIN
