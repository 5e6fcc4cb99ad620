"""Tab: pays for one answer of a model. Opened before the first Model is asked, closed when all is over."""

from collections.abc import Mapping

from control_plane.spec.snapshots import CompiledPrice
from routers.call import Call
from routers.quotas.bill import Bill
from routers.quotas.costs import Use
from routers.quotas.desk import Desk, Settle
from routers.quotas.metering import Usage
from routers.tenants import Tenant

_NOTHING = Use(0, 0)


class Tab:
    """For a tenant whose tokens or money are limited."""

    __slots__ = ("_bill", "_desk", "_lease_seconds", "_prices", "_settle", "_tenant", "pass_on", "whole")

    def __init__(
        self, desk: Desk, tenant: Tenant, lease_seconds: float, call: Call, prices: Mapping[str, CompiledPrice]
    ) -> None:
        """`prices` of all Models that may answer, by name.

        Raises TiermeshError(INVALID_REQUEST) where the request's own limits are no numbers.
        """
        assert tenant.limits is not None
        self._desk = desk
        self._tenant = tenant
        self._lease_seconds = lease_seconds
        self._prices = prices
        self._bill = Bill(call, list(prices.values()), tenant.limits.hard)
        self._settle: Settle | None = None
        self.pass_on = self._bill.pass_on
        self.whole = self._bill.whole

    @property
    def usage(self) -> Usage | None:
        """What the Model said that the answer took."""
        return self._bill.usage

    async def open(self) -> Call:
        """Set aside what the answer may take; returns the call as Models are to read it.

        Raises TiermeshError: RATE_LIMITED, INSUFFICIENT_QUOTA, or UNAVAILABLE where nobody can say.
        """
        self._settle = await self._desk.reserve(self._tenant, self._lease_seconds, self._bill.reserved)
        return self._bill.call

    def cancel(self) -> None:
        """No Model gave an answer: give all of it back."""
        self._pay(_NOTHING)

    def close(self, model: str) -> None:
        """Pay for the answer of this Model; an empty name: one was asked, and nobody waited for what it said. Does
        nothing where it was cancelled or never opened."""
        if self._settle is not None:
            self._pay(self._bill.taken(self._prices.get(model)))

    def _pay(self, use: Use) -> None:
        settle, self._settle = self._settle, None
        if settle is not None:
            settle(use)
