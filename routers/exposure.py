"""Exposure: what became of each request with arms, handed on to whoever counts. Whom it was for goes on as a hash."""

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from routers.assignment import Assignment
from routers.ledger import Entry

_FROM_A_CACHE = frozenset({"hit-exact", "hit-semantic", "hit-stale", "coalesced"})
"""Answers that cost nothing: another request has paid."""


class Exposures(Protocol):
    """Where exposures go."""

    def add(self, events: Sequence[bytes]) -> None:
        """Take these, each the JSON of a `control_plane.spec.events.Exposure`, in the order of their ends."""


class ExposureBook:
    """A `routers.ledger.Book` that writes exposures."""

    def __init__(self, exposures: Exposures) -> None:
        self._exposures = exposures

    def add(self, entries: Sequence[Entry]) -> None:
        """Of these answers, those with arms."""
        exposed = [
            line(entry, arms)
            for entry in entries
            if entry.match.assignment is not None and (arms := _arms(entry.match.assignment))
        ]
        if exposed:
            self._exposures.add(exposed)


def line(entry: Entry, arms: list[dict[str, Any]]) -> bytes:
    """A `control_plane.spec.events.Exposure`."""
    match, outcome = entry.match, entry.outcome
    hit = entry.cache in _FROM_A_CACHE
    prompt, answer, picodollars = (0, 0, 0) if hit else _taken(entry)
    return orjson.dumps(
        {
            "kind": "exposure",
            "id": entry.request_id,
            "tenant": entry.tenant,
            "at": entry.at,
            "route": match.route.name,
            "snapshot": match.snapshot,
            "assignments": arms,
            "seconds": entry.seconds,
            "firstTokenSeconds": entry.first_seconds,
            "inputTokens": prompt,
            "outputTokens": answer,
            "picodollars": picodollars,
            "failed": entry.error is not None,
            "fallback": "fallback" in [step.code for step in outcome.reasons],
            "cacheHit": hit,
            "status": entry.status,
        }
    )


def _arms(assignment: Assignment) -> list[dict[str, Any]]:
    return [
        {"trial": ruling.trial, "arm": ruling.arm, "unit": seen.unit.decode(), "forced": ruling.forced}
        for seen in assignment
        if (ruling := seen.ruling).arm is not None and seen.unit is not None
    ]


def _taken(entry: Entry) -> tuple[int | None, int | None, int | None]:
    """Tokens of the prompt and of the answer, and what they cost; what is not known is None."""
    usage, base = entry.outcome.usage, entry.match.route.base
    backend = base.armed.models.get(entry.outcome.model) if base is not None and base.armed is not None else None
    if usage is None or backend is None:
        return None, None, None
    price = backend.price
    cost = usage.prompt * price.input_picodollars_per_token + usage.answer * price.output_picodollars_per_token
    return usage.prompt, usage.answer, cost
