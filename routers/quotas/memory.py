"""Quotas of one router, in its memory. Exact for that router alone: with several, each grants the whole quota."""

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from routers.http import Reply
from routers.quotas import headers, refusals
from routers.quotas.accounts import Account, Hold, Refusal
from routers.quotas.costs import Use
from routers.quotas.desk import Refuse, Serve, Settle
from routers.quotas.entered import Entered
from routers.quotas.limits import Limits
from routers.tenants import Tenant


def unix_microseconds() -> int:
    """The clock of all quotas."""
    return time.time_ns() // 1000


class MemoryDesk:
    """A `routers.quotas.desk.Desk`. Accounts survive a change of snapshot; there are as many as tenants with limits."""

    def __init__(self, now: Callable[[], int] = unix_microseconds) -> None:
        self._now = now
        self._accounts: defaultdict[str, Account] = defaultdict(Account)

    def account(self, tenant: str) -> Account:
        """What a tenant has used."""
        return self._accounts[tenant]

    def admit(self, tenant: Tenant, lease_seconds: float, reply: Reply, serve: Serve, refuse: Refuse) -> None:
        limits, account = tenant.limits, self.account(tenant.name)
        assert limits is not None
        left = partial(self._left, account, limits)
        if not limits.counts_requests:
            serve(Entered(reply, left, None))
        elif refusal := account.enter(limits, self._now()):
            refuse(refusals.error(refusal, limits), Entered(reply, left, None))
        else:
            serve(Entered(reply, left, account.leave))

    async def reserve(self, tenant: Tenant, lease_seconds: float, use: Use) -> Settle:
        limits, account = tenant.limits, self.account(tenant.name)
        assert limits is not None
        hold = account.reserve(limits, use.tokens, use.microdollars, self._now())
        if isinstance(hold, Refusal):
            raise refusals.error(hold, limits)
        return partial(self._settle, account, hold)

    def _settle(self, account: Account, hold: Hold, use: Use) -> None:
        account.settle(hold, use.tokens, use.microdollars, self._now())

    def _left(self, account: Account, limits: Limits) -> bytes:
        return headers.render(limits, account.standing(limits, self._now()))
