"""Events as routers write them, and what a control plane must have counted once all of them have arrived."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from control_plane.spec.events import unit_hash

TRIAL = "Experiment/bench"
OUTCOME = "order"
_UNITS = 100_000
_ARMS = ("control", "candidate")
_BACK = 500
"""A report is about one of so many requests before it, or of the next ones: then it comes before its request."""


@dataclass(slots=True)
class Expected:
    """What was said, each thing once."""

    requests: int = 0
    errors: int = 0
    orders: float = 0.0
    units: set[int] = field(default_factory=set)


class Source:
    """One router's requests and reports: of ten events eight are requests, one is about a request, one about a unit.

    Every tenth report is sent twice, as callers do whose answer was lost.
    """

    def __init__(self, name: str, seed: int, expected: Expected) -> None:
        self._name = name
        self._random = random.Random(seed)
        self._expected = expected
        self._asked = 0
        self._said = 0
        self._hashes: dict[int, str] = {}
        self._last = 0
        self._reported = b""
        # Reports of units are of a moment at which every unit has begun: how early each began is not told by chance.
        self._later = datetime.now(UTC) + timedelta(days=1)

    def events(self, count: int) -> list[bytes]:
        """The next ones."""
        now = datetime.now(UTC)
        return [self._next(now) for _ in range(count)]

    def _next(self, now: datetime) -> bytes:
        self._said += 1
        if self._said % 10 < 8:
            return self._request(now)
        if self._said % 100 == 99:
            return self._reported
        self._reported = self._report(of_a_request=self._said % 10 == 9)
        return self._reported

    def finish(self) -> list[bytes]:
        """The requests that reports were about and that have not come."""
        now = datetime.now(UTC)
        return [self._request(now) for _ in range(_BACK)]

    def _request(self, now: datetime) -> bytes:
        self._asked += 1
        unit, failed = self._random.randrange(_UNITS), self._random.random() < 0.02
        self._last = unit
        self._expected.requests += 1
        self._expected.errors += failed
        self._expected.units.add(unit)
        said = {
            "kind": "exposure",
            "id": f"{self._name}-{self._asked}",
            "tenant": "default",
            "at": now,
            "route": "bench",
            "snapshot": 1,
            "assignments": [{"trial": TRIAL, "arm": _ARMS[unit % 2], "unit": self._hash(unit), "forced": False}],
            "seconds": self._random.expovariate(2),
            "firstTokenSeconds": self._random.expovariate(10),
            "inputTokens": 100,
            "outputTokens": self._random.randrange(200),
            "picodollars": self._random.randrange(10**9),
            "failed": failed,
            "fallback": False,
            "cacheHit": False,
            "status": 500 if failed else 200,
        }
        return orjson.dumps(said)

    def _report(self, of_a_request: bool) -> bytes:
        value = float(self._random.randrange(1, 10))
        self._expected.orders += value
        about: dict[str, object] = {"unit": self._hash(self._last), "at": self._later}
        if of_a_request:
            request = max(1, self._asked + self._random.randrange(-_BACK, _BACK))
            about = {"requestId": f"{self._name}-{request}", "at": datetime.now(UTC)}
        said = {"kind": "feedback", "id": uuid.uuid4().hex, "tenant": "default", "name": OUTCOME, "value": value}
        return orjson.dumps(said | about)

    def _hash(self, unit: int) -> str:
        if unit not in self._hashes:
            self._hashes[unit] = unit_hash(f"user-{unit}")
        return self._hashes[unit]
