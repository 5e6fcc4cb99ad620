"""Answers as the journal writes them down."""

import asyncio
import time
from typing import Any

import orjson

from control_plane.spec.decisions import DecisionRecord, part_of
from control_plane.spec.errors import TiermeshError
from control_plane.spec.snapshots import Snapshot, digest
from observability.metrics import RouterMetrics
from routers.call import Call
from routers.journal import Journal
from routers.ledger import Ledger
from routers.outcome import Outcome


def written(call: Call, outcome: Outcome, cache: str = "miss", error: TiermeshError | None = None) -> DecisionRecord:
    """What the journal says of one answer."""

    async def record() -> list[bytes]:
        journal = Journal("router-1", RouterMetrics(), spool=1, recent=1)
        ledger = Ledger(RouterMetrics(), None, journal)
        ledger.record(call, outcome.match, outcome, cache, time.monotonic(), error.status if error else 200, error)
        ledger.flush()
        return journal.find(call.request_id)

    (line,) = asyncio.run(record())
    return DecisionRecord.model_validate_json(line)


def part(snapshot: Snapshot, route: str) -> Snapshot:
    """One Route's part of a snapshot, as the command sends it."""
    content = part_of(snapshot.content, route)
    return snapshot.model_copy(update={"content": content, "sha256": digest(content)})


def question(record: DecisionRecord, snapshot: Snapshot, **changes: Any) -> bytes:
    """The body of POST /replay."""
    said = record.model_dump(mode="json") | changes
    return orjson.dumps({"record": said, "snapshot": snapshot.model_dump(mode="json")})
