"""Asked: a call that waits for something before it can be answered, and its caller."""

from typing import NamedTuple

from control_plane.spec.errors import Code, TiermeshError
from routers.call import Call
from routers.decision import Match
from routers.http import Reply
from routers.ledger import Ledger
from routers.outcome import Outcome
from routers.passenger import Passenger
from routers.unexpected import as_error


class Asked(NamedTuple):
    """A call on its way. `started` is when it was asked, of `time.monotonic`."""

    call: Call
    match: Match
    reply: Reply
    started: float

    def refuse(self, error: Exception, ledger: Ledger) -> None:
        """Its caller hears why there is no answer; of a bug, that there is one."""
        self._passenger(ledger).refuse(as_error(error, self.call.request_id))

    def leave(self, ledger: Ledger) -> None:
        """Its caller has gone."""
        self._passenger(ledger).close(499, None)

    def _passenger(self, ledger: Ledger) -> Passenger:
        outcome = Outcome.undecided(self.match)
        return Passenger(self.call, self.match, self.reply, outcome, "miss", self.started, ledger)


def stopping() -> TiermeshError:
    """What callers hear who still wait when the router stops."""
    return TiermeshError(Code.UNAVAILABLE, "The router stops.", "Ask again: another one answers.")
