"""Window: counts of the recent calls, in buckets that fall away one by one."""

BUCKETS = 10
"""The window's end moves in tenths of its length."""


class Window:
    """Calls of the last `seconds`: how many, how many of them failed, how many were slow.

    O(1) a call: a bucket is emptied once each time that it comes round. What is counted is between 0.9 and 1 times
    the window old.
    """

    __slots__ = ("_calls", "_current", "_ends_at", "_failures", "_slow", "_width", "calls", "failures", "slow")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self._ends_at = float("-inf")
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._current = 0
        self._calls, self._failures, self._slow = [0] * BUCKETS, [0] * BUCKETS, [0] * BUCKETS
        self.calls = self.failures = self.slow = 0

    def add(self, now: float, failed: bool, slow: bool) -> None:
        """Count one call."""
        if now >= self._ends_at:
            self._move_on(now)
        current = self._current
        self._calls[current] += 1
        self.calls += 1
        if failed:
            self._failures[current] += 1
            self.failures += 1
        if slow:
            self._slow[current] += 1
            self.slow += 1

    def _move_on(self, now: float) -> None:
        if now >= self._ends_at + BUCKETS * self._width:
            self.clear()
            self._ends_at = now + self._width
            return
        while now >= self._ends_at:
            self._ends_at += self._width
            oldest = self._current = (self._current + 1) % BUCKETS
            self.calls -= self._calls[oldest]
            self.failures -= self._failures[oldest]
            self.slow -= self._slow[oldest]
            self._calls[oldest] = self._failures[oldest] = self._slow[oldest] = 0
