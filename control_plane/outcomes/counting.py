"""Counting: events in, sums moved. In whatever order, pieces and repetitions events come, the sums are the same."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from control_plane.outcomes.register import Register
from control_plane.outcomes.roll import Roll
from control_plane.outcomes.units import First, measured
from control_plane.outcomes.watching import watch
from control_plane.spec.events import Event, Exploration, Exposure, Feedback, Mark
from control_plane.store import exposed_requests, feedback
from control_plane.store.database import Transaction
from control_plane.store.exposed_requests import Link
from control_plane.store.feedback import Report

_Started = dict[tuple[int, int], int | None]
"""(unit, trial) -> when its first request was thought to be; None where it had none."""


def count(transaction: Transaction, events: Sequence[Event], received: int) -> None:
    """Count events that have not been counted, except reports, which may come again. `received` is Unix time.

    - A report about a request joins each unit that had an arm in it, whichever of the two comes first.
    - A report about a unit counts in every trial that the unit is in, from its first request on; what is older is what
      is known of the unit from before.
    - A report about a request whose tier was drawn joins what its Route promises.
    - A mark is about an answer to one unit: it joins that one, in the trial whose document asks for it.
    """
    exposures = [event for event in events if isinstance(event, Exposure)]
    reports = feedback.unseen(transaction, (_report(event) for event in events if isinstance(event, Feedback | Mark)))
    register = Register(transaction)
    shown = [(exposure, request_of(exposure.tenant, exposure.id)) for exposure in exposures]
    of_reports = {report.request for report in reports if report.request is not None}
    links = exposed_requests.of_requests(transaction, of_reports.union(request for _, request in shown))
    fresh = {
        Link(request, number_of(each.unit), register.trial(each.trial, exposure.snapshot))
        for exposure, request in shown
        for each in exposure.assignments
    } - links
    asked = {report.unit for report in reports if report.unit is not None}
    roll = Roll(transaction, register, asked.union(link.unit for link in links | fresh))
    started = _expose(roll, register, exposures)
    _recall(roll, started, feedback.of_units(transaction, {unit for unit, _ in started}))
    for report in reports:
        if report.request is None and report.unit is not None:
            roll.report_everywhere(report.unit, report.name, report.at, report.value)
    about = _by_request(reports)
    _join(roll, links | fresh, about)
    _join(roll, fresh, _by_request(feedback.of_requests(transaction, {link.request for link in fresh})))
    feedback.add(transaction, reports, received)
    exposed_requests.add(transaction, fresh, received)
    explored = [(event, request_of(event.tenant, event.id)) for event in events if isinstance(event, Exploration)]
    watch(transaction, explored, of_reports, received)
    roll.close()
    register.close(received)


def _expose(roll: Roll, register: Register, exposures: Iterable[Exposure]) -> _Started:
    """Count requests for their units; returns the units whose first request is another one than it was."""
    started: _Started = {}
    for exposure in exposures:
        at, (numbers, codes) = moment(exposure.at), measured(exposure)
        for each in exposure.assignments:
            key = number_of(each.unit), register.trial(each.trial, exposure.snapshot)
            unit = roll.unit(*key)
            if each.forced:
                unit.force()
                continue
            thought = unit.first
            if unit.meet(First(at, each.arm, exposure.snapshot), register.period(key[1], exposure.snapshot)):
                started.setdefault(key, thought.at if thought else None)
            unit.ask(numbers, codes)
    return started


def _recall(roll: Roll, started: _Started, reports: Iterable[Report]) -> None:
    """What was reported of units before it was known when they began."""
    of_unit: defaultdict[int | None, list[Report]] = defaultdict(list)
    for report in reports:
        of_unit[report.unit].append(report)
    for (unit, trial), thought in started.items():
        for report in of_unit[unit]:
            roll.recall(unit, trial, report.name, report.at, report.value, thought)


def _join(roll: Roll, links: Iterable[Link], about: dict[int, list[Report]]) -> None:
    for link in links:
        for report in about.get(link.request, ()):
            if report.unit in (None, link.unit):
                roll.report(link.unit, link.trial, report.name, report.value)


def _by_request(reports: Iterable[Report]) -> dict[int, list[Report]]:
    found: defaultdict[int, list[Report]] = defaultdict(list)
    for report in reports:
        if report.request is not None:
            found[report.request].append(report)
    return found


def _report(event: Feedback | Mark) -> Report:
    request = None if event.request_id is None else request_of(event.tenant, event.request_id)
    unit = None if event.unit is None else number_of(event.unit)
    identity = _number(sha256(f"report\0{event.tenant}\0{event.id}".encode()).digest())
    return Report(identity, request, unit, event.name, moment(event.at), event.value)


def request_of(tenant: str, request_id: str) -> int:
    """A request as a number: a tenant's reports find its own requests alone."""
    return _number(sha256(f"request\0{tenant}\0{request_id}".encode()).digest())


def number_of(unit_hash: str) -> int:
    """A unit's hash as a number that databases know."""
    return _number(bytes.fromhex(unit_hash))


def moment(at: datetime) -> int:
    """Microseconds of Unix time."""
    return round(at.timestamp() * 1e6)


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big", signed=True)
