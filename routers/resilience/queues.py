"""A bounded queue that is fair between tenants.

Served by deficit round robin (Shreedhar and Varghese, 1995): in each round the lightest tenant that waits has one
request served and one of n times its weight n, so none waits longer than one round for its next, whatever the others
send. Where it is full, one of those who have more
than their share of it loses its newest request: the least important, and of equals the one with the longest queue for
its weight (longest queue drop, Suter and others, 1998). So who floods loses, and never one who waits within its share.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple


class Standing(NamedTuple):
    """How a tenant stands against the others."""

    weight: float = 1
    """Its share of the places: a tenant of weight 3 gets three for each one of weight 1."""
    priority: int = 0
    """Of tenants with more than their share of a full queue, who has less loses first. Nobody starves by it: it moves
    nobody forward, and takes nothing from a share."""


class Wait(Enum):
    """What became of a request that had to wait."""

    QUEUED = "queued"
    ADMITTED = "admitted"
    SHED = "shed"
    LEFT = "left"


class Ticket:
    """One request's place in the queue."""

    __slots__ = ("line", "state", "wake")

    def __init__(self, line: "_Line", wake: Callable[[], None]) -> None:
        self.line = line
        self.wake = wake
        """Called once, when the request is admitted or shed."""
        self.state = Wait.QUEUED


class _Line:
    """The waiting requests of one tenant, oldest first."""

    __slots__ = ("deficit", "standing", "tenant", "tickets")

    def __init__(self, tenant: str, standing: Standing) -> None:
        self.tenant = tenant
        self.standing = standing
        self.deficit = 0.0
        self.tickets: OrderedDict[Ticket, None] = OrderedDict()

    def excess(self, share: float) -> tuple[bool, int, float]:
        """Who has the most loses first. `share` is the queue's places for each unit of weight."""
        length = len(self.tickets) / self.standing.weight
        return length > share, -self.standing.priority, length


class FairQueue:
    """Tickets of all tenants. O(1) each, but for who takes a place from another: that one looks at all tenants."""

    __slots__ = ("_capacity", "_lines", "_standings", "_weights", "length")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.length = 0
        """How many wait."""
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        """Of tenants that have something waiting, in the order of the round; the first is being served."""
        self._weights = 0.0
        self._standings: Counter[Standing] = Counter()
        """Of the tenants in `_lines`: what they weigh together, and how many stand how."""

    def push(self, tenant: str, standing: Standing, wake: Callable[[], None]) -> Ticket | None:
        """Join the tenant's end of the queue; None where it is full and no place can be taken from another."""
        line = self._lines.get(tenant) or _Line(tenant, standing)
        if self.length >= self._capacity and not self._make_room(line):
            return None
        ticket = Ticket(line, wake)
        if not line.tickets:
            self._open(line)
        line.tickets[ticket] = None
        self.length += 1
        return ticket

    def pop(self) -> Ticket:
        """The ticket whose turn it is; there must be one."""
        line = next(iter(self._lines.values()))
        if line.deficit < 1:
            line.deficit += line.standing.weight / min([standing.weight for standing in self._standings])
        line.deficit -= 1
        ticket = next(iter(line.tickets))
        self.remove(ticket, Wait.ADMITTED)
        if line.tickets and line.deficit < 1:
            self._lines.move_to_end(line.tenant)
        return ticket

    def remove(self, ticket: Ticket, state: Wait) -> None:
        """Take a waiting ticket out."""
        line = ticket.line
        del line.tickets[ticket]
        if not line.tickets:
            self._close(line)
        self.length -= 1
        ticket.state = state

    def _make_room(self, arriving: _Line) -> bool:
        """Shed the newest ticket of the line that has most in excess, unless that is the arriving one."""
        standing = arriving.standing
        weights = self._weights if arriving.tickets else self._weights + standing.weight
        share = self._capacity / weights
        exceeds = (len(arriving.tickets) + 1) / standing.weight > share
        if exceeds and all(standing.priority <= other.priority for other in self._standings):
            return False
        worst = max(self._lines.values(), key=lambda line: line.excess(share))
        worst_exceeds, _, _ = worst.excess(share)
        if exceeds and (not worst_exceeds or worst.standing.priority >= standing.priority):
            return False
        ticket = next(reversed(worst.tickets))
        self.remove(ticket, Wait.SHED)
        ticket.wake()
        return True

    def _open(self, line: _Line) -> None:
        self._lines[line.tenant] = line
        self._weights += line.standing.weight
        self._standings[line.standing] += 1

    def _close(self, line: _Line) -> None:
        del self._lines[line.tenant]
        self._weights -= line.standing.weight
        self._standings[line.standing] -= 1
        if not self._standings[line.standing]:
            del self._standings[line.standing]
