"""Account: one tenant's use, and the arithmetic of its limits. Pure but for its own numbers: the clock is an argument.

`scripts/` holds the same arithmetic for Redis; `tests/integration/test_quotas_redis.py` plays both against each other.
"""

from typing import NamedTuple

from routers.quotas.limits import SECOND, Limits
from routers.record import record

SLOT = 5 * SECOND
SLOTS = 13
"""Of tokens: the one under way and the twelve before, so that any 60 seconds lie within. What was granted up to 5
seconds before them still counts: under steady load at least 12/13 of the quota can be used."""
DAY = 86_400 * SECOND
BUSY = SECOND
"""When to ask again where reservations of requests under way are all that stands in the way."""


class Refusal(NamedTuple):
    """Why not, and when it may be worth another try."""

    what: str
    """`requests`, `concurrent`, `tokens`, `budget` (spent), or `busy` (not spent, but reserved)."""
    wait: int | None
    """Microseconds; None: never, it is more than the whole quota."""


@record
class Hold:
    """What one answer may take, set aside."""

    tokens: int
    microdollars: int
    slot: int
    day: int
    """When it was set aside; what it took is booked there."""


Standing = tuple[int, int, int, int]
"""Requests left, microseconds until all are, and the same of tokens."""


class Account:
    """Times are microseconds; a clock that goes back for a moment grants nothing twice."""

    __slots__ = ("_arrival", "_day", "_in_window", "_slot", "_slot_ends", "_slots", "concurrent", "held", "spent")

    def __init__(self) -> None:
        self._arrival = 0
        self._slot = 0
        self._slot_ends = 0
        self._slots = [0] * SLOTS
        self._in_window = 0
        self._day = 0
        self.concurrent = 0
        self.spent = 0
        self.held = 0
        """Microdollars of the day: spent for good, and set aside."""

    def enter(self, limits: Limits, now: int) -> Refusal | None:
        """Count a request and take a place, or neither."""
        if limits.concurrent is not None and self.concurrent >= limits.concurrent:
            return Refusal("concurrent", BUSY)
        if (interval := limits.interval) is not None:
            # The generic cell rate algorithm: when the next request would arrive if all came evenly.
            arrival = self._arrival if self._arrival > now else now
            early = arrival - now - (limits.burst - 1) * interval
            if early > 0:
                return Refusal("requests", early)
            self._arrival = arrival + interval
        self.concurrent += 1
        return None

    def leave(self) -> None:
        """Give the place back."""
        self.concurrent -= 1

    def reserve(self, limits: Limits, tokens: int, microdollars: int, now: int) -> Hold | Refusal:
        """Set both aside, or neither."""
        if now >= self._slot_ends:
            self._turn(now)
        if limits.tokens is not None and self._in_window + tokens > limits.tokens:
            return Refusal("tokens", self._until_free(limits.tokens, tokens, now))
        budget = limits.microdollars
        # What costs nothing needs no budget, also where that is spent.
        if budget is not None and microdollars and self.spent + self.held + microdollars > budget:
            return self._no_money(budget, microdollars, now)
        self._slots[self._slot % SLOTS] += tokens
        self._in_window += tokens
        self.held += microdollars
        return Hold(tokens, microdollars, self._slot, self._day)

    def settle(self, hold: Hold, tokens: int, microdollars: int, now: int) -> None:
        """Book what was taken in place of what was set aside."""
        if now >= self._slot_ends:
            self._turn(now)
        more = tokens - hold.tokens
        if self._slot - hold.slot < SLOTS:
            self._slots[hold.slot % SLOTS] += more
            self._in_window += more
        elif more > 0:
            self._slots[self._slot % SLOTS] += more
            self._in_window += more
        if hold.day == self._day:
            self.held -= hold.microdollars
            self.spent += microdollars

    def standing(self, limits: Limits, now: int) -> Standing:
        """What is left of requests and tokens."""
        # Comparisons, for max() costs five times as much.
        ahead = requests = 0
        if (interval := limits.interval) is not None:
            ahead = self._arrival - now
            ahead = ahead if ahead > 0 else 0
            requests = limits.burst + -ahead // interval
            requests = requests if requests > 0 else 0
        if limits.tokens is None:
            return requests, ahead, 0, 0
        if now >= self._slot_ends:
            self._turn(now)
        left = limits.tokens - self._in_window
        reset = (self._slot + SLOTS) * SLOT - now if self._in_window else 0
        return requests, ahead, left if left > 0 else 0, reset

    def _turn(self, now: int) -> None:
        """Leave behind what is no longer in the window, and yesterday."""
        slot = now // SLOT
        for gone in range(self._slot + 1, min(slot, self._slot + SLOTS) + 1):
            self._in_window -= self._slots[gone % SLOTS]
            self._slots[gone % SLOTS] = 0
        self._slot, self._slot_ends = slot, (slot + 1) * SLOT
        day = now // DAY
        if day > self._day:
            self._day, self.spent, self.held = day, 0, 0

    def _until_free(self, limit: int, tokens: int, now: int) -> int | None:
        if tokens > limit:
            return None
        left = self._in_window
        oldest = self._slot - SLOTS + 1
        for slot in range(oldest, self._slot + 1):
            left -= self._slots[slot % SLOTS]
            if left + tokens <= limit:
                return (slot + SLOTS) * SLOT - now
        return SLOTS * SLOT

    def _no_money(self, limit: int, microdollars: int, now: int) -> Refusal:
        if microdollars > limit:
            return Refusal("budget", None)
        if self.spent + microdollars > limit:
            return Refusal("budget", (self._day + 1) * DAY - now)
        return Refusal("busy", BUSY)
