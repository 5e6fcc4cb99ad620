"""Promises: looks at what has come of those that are watched, and has routers believe those no more that are broken.

That a promise is broken is written down with the snapshot that says so, in one transaction; a control plane that ends
in between goes on where it was. Nothing takes it back: another artifact, or other terms, are another promise.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from control_plane.publisher import InForce, Publisher, Wanted
from control_plane.spec.documents import Route, parse
from control_plane.spec.names import Key, key_of
from control_plane.spec.routes import Promise, promise_of
from control_plane.spec.watched import Bounds, PromiseState, PromiseStatus
from control_plane.stats.loss import Interval, LossWatch
from control_plane.store import promises, revisions
from control_plane.store.database import Database, Transaction
from control_plane.store.promises import Stored
from observability.control_plane_metrics import ControlPlaneMetrics

logger = logging.getLogger(__name__)

_AUTHOR = "contracts"


@dataclass(frozen=True, slots=True)
class Promises:
    """All promises of this control plane."""

    publisher: Publisher
    metrics: ControlPlaneMetrics

    def follow(self) -> int:
        """Look at each once. Returns how many are broken since the last time. Raises TiermeshError(UNAVAILABLE)."""
        with self.publisher.database.read() as transaction:
            found = promises.every(transaction)
        self._measure()
        fresh = [stored for stored in found if stored.watch["broken"] and not stored.broken]
        if fresh:
            self._tell(fresh)
        return len(fresh)

    def _measure(self) -> None:
        found = statuses(self.publisher.database)
        for one in found:
            if one.current:
                self.metrics.contract_loss.labels(one.route).set(one.loss.value)
                self.metrics.contract_broken.labels(one.route).set(int(one.state is PromiseState.BROKEN))
        for route in {one.route for one in found} - {one.route for one in found if one.current}:
            self.metrics.contract_loss.remove(route)
            self.metrics.contract_broken.remove(route)

    def _tell(self, fresh: list[Stored]) -> None:
        def decide(transaction: Transaction, _heads: InForce) -> Mapping[Key, Wanted]:
            promises.mark(transaction, [stored.promise for stored in fresh])
            return {}

        said = tuple(f"Route/{stored.route} goes to the heavy tier: {stored.promise}" for stored in fresh)
        reason = "what was reported shows that more is lost than was promised"
        self.publisher.steer("contract broken", said, decide, lambda _transaction, _number: None, _AUTHOR, reason)
        logger.warning("a quality contract is broken", extra={"fields": {"promises": list(said)}})


def statuses(database: Database) -> list[PromiseStatus]:
    """How all of them stand, by Route; of each Route the one that was heard of last at the end."""
    with database.read() as transaction:
        found = promises.every(transaction)
        given = {route: _given(transaction, route) for route in {stored.route for stored in found}}
    return [_status(stored, current=stored.promise == given[stored.route]) for stored in found]


def _given(transaction: Transaction, name: str) -> Promise | None:
    """What the Route of this qualified name promises; None where it promises nothing, or is not there any more."""
    head = revisions.head(transaction, key_of("Route", name))
    route = parse(head.document) if head is not None and not head.deleted else None
    return promise_of(name, route.spec.complexity) if isinstance(route, Route) else None


def _status(stored: Stored, current: bool) -> PromiseStatus:
    watch = LossWatch(**stored.watch)
    state = PromiseState.SHOWN if watch.shown else PromiseState.UNSURE
    return PromiseStatus(
        route=stored.route,
        promise=stored.promise,
        current=current,
        state=PromiseState.BROKEN if watch.broken else state,
        seen=watch.seen,
        below=watch.below,
        loss=_bounds(watch.doubly_robust),
        byPropensity=_bounds(watch.by_propensity),
    )


def _bounds(found: Interval) -> Bounds:
    return Bounds(value=found.value, low=found.low, high=found.high)
