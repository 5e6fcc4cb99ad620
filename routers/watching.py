"""Watching: what is written down of requests whose tier a learned router chose.

Of each that explores an event goes on to whoever watches the contract. Where a traffic log is kept, each request has a
line there, so that another router can be judged by it (`tiermesh router replay`). What was said is in it only where
that is switched on.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from observability.batch import Batch
from routers import complexity
from routers.call import Call
from routers.decision import Decision
from routers.estimate import Estimate, is_below, propensity
from routers.pipeline import explores

_LOG = logging.getLogger(__name__)


class TrafficLog:
    """Appends lines to a file. Belongs to one event loop."""

    def __init__(self, path: Path, content: bool) -> None:
        """`content` records what users say."""
        self.content = content
        self._path = path
        self._batch: Batch[dict[str, Any]] = Batch(self._write)
        self.add = self._batch.add
        self.flush = self._batch.flush

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(b"".join([orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines]))
        except OSError as error:
            fields = {"path": str(self._path), "lost": len(lines), "why": str(error)}
            _LOG.error("The traffic log cannot be written.", extra={"fields": fields})


class Watching:
    """Takes each request as it is about to be answered."""

    def __init__(self, add: Callable[[Sequence[bytes]], None] | None = None, log: TrafficLog | None = None) -> None:
        """`add` takes events, each the JSON of a `control_plane.spec.events.Exploration`."""
        self._add = add
        self._log = log

    def note(self, call: Call, decision: Decision) -> None:
        """Of requests that one tier alone can answer there is nothing to tell."""
        estimate, router = decision.score, decision.match.route.router
        if router is None or not isinstance(estimate, Estimate) or estimate.held is not None:
            return
        if decision.reasons[-1].code == "only-tier":
            return
        if self._add is not None and router.promise is not None and explores(decision):
            self._add([_event(call, decision, is_below(estimate.gain, router))])
        if self._log is not None:
            line: dict[str, Any] = {
                "requestId": call.request_id,
                "at": time.time(),
                "tenant": call.tenant,
                "route": decision.match.route.name,
                "artifact": router.artifact,
                "gain": estimate.gain,
                "tier": decision.tier,
                "propensity": propensity(decision.tier, estimate, router),
            }
            if self._log.content:
                prompted = decision.match.prompted
                line["prompt"] = complexity.read(call.fields if prompted is None else prompted.asked)[0]
            self._log.add(line)

    def close(self) -> None:
        """Write what waits."""
        if self._log is not None:
            self._log.flush()


def _event(call: Call, decision: Decision, below: bool) -> bytes:
    """A `control_plane.spec.events.Exploration`."""
    route = decision.match.route
    router = route.router
    assert router is not None and router.contract is not None  # it explores
    return orjson.dumps(
        {
            "kind": "exploration",
            "id": call.request_id,
            "tenant": call.tenant,
            "at": time.time(),
            "route": route.name,
            "promise": router.promise,
            "maxQualityLoss": router.contract.max_quality_loss,
            "confidence": router.contract.confidence,
            "outcome": router.contract.outcome,
            "below": below,
            "tier": decision.tier,
        }
    )
