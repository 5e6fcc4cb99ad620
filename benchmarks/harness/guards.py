"""What each guard of a request costs, alone: too little to be seen in the CPU time of a whole router.

They are on in every router; here each runs by itself in a warm loop, so the figures are lower bounds.
"""

import hashlib
import random
import time
import timeit
from collections.abc import Callable

from benchmarks.report import Bar
from control_plane.spec import resilience
from control_plane.spec.snapshots import CompiledTenant
from control_plane.spec.tenants import Key, Quotas
from routers.authentication import Keys
from routers.quotas.accounts import Account, Hold
from routers.quotas.headers import render
from routers.quotas.memory import unix_microseconds
from routers.resilience.admission import Admission
from routers.resilience.breaker import Breaker, Verdict
from routers.resilience.ladder import Ladder
from routers.resilience.outliers import Endpoints
from routers.resilience.retries import RetryBudget
from routers.tenants import Tenant

_CALLS, _REPEATS = 20_000, 5


def costs() -> list[Bar]:
    """CPU of each guard for one request that nothing is wrong with, the best of five loops."""
    return [Bar(f"{what}, alone, CPU", _microseconds(call), "µs") for what, call in _guards().items()]


def _guards() -> dict[str, Callable[[], object]]:
    breaker = Breaker(resilience.Breaker())
    endpoints = Endpoints(3, resilience.Outliers())
    admission = Admission(resilience.Admission())
    ladder = Ladder(resilience.Ladder())
    budget = RetryBudget(resilience.Retries())

    def one_breaker() -> None:
        now = time.monotonic()
        permit = breaker.allow(now)
        assert permit is not None
        breaker.record(permit, now, Verdict.GOOD, 0.01)

    def one_endpoint() -> None:
        now = time.monotonic()
        endpoints.release(endpoints.choose(now, random.random), now, Verdict.GOOD, 0.01)

    def one_admission() -> None:
        admission.enter()
        admission.leave()

    return {
        **_quotas(),
        "breaker": one_breaker,
        "choice among three endpoints": one_endpoint,
        "admission": one_admission,
        "degradation ladder": lambda: ladder.place(time.monotonic(), admission.pressure, 0.5, random.random),
        "retry budget": budget.deposit,
    }


def _quotas() -> dict[str, Callable[[], object]]:
    """Of a tenant with a quota of each kind, counted in the router's memory."""
    key = b"tm-" + b"x" * 43
    entry = Key(name="bench", sha256=hashlib.sha256(key).hexdigest())
    most = {"requestsPerSecond": 1e6, "concurrentRequests": 10**6, "tokensPerMinute": 10**12, "usdPerDay": 1e9}
    compiled = CompiledTenant(
        name="bench", keys=(entry,), routes=None, priority=0, weight=1, quotas=Quotas.model_validate(most)
    )
    tenant = Tenant.of(compiled)
    assert tenant.limits is not None
    keys, limits, account, headers = Keys([compiled], {"bench": tenant}), tenant.limits, Account(), {b"x-api-key": key}

    def entering() -> None:
        account.enter(limits, unix_microseconds())
        account.leave()

    def paying() -> None:
        hold = account.reserve(limits, 500, 500, unix_microseconds())
        assert isinstance(hold, Hold)
        account.settle(hold, 100, 100, unix_microseconds())

    return {
        "whose key it is": lambda: keys.tenant(headers),
        "quota of requests": entering,
        "quota of tokens and money": paying,
        "headers of what is left": lambda: render(limits, account.standing(limits, unix_microseconds())),
    }


def _microseconds(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=_CALLS, repeat=_REPEATS)) / _CALLS * 1e6
