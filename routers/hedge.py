"""A race of two: the second runner starts only if the first is late, and who arrives first wins."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from control_plane.spec.errors import TiermeshError

T = TypeVar("T")


class Hedge(Generic[T]):
    """Runs the first in the caller's own task, so that a race that is won in time costs no more than a timer.

    A second runner that wins cancels the caller's task; the cancellation is caught here and taken back, as
    `asyncio.timeout` does.
    """

    __slots__ = ("_second", "_start", "_task", "_won")

    def __init__(self, start: Callable[[], Coroutine[Any, Any, T] | None]) -> None:
        """`start` is called when the first is late; it gives the second runner, or None where there is none."""
        self._start = start
        self._second: asyncio.Task[T] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._won = False

    async def run(self, first: Coroutine[Any, Any, T], delay: float) -> T:
        """The result of who arrives first; where both fail, the error of the first. The loser is cancelled."""
        self._task = asyncio.current_task()
        timer = asyncio.get_running_loop().call_later(delay, self._late)
        try:
            return await first
        except asyncio.CancelledError:
            # By the second runner, which has won, by somebody else, or by both.
            if not self._won or self._task is None or self._task.uncancel() > 0:
                raise
            return self._winner()
        except TiermeshError:
            self._task = None
            if self._second is None:
                raise
            try:
                return await self._second
            except TiermeshError:
                pass
            raise
        finally:
            self._task = None
            timer.cancel()
            if self._second is not None:
                self._second.cancel()

    def _late(self) -> None:
        second = self._start()
        if second is not None:
            self._second = asyncio.get_running_loop().create_task(second)
            self._second.add_done_callback(self._arrived)

    def _arrived(self, second: asyncio.Task[T]) -> None:
        # Asking for the exception says that it has been seen: the first one's counts.
        if not second.cancelled() and second.exception() is None and self._task is not None:
            self._won = True
            self._task.cancel()

    def _winner(self) -> T:
        assert self._second is not None
        return self._second.result()
