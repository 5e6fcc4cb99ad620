"""Endpoints of one Model: which one takes the next call, and which one is left out for a while.

Where one endpoint is bad and the others are good, the Model goes on without it: outlier ejection, as Envoy names it.
Among the rest the less loaded of two random ones is taken, which spreads load almost as well as looking at all of them
(Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001). Load is calls under way times the time to
the first byte, so that an endpoint that is slow without failing gets as few calls as it can answer.
"""

import math
from collections.abc import Callable, Collection

from control_plane.spec import resilience
from routers.resilience.breaker import Verdict
from routers.resilience.window import Window

Random = Callable[[], float]
"""A number in [0, 1), each time another."""

LATENCY_WEIGHT = 0.1
"""Of the newest call in an endpoint's latency: answers differ in length, so some twenty of them make a figure."""
FADE_SECONDS = 10.0
"""An idle endpoint's latency is believed less and less at this rate, so that one that was slow is tried again."""
UNKNOWN_SECONDS = 0.1
"""Latency of an endpoint that has not answered yet, from its second call on: the first one is to find out."""


class Endpoint:
    """One place where a Model answers."""

    __slots__ = (
        "_heard_at",
        "_in_a_row",
        "_latency",
        "_out_seconds",
        "_returned_at",
        "_window",
        "ejected_until",
        "ejections",
        "index",
        "under_way",
    )

    def __init__(self, index: int, window_seconds: float) -> None:
        self.index = index
        """Its place in the Model's `urls`."""
        self.under_way = 0
        self.ejected_until = 0.0
        """0 while it takes part."""
        self.ejections = 0
        """How often it was ejected of late: each time for longer."""
        self._window = Window(window_seconds)
        self._in_a_row = 0
        self._latency = UNKNOWN_SECONDS
        self._heard_at: float | None = None
        self._out_seconds = 0.0
        self._returned_at = 0.0

    def load(self, now: float) -> float:
        """What one more call has before it, in seconds."""
        if self._heard_at is None:
            return self.under_way * self._latency
        if self.under_way:
            return (self.under_way + 1) * self._latency
        return self._latency * math.exp((self._heard_at - now) / FADE_SECONDS)

    def heard(self, now: float, seconds: float, censored: bool) -> None:
        """A first byte came after `seconds`, or, where `censored`, had not come by then.

        The mean wait beyond a wait is the mean again, for a memoryless latency: that is what is counted then.
        """
        seconds += self._latency if censored else 0.0
        known = self._heard_at is not None
        self._latency += (LATENCY_WEIGHT if known else 1.0) * (seconds - self._latency)
        self._heard_at = now

    def failed_too_often(self, now: float, failed: bool, policy: resilience.Outliers) -> bool:
        """Count a call; whether the endpoint deserves to be ejected."""
        self._window.add(now, failed, False)
        if not failed:
            self._in_a_row = 0
            return False
        self._in_a_row += 1
        window = self._window
        return self._in_a_row >= policy.consecutive_failures or (
            window.calls >= policy.minimum_calls and window.failures >= policy.failure_ratio * window.calls
        )

    def eject(self, now: float, policy: resilience.Outliers) -> None:
        """Leave it out, each time twice as long. What it did before is paid for by that."""
        self._out_seconds = min(policy.ejection_seconds * 2 ** min(self.ejections, 60), policy.max_ejection_seconds)
        self.ejections += 1
        self._returned_at = self.ejected_until = now + self._out_seconds
        self._window.clear()
        self._in_a_row = 0

    def forgive(self, now: float) -> None:
        """Good calls for as long as the ejection was take one step of its growth away."""
        if now >= self._returned_at + self._out_seconds:
            self.ejections -= 1
            self._returned_at = now


class Endpoints:
    """All endpoints of one Model. One alone is always taken and never ejected: that is its breaker's affair."""

    __slots__ = ("__weakref__", "_all", "_first_return", "_policy", "_taking_part", "count", "ejected")

    def __init__(self, count: int, policy: resilience.Outliers) -> None:
        """`count` of them, at least one."""
        self._all = [Endpoint(index, policy.window_seconds) for index in range(count)]
        self._taking_part = list(self._all)
        self._first_return = math.inf
        self._policy = policy
        self.count = count
        self.ejected = 0
        """How many are left out now."""

    def choose(self, now: float, random: Random, tried: Collection[int] = ()) -> Endpoint:
        """Where the next call goes; endpoints that this request has `tried` come last.

        Each choice must come back by `release`.
        """
        if self.count == 1:
            chosen = self._all[0]
        else:
            if now >= self._first_return:
                self._take_back(now)
            chosen = self._less_loaded(now, random, tried)
        chosen.under_way += 1
        return chosen

    def has_other(self, tried: Collection[int]) -> bool:
        """Whether an endpoint takes part that was not tried."""
        return self.count > 1 and any(endpoint.index not in tried for endpoint in self._taking_part)

    def release(self, endpoint: Endpoint, now: float, verdict: Verdict, seconds: float) -> None:
        """What became of a call; `seconds` to its first byte, or for how long none came."""
        endpoint.under_way -= 1
        if self.count == 1:
            return
        failed = verdict is Verdict.BAD
        if not failed:
            endpoint.heard(now, seconds, censored=verdict is Verdict.NONE)
        if verdict is Verdict.NONE or not self._policy.enabled:
            return
        if endpoint.failed_too_often(now, failed, self._policy):
            self._eject(endpoint, now)
        elif endpoint.ejections and not failed:
            endpoint.forgive(now)

    def _less_loaded(self, now: float, random: Random, tried: Collection[int]) -> Endpoint:
        among = self._taking_part
        if tried:
            among = [endpoint for endpoint in among if endpoint.index not in tried] or among
        count = len(among)
        if count == 1:
            return among[0]
        first = int(random() * count)
        one, other = among[first], among[(first + 1 + int(random() * (count - 1))) % count]
        return one if one.load(now) <= other.load(now) else other

    def _eject(self, endpoint: Endpoint, now: float) -> None:
        if endpoint.ejected_until or self.ejected + 1 > self._policy.max_ejected_share * self.count:
            return
        endpoint.eject(now, self._policy)
        self._taking_part.remove(endpoint)
        self.ejected += 1
        self._first_return = min(self._first_return, endpoint.ejected_until)

    def _take_back(self, now: float) -> None:
        for endpoint in self._all:
            if 0 < endpoint.ejected_until <= now:
                endpoint.ejected_until = 0.0
                self._taking_part.append(endpoint)
                self.ejected -= 1
        waiting = [endpoint.ejected_until for endpoint in self._all if endpoint.ejected_until]
        self._first_return = min(waiting, default=math.inf)
