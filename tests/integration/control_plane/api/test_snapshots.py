"""Snapshots over HTTP."""

import threading

import httpx2
import pytest

from tests.unit.control_plane.samples import at, model, route, shop


def _apply(api: httpx2.Client, *documents: object) -> None:
    assert api.post("/v1/documents", json={"documents": documents, "author": "alice"}).status_code == 200


def _tune(api: httpx2.Client, threshold: float) -> None:
    _apply(api, route(complexity={"threshold": threshold}))


def test_before_the_first_snapshot_there_is_none(quiet_api: httpx2.Client) -> None:
    assert quiet_api.get("/v1/snapshots/latest").json()["hint"] == "'tiermesh apply -f' makes one."
    assert quiet_api.get("/v1/snapshots/latest", params={"wait": 0}).status_code == 204


def test_the_latest_snapshot_carries_its_hash_as_etag(api: httpx2.Client) -> None:
    _apply(api, *shop())
    latest = api.get("/v1/snapshots/latest")
    assert latest.headers["etag"] == f'"{latest.json()["sha256"]}"'
    assert latest.json()["number"] == 1
    same = api.get("/v1/snapshots/latest", headers={"if-none-match": latest.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_long_poll_wakes_when_a_snapshot_is_published(api: httpx2.Client) -> None:
    _apply(api, *shop())
    answers: list[httpx2.Response] = []
    waiting = threading.Thread(
        target=lambda: answers.append(api.get("/v1/snapshots/latest", params={"after": 1, "wait": 60}))
    )
    waiting.start()
    _apply(api, *shop())  # publishes nothing, and must wake nobody for good
    _tune(api, 0.2)
    waiting.join(timeout=30)
    assert [answer.json()["number"] for answer in answers] == [2]


def test_a_long_poll_that_is_too_long_is_refused(quiet_api: httpx2.Client) -> None:
    answer = quiet_api.get("/v1/snapshots/latest", params={"after": 1, "wait": 61})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "wait")


def test_an_old_snapshot_stays_readable_with_the_documents_it_was_compiled_from(api: httpx2.Client) -> None:
    _apply(api, *shop())
    before = api.get("/v1/snapshots/1").json()
    _tune(api, 0.2)
    assert api.get("/v1/snapshots/1").json() == before
    assert [
        (one["kind"], one["name"], one["generation"]) for one in api.get("/v1/snapshots/2").json()["documents"]
    ] == [
        ("Model", "assistant", 1),
        ("Model", "faq", 1),
        ("Route", "shop", 2),
    ]


def test_snapshots_are_listed_in_pages_newest_first(api: httpx2.Client) -> None:
    _apply(api, *shop())
    for threshold in (0.1, 0.2, 0.3):
        _tune(api, threshold)

    def numbers(**params: int) -> list[int]:
        return [item["number"] for item in api.get("/v1/snapshots", params=params).json()["items"]]

    assert numbers() == [4, 3, 2, 1]
    assert numbers(limit=2) == [4, 3]
    assert numbers(before=3, limit=1) == [2]


def test_an_acknowledgement_is_visible_and_the_last_word_counts(api: httpx2.Client) -> None:
    _apply(api, *shop())
    api.post("/v1/snapshots/1/acks", json={"router": "r1", "error": "no such tier"})
    answer = api.post("/v1/snapshots/1/acks", json={"router": "r1", "error": None})
    assert (answer.status_code, answer.json()["error"]) == (200, None)
    api.post("/v1/snapshots/1/acks", json={"router": "r2", "error": "out of memory"})
    acks = api.get("/v1/snapshots/1").json()["acks"]
    assert [(ack["router"], ack["error"]) for ack in acks] == [("r1", None), ("r2", "out of memory")]


def test_an_acknowledgement_that_makes_no_sense_is_refused(api: httpx2.Client) -> None:
    _apply(api, model())
    for body in ({"router": ""}, {"router": "two words"}, {"router": "r1", "error": ""}, {"rooter": "r1"}):
        assert api.post("/v1/snapshots/1/acks", json=body).status_code == 400
    assert api.get("/v1/snapshots/1").json()["acks"] == []


def test_a_rollback_is_a_new_number_that_a_later_apply_does_not_undo(api: httpx2.Client) -> None:
    _apply(api, *shop())
    _tune(api, 0.2)
    answer = api.post("/v1/snapshots/1/rollback", json={"author": "bob", "reason": "wrong answers"})
    assert (answer.json()["snapshot"], answer.json()["published"]) == (3, True)
    _apply(api, model("other"))
    assert (
        api.get("/v1/snapshots/4").json()["content"]["routes"] == api.get("/v1/snapshots/1").json()["content"]["routes"]
    )
    assert [api.get("/v1/routes/shop").json()] == at(3, route())


def test_an_unknown_number_is_not_found(quiet_api: httpx2.Client) -> None:
    assert quiet_api.get("/v1/snapshots/7").json()["code"] == "not_found"
    assert quiet_api.post("/v1/snapshots/7/rollback", json={}).json()["code"] == "not_found"
    assert quiet_api.post("/v1/snapshots/7/acks", json={"router": "r"}).json()["code"] == "not_found"


@pytest.mark.parametrize(
    "path",
    ["/v1/snapshots/0", f"/v1/snapshots/{2**63}", f"/v1/snapshots/latest?after={2**63}", "/v1/snapshots?before=-1"],
)
def test_a_number_that_no_snapshot_can_have_is_refused(quiet_api: httpx2.Client, path: str) -> None:
    assert quiet_api.get(path).json()["code"] == "invalid_request"
