"""Place: one request's leave to be under way, at once or after a wait in the Route's queue."""

import asyncio

from routers.resilience.admission import Admission
from routers.resilience.queues import Standing, Ticket, Wait


class Place:
    """Taken by its making, given back once, by `leave`."""

    __slots__ = ("_admission", "_ticket", "_woken", "queued")

    def __init__(self, admission: Admission, tenant: str, standing: Standing, now: float, seconds: float) -> None:
        """`seconds` are left to the request's deadline.

        Raises TiermeshError(QUEUE_FULL) with Retry-After where there is neither a place nor room to wait for one.
        """
        self._admission = admission
        self._ticket: Ticket | None = None
        self._woken: asyncio.Future[None] | None = None
        self.queued = not admission.enter()
        """Then `granted` says what became of the wait, also where it is over."""
        if self.queued:
            self._woken = asyncio.get_running_loop().create_future()
            self._ticket = admission.wait(tenant, standing, now, seconds, self._wake)

    async def granted(self) -> None:
        """Wait for it. Raises TiermeshError(QUEUE_FULL) where another tenant's request took the wait's place."""
        if self._ticket is None or self._woken is None:
            return
        await self._woken
        if self._ticket.state is Wait.SHED:
            now = asyncio.get_running_loop().time()
            raise self._admission.refusal(now, "The queue is full, and others have waited for less than their share.")

    def leave(self) -> None:
        """The request is over, wherever it was."""
        if self._ticket is None or self._ticket.state is Wait.ADMITTED:
            self._admission.leave()
        else:
            self._admission.cancel(self._ticket)

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)
