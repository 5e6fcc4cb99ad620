"""Queue: keys to be looked at. Each is handed out to one worker at a time; what was added meanwhile comes again."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Queue(Generic[K]):
    """Use it inside one event loop."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[K, None] = OrderedDict()
        self._busy: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._some = asyncio.Event()

    def add(self, key: K, after_seconds: float = 0) -> None:
        """Have a key looked at, now or later; the earliest of several counts."""
        if after_seconds > 0:
            self._add_later(key, after_seconds)
            return
        self._cancel(key)
        self._waiting[key] = None
        self._some.set()

    async def get(self) -> K:
        """The next key; nobody else gets it until it is `done`."""
        while True:
            for key in self._waiting:
                if key not in self._busy:
                    del self._waiting[key]
                    self._busy.add(key)
                    return key
            self._some.clear()
            await self._some.wait()

    def done(self, key: K) -> None:
        """It was looked at."""
        self._busy.discard(key)
        if key in self._waiting:
            self._some.set()

    def forget(self, key: K) -> None:
        """It need not come again."""
        self._cancel(key)

    def __len__(self) -> int:
        """How many wait or are being looked at."""
        return len(self._waiting) + len(self._busy)

    def _add_later(self, key: K, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        known = self._timers.get(key)
        if key in self._waiting or (known is not None and known.when() <= loop.time() + seconds):
            return
        self._cancel(key)
        self._timers[key] = loop.call_later(seconds, self.add, key)

    def _cancel(self, key: K) -> None:
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
