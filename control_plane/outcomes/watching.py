"""Watching: reports of requests whose tier was drawn move what is known of the promises that they are about."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from control_plane.spec.events import Exploration
from control_plane.spec.models import Tier
from control_plane.stats.loss import LossWatch
from control_plane.store import explorations, feedback, promises
from control_plane.store.database import Transaction
from control_plane.store.explorations import Explored
from control_plane.store.feedback import Report
from control_plane.store.promises import Stored


def watch(
    transaction: Transaction,
    events: Sequence[tuple[Exploration, int]],
    reported: Iterable[int],
    received: int,
) -> None:
    """Count what is known by now of these explorations, each with its request's number, and of the requests that are
    `reported`: each once, by the first report of its outcome from 0 to 1, in the order in which both are known."""
    for event, _ in events:
        if promises.get(transaction, event.promise) is None:
            fresh = LossWatch(event.max_quality_loss, event.confidence)
            promises.put(transaction, Stored(event.promise, event.route, asdict(fresh), False, received))
    found = [
        Explored(request, event.promise, event.outcome, event.below, event.tier is Tier.HEAVY)
        for event, request in events
    ]
    explorations.add(transaction, found, received)
    waiting = explorations.untold(transaction, {*reported, *(one.request for one in found)})
    rewards = _rewards(waiting, feedback.of_requests(transaction, {one.request for one in waiting}))
    told = [one for one in waiting if one.request in rewards]
    for name in sorted({one.promise for one in told}):
        stored = promises.get(transaction, name)
        assert stored is not None  # the first of its explorations made it
        known = LossWatch(**stored.watch)
        for one in told:
            if one.promise == name:
                known = known.told(one.below, one.heavy, rewards[one.request])
        promises.put(transaction, stored._replace(watch=asdict(known), received=received))
    explorations.tell(transaction, [one.request for one in told])


def _rewards(waiting: Iterable[Explored], reports: Iterable[Report]) -> dict[int, float]:
    wanted = {one.request: one.outcome for one in waiting}
    found: dict[int, float] = {}
    for report in reports:
        if report.request is not None and wanted[report.request] == report.name and 0 <= report.value <= 1:
            found.setdefault(report.request, report.value)
    return found
