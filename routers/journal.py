"""Journal: how each answer came about, written down for whoever asks later. Bounded: the oldest goes first."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import orjson

from control_plane.spec.decisions import MAX_TEXT_CHARACTERS
from observability.metrics import RouterMetrics
from routers.assignment import Assignment
from routers.decision import Decision, Load
from routers.estimate import Estimate, propensity
from routers.ledger import Entry

MAX_RECORD_BYTES = 64 * 1024
"""A record is some 700 bytes; a Route of a thousand Models can make it longer, and that is not sent."""


class Journal:
    """Takes the ledger's entries. What is to be sent waits here, and the newest stay to be asked for."""

    def __init__(self, router: str, metrics: RouterMetrics, spool: int, recent: int) -> None:
        """`router` is who writes; at most `spool` records wait to be sent, 0 where nobody takes them; `recent` stay."""
        self._router = router
        self._metrics = metrics
        self._spool: deque[bytes] = deque()
        self._most = spool
        self._taken = 0
        self._recent: deque[Entry] = deque(maxlen=recent)

    def __len__(self) -> int:
        """How many wait to be sent."""
        return len(self._spool)

    def add(self, entries: Sequence[Entry]) -> None:
        """Write these down."""
        self._recent.extend(entries)
        if self._most:
            self._wait(entries)

    def _wait(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            line = _line(entry, self._router)
            if len(line) > MAX_RECORD_BYTES:
                self._metrics.decisions_dropped.labels("large").inc()
                continue
            self._spool.append(line)
        if (excess := len(self._spool) - self._most) > 0:
            for _ in range(excess):
                self._spool.popleft()
            # Of what is being sent the oldest are gone: they are not taken away a second time.
            self._taken = max(0, self._taken - excess)
            self._metrics.decisions_dropped.labels("full").inc(excess)

    def find(self, request_id: str) -> list[bytes]:
        """The records of a request that are still here, as JSON, newest first."""
        return [_line(entry, self._router) for entry in reversed(self._recent) if entry.request_id == request_id]

    def take(self, most: int, most_bytes: int) -> list[bytes]:
        """The oldest that wait: so many, and so many bytes together, but one at least. They stay until `sent`."""
        taken: list[bytes] = []
        size = 0
        for line in self._spool:
            size += len(line) + 1
            if taken and (len(taken) >= most or size > most_bytes):
                break
            taken.append(line)
        self._taken = len(taken)
        return taken

    def sent(self, refused: bool = False) -> None:
        """What was last taken has arrived; or it never will, since it was `refused`."""
        for _ in range(self._taken):
            self._spool.popleft()
        if refused:
            self._metrics.decisions_dropped.labels("refused").inc(self._taken)
        self._taken = 0


def _line(entry: Entry, router: str) -> bytes:
    """A `control_plane.spec.decisions.DecisionRecord`."""
    outcome, match = entry.outcome, entry.match
    decision, shared = outcome.decision, outcome.match
    route, assignment = match.route, match.assignment
    decided = len(match.reasons)
    if decision is not None:
        decided += len(decision.reasons) - len(shared.reasons)
    return orjson.dumps(
        {
            "requestId": entry.request_id,
            "at": entry.at,
            "seconds": entry.seconds,
            "router": router,
            "tenant": entry.tenant,
            "protocol": entry.protocol,
            "operation": entry.operation,
            "model": route.model,
            "version": entry.version,
            "stream": entry.stream,
            "fresh": entry.fresh,
            "tools": entry.tools,
            "route": route.name,
            "revision": route.revision,
            "snapshot": match.snapshot,
            "arm": match.arm,
            "assignments": [] if assignment is None else _assignments(assignment),
            "cache": entry.cache,
            "choice": None if decision is None else _choice(decision),
            "strain": None if outcome.load is None else _strain(outcome.load),
            "steps": [{"code": code, "text": text[:MAX_TEXT_CHARACTERS]} for code, text in outcome.steps(match)],
            "decided": decided,
            "answeredBy": outcome.model,
            "tier": outcome.tier,
            "score": outcome.score,
            "status": entry.status,
            "error": None if entry.error is None else entry.error.code,
        }
    )


def _assignments(assignment: Assignment) -> list[dict[str, Any]]:
    return [
        {
            "trial": seen.ruling.trial,
            "arm": seen.ruling.arm,
            "unit": None if seen.unit is None else seen.unit.decode(),
            "targeted": seen.targeted,
        }
        for seen in assignment
    ]


def _choice(decision: Decision) -> dict[str, Any]:
    names = [backend.name for backend in decision.candidates]
    if decision.score is None:
        return {"tier": decision.tier, "score": None, "features": {}, "holdsImage": False, "candidates": names}
    value, pushes, holds_image = decision.score[:3]
    choice = {"tier": decision.tier, "score": value, "features": pushes, "holdsImage": holds_image, "candidates": names}
    if isinstance(decision.score, Estimate) and decision.match.route.router is not None:
        estimate, router = decision.score, decision.match.route.router
        choice["learned"] = {
            "artifact": router.artifact,
            "gain": estimate.gain,
            "held": estimate.held,
            "drawn": estimate.drawn,
            "propensity": propensity(decision.tier, estimate, router),
        }
    return choice


def _strain(load: Load) -> dict[str, Any]:
    return {"step": load.step.name.lower().replace("_", "-"), "pressure": load.pressure}
