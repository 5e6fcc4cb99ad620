"""Patience: a wait that ends early, on the one timer that watches all deadlines.

`asyncio.timeout` does the same to the millisecond, with a timer for each wait; here some fifty milliseconds more are
nothing to whom waits, and the timer would cost more than all else that a request needs here.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from routers.deadlines import Deadlines

T = TypeVar("T")


class Patience:
    """A `routers.deadlines.Bounded` that cancels its task's wait, and takes the cancellation back."""

    __slots__ = ("_expired", "_task", "deadline")

    def __init__(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self._task: asyncio.Task[Any] | None = None
        self._expired = False

    async def wait(self, awaited: Coroutine[Any, Any, T], deadlines: Deadlines) -> T:
        """The result of `awaited`, which is cancelled where it takes longer.

        Raises TimeoutError then.
        """
        task = self._task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        deadlines.watch(self)
        try:
            return await awaited
        except asyncio.CancelledError:
            # By this patience's end, by somebody else, or by both: then it stays a cancellation.
            if self._expired and task.uncancel() <= before:
                raise TimeoutError from None
            raise
        finally:
            self._task = None
            deadlines.forget(self)

    def expire(self) -> None:
        if self._task is not None:
            self._expired = True
            self._task.cancel()
