"""Shortcuts: answers for which no Model is asked: kept ones, and what an overloaded Route still gives."""

from routers.cache.exact import Answer, ExactCache
from routers.call import Call
from routers.decision import Load, Match
from routers.http import Reply
from routers.ledger import Ledger
from routers.outcome import Outcome
from routers.passenger import Passenger
from routers.protocols import canned
from routers.reasons import Reason
from routers.resilience.guards import RouteGuard
from routers.resilience.ladder import Step
from routers.runtime import JSON

HIT = Reason("cache-hit", "the same question was answered before")
STALE = Reason("degraded-stale", "the Route is overloaded: an older answer to the same question is given")


class Shortcuts:
    """Answers at once, out of the cache or out of the Route's policy."""

    def __init__(self, cache: ExactCache, ledger: Ledger) -> None:
        self._cache = cache
        self._ledger = ledger

    def replay(
        self,
        call: Call,
        match: Match,
        kept: Answer,
        reply: Reply,
        cache: str,
        started: float,
        why: Reason = HIT,
        load: Load | None = None,
    ) -> None:
        """Give a kept answer."""
        outcome = Outcome(match, kept.tier, kept.score, (*match.reasons, why), kept.model, None, load)
        passenger = Passenger(call, match, reply, outcome, cache, started, self._ledger)
        if kept.stream:
            passenger.start(kept.headers)
            passenger.write(kept.body)
            passenger.end()
        else:
            passenger.send(kept.headers, kept.body)

    def give_less(
        self, step: Step, call: Call, outcome: Outcome, guard: RouteGuard, reply: Reply, cache: str, started: float
    ) -> None:
        """Answer an overloaded Route's caller: an older answer, a prepared text, or when to come back."""
        match = outcome.match
        load = outcome.load = Load(step, guard.admission.pressure)
        if match.cache_key is not None and (kept := self._cache.stale(match.cache_key, started)):
            self.replay(call, match, kept, reply, "hit-stale", started, STALE, load)
            return
        passenger = Passenger(call, match, reply, outcome, cache, started, self._ledger)
        text = guard.policy.ladder.canned_answer
        if step is Step.REFUSE or text is None or not canned.can_answer(call.operation):
            outcome.note("shed", "the Route is overloaded")
            passenger.refuse(guard.admission.refusal(started, "The Route is overloaded."))
            return
        outcome.note("degraded-canned", "the Route is overloaded: its prepared text is given")
        if call.stream:
            passenger.start(b"")
            passenger.write(canned.stream(call, text))
            passenger.end()
        else:
            passenger.send(JSON, canned.whole(call, text))
