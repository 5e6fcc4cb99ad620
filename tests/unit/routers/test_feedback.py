"""Feedback at the router: what is taken, and what is refused and how."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.events import Event, Feedback, unit_hash
from control_plane.spec.feedback import MOST_REPORTS
from routers.feedback import MAX_BODY_BYTES, PATH, FeedbackBox, taken
from routers.http import Request
from routers.tenants import Tenant

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Clock:
    """Says what it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def taking(per_second: float = 1000, clock: Clock | None = None) -> tuple[FeedbackBox, list[bytes]]:
    events: list[bytes] = []
    return FeedbackBox(events.extend, per_second, clock or Clock()), events


def posted(body: Any) -> Request:
    return Request(b"POST", PATH, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def read(events: list[bytes]) -> list[Feedback]:
    found = [_EVENT.validate_json(line) for line in events]
    assert all(isinstance(event, Feedback) for event in found)
    return [event for event in found if isinstance(event, Feedback)]


def refused(body: Any) -> TiermeshError:
    box, events = taking()
    with pytest.raises(TiermeshError) as caught:
        box.take(posted(body), Tenant("acme"))
    assert not events
    return caught.value


def test_one_report_or_several_become_events_of_the_keys_tenant() -> None:
    box, events = taking()
    one = {"id": "order-1", "requestId": "r1", "name": "order", "value": 12.5, "at": "2026-11-22T10:00:00Z"}
    assert box.take(posted(one), Tenant("acme")) == b'{"taken":1}'
    assert box.take(posted({"items": [one, {"unit": "ann", "name": "click"}]}), Tenant("other")) == b'{"taken":2}'
    first, second, third = read(events)
    assert (first.id, first.tenant, first.request_id, first.value) == ("order-1", "acme", "r1", 12.5)
    assert (second.tenant, third.tenant, third.value) == ("other", "other", 1)


def test_a_unit_leaves_as_a_hash_alone() -> None:
    box, events = taking()
    box.take(posted({"unit": "ann@example.com", "name": "click"}), Tenant("acme"))
    assert read(events)[0].unit == unit_hash("ann@example.com")
    assert b"ann@" not in events[0]


def test_reports_without_an_id_are_each_their_own() -> None:
    box, events = taking()
    box.take(posted({"items": [{"unit": "ann", "name": "click"}] * 3}), Tenant("acme"))
    assert len({event.id for event in read(events)}) == 3


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ({"unit": "ann"}, "name", "Field required"),
        ({"name": "click"}, None, "exactly one of requestId and unit"),
        ({"name": "click", "unit": "ann", "requestId": "r"}, None, "exactly one of requestId and unit"),
        ({"name": "click", "unit": ""}, "unit", "at least 1"),
        ({"name": "click", "unit": "x" * 201}, "unit", "at most 200"),
        ({"name": "a click", "unit": "ann"}, "name", "pattern"),
        ({"name": "click", "unit": "ann", "value": "many"}, "value", "number"),
        ({"name": "click", "unit": "ann", "value": 1e300}, "value", "less than"),
        ({"name": "click", "unit": "ann", "at": "2026-11-22T10:00:00"}, "at", "zone"),
        ({"name": "click", "requestId": "a b"}, "requestId", "pattern"),
        ({"name": "click", "unit": "ann", "valeu": 2}, None, "did you mean 'value'"),
        ({"items": []}, "items", "at least 1"),
        ({"items": "x"}, "items", "valid tuple"),
        ({"items": [{"unit": "ann", "name": "click"}, {"unit": "ann"}]}, "items[1].name", "Field required"),
        ({"items": [{"unit": "a", "name": "b"}] * (MOST_REPORTS + 1)}, "items", "at most 100"),
        ({"unit": "\ud800", "name": "click"}, None, "JSON"),
        (b'{"unit": NaN}', None, "JSON"),
        (b"[1]", None, "must be a JSON object"),
        (b"[" * 100_000, None, "JSON"),
        (b"", None, "JSON"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(body: Any, param: str | None, says: str) -> None:
    error = refused(body)
    assert (error.status, error.param) == (400, param)
    assert says in str(error)


def test_a_body_is_bounded() -> None:
    assert refused(b" " * (MAX_BODY_BYTES + 1)).code is Code.BODY_TOO_LARGE


def test_who_reports_too_much_is_told_when_to_go_on_and_holds_up_nobody_else() -> None:
    clock = Clock()
    box, events = taking(per_second=2, clock=clock)
    ten = posted({"items": [{"unit": "ann", "name": "click"}] * 10})
    box.take(ten, Tenant("loud"))
    with pytest.raises(TiermeshError, match="2 outcomes a second") as caught:
        box.take(ten, Tenant("loud"))
    assert caught.value.retry_after_seconds == 6
    box.take(ten, Tenant("quiet"))
    clock.now = 5.0
    box.take(ten, Tenant("loud"))
    assert len(events) == 30


def test_a_single_body_larger_than_the_burst_is_taken_by_who_has_waited() -> None:
    box, events = taking(per_second=0.1)
    box.take(posted({"items": [{"unit": "ann", "name": "click"}] * 10}), Tenant("acme"))
    assert len(events) == 10


def test_a_router_that_follows_a_file_says_that_nobody_counts() -> None:
    with pytest.raises(TiermeshError, match="follows no control plane") as caught:
        taken(None, posted({"unit": "ann", "name": "click"}), Tenant("acme"))
    assert caught.value.status == 404
