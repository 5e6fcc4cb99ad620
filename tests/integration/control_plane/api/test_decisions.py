"""Records of decisions over HTTP."""

from typing import Any

import httpx2
import pytest

from control_plane.spec.decisions import DecisionRecord
from tests.unit.control_plane.decisions import record, written


def sent(api: httpx2.Client, *records: dict[str, Any]) -> httpx2.Response:
    return api.post("/v1/decisions", json={"records": records})


def test_what_a_router_sends_is_shown_newest_first(api: httpx2.Client) -> None:
    assert sent(api, written("a", 0), written("a", 1), written("b", 2)).json() == {"records": 3}
    found = api.get("/v1/decisions/a").json()["items"]
    assert [DecisionRecord.model_validate(one) for one in found] == [record("a", 1), record("a", 0)]
    listed = api.get("/v1/decisions", params={"route": "shop", "limit": 1}).json()["items"]
    assert [one["requestId"] for one in listed] == ["b"]


def test_what_only_a_newer_router_knows_is_left_out(api: httpx2.Client) -> None:
    assert sent(api, written("a") | {"mood": "good"}).status_code == 200
    assert "mood" not in api.get("/v1/decisions/a").json()["items"][0]


def test_an_unknown_id_is_answered_with_what_that_may_mean(quiet_api: httpx2.Client) -> None:
    answer = quiet_api.get("/v1/decisions/nobody")
    assert (answer.status_code, "a second or two" in answer.json()["hint"]) == (404, True)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"requestId": "a b"}, "records[1].requestId"),
        ({"score": 1.5}, "records[1].score"),
        ({"snapshot": 0}, "records[1].snapshot"),
        ({"at": "2026-01-02T00:00:00"}, "records[1].at"),
        ({"model": "x" * 201}, "records[1].model"),
        ({"steps": [{"code": "a", "text": "x" * 501}]}, "records[1].steps[0].text"),
    ],
)
def test_a_record_out_of_its_bounds_is_refused_by_its_field(
    quiet_api: httpx2.Client, change: dict[str, Any], field: str
) -> None:
    answer = sent(quiet_api, written("b"), written("a") | change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert quiet_api.get("/v1/decisions").json()["items"] == []  # not even the ones that were well


def test_a_batch_is_bounded(quiet_api: httpx2.Client) -> None:
    assert sent(quiet_api).status_code == 400
    assert sent(quiet_api, *[written("a")] * 1001).status_code == 400
