"""Every change and every refusal leaves an entry."""

import sqlite3
from contextlib import closing
from typing import Any

import httpx2
import pytest

from control_plane.settings import ControlPlaneSettings
from tests.control_plane_server import running
from tests.unit.control_plane.people import issue
from tests.unit.control_plane.samples import model, route, shop


def _entries(api: httpx2.Client, **params: int) -> list[dict[str, Any]]:
    """Oldest first, without the first start's."""
    answer = api.get("/v1/audit", params={"after": 1, **params})
    assert answer.status_code == 200
    return list(answer.json()["items"])


def _said(entry: dict[str, Any]) -> tuple[object, ...]:
    return entry["who"], entry["action"], entry["outcome"], entry["snapshot"]


def test_every_change_leaves_one_entry_and_what_changes_nothing_none(
    api: httpx2.Client, settings: ControlPlaneSettings
) -> None:
    bearer = {"authorization": f"Bearer {issue(settings, 'alice', 'operator@*')}"}
    for _ in range(2):
        api.post("/v1/documents", json={"documents": shop(), "reason": "opening"}, headers=bearer)
    api.post("/v1/documents", params={"dryRun": "true"}, json={"documents": [model(version="9")]})
    api.put("/v1/routes/shop", params={"author": "bob"}, json=route(complexity={"threshold": 0.2}))
    api.delete("/v1/routes/shop")
    api.post("/v1/snapshots/1/rollback", json={"author": "bob"})
    api.post("/v1/snapshots/1/acks", json={"router": "r1"})
    entries = _entries(api)
    assert [_said(entry) for entry in entries] == [
        ("alice", "apply", "done", 1),
        ("bob", "apply", "done", 2),
        ("anonymous", "delete", "done", 3),
        ("bob", "rollback", "done", 4),
    ]
    first = entries[0]
    assert (first["via"], first["address"], first["reason"]) == ("token alice", "127.0.0.1", "opening")
    assert first["what"] == [
        "Model/faq generation 1 created",
        "Model/assistant generation 1 created",
        "Route/shop generation 1 created",
    ]
    assert api.get("/v1/audit/verify").json()["faults"] == []


def test_tokens_leave_entries_without_their_secrets(api: httpx2.Client) -> None:
    bindings = [{"role": "viewer", "namespace": "shop"}]
    made = api.post("/v1/tokens", json={"name": "ci", "bindings": bindings, "router": True, "reason": "builds"})
    api.delete("/v1/tokens/ci", params={"reason": "leaked"})
    api.delete("/v1/tokens/ci")
    entries = _entries(api)
    assert [(entry["action"], entry["reason"]) for entry in entries] == [
        ("token create", "builds"),
        ("token revoke", "leaked"),
    ]
    assert entries[0]["what"] == ["ci of ci: viewer@shop, router, without end"]
    assert made.json()["secret"] not in api.get("/v1/audit").text


def test_every_refusal_leaves_an_entry_that_says_who_what_and_why(
    api: httpx2.Client, settings: ControlPlaneSettings
) -> None:
    viewer = {"authorization": f"Bearer {issue(settings, 'eve', 'viewer@*')}"}
    expired = {"authorization": f"Bearer {issue(settings, 'old', 'admin@*', ended='expired')}"}
    api.delete("/v1/models/faq", headers=viewer)
    api.get("/v1/models/faq", headers=expired)
    api.put("/v1/routes/shop", json=route())
    api.post("/v1/documents", json={"documents": shop()})
    api.delete("/v1/models/faq")
    refusals = [entry for entry in _entries(api) if entry["outcome"] != "done"]
    assert [_said(entry) for entry in refusals] == [
        ("eve", "DELETE /v1/models/{name}", "forbidden", None),
        ("", "GET /v1/models/faq", "unauthenticated", None),
        ("anonymous", "PUT /v1/routes/{name}", "invalid_document", None),
        ("anonymous", "DELETE /v1/models/{name}", "conflict", None),
    ]
    assert refusals[0]["what"][0] == "/v1/models/faq"
    assert "needs operator" in refusals[0]["what"][1]
    assert "'old' expired" in refusals[1]["what"][1]


def test_what_is_no_refusal_leaves_none(api: httpx2.Client) -> None:
    api.get("/v1/models/none")
    api.get("/v1/snapshots?limit=0")
    api.put("/v1/models/faq", content=b"{", headers={"content-type": "application/json"})
    api.post("/v1/documents", params={"dryRun": "true"}, json={"documents": [route()]})
    assert _entries(api) == []
    api.post("/v1/documents", params={"dryRun": "false"}, json={"documents": [route()]})
    assert [entry["outcome"] for entry in _entries(api)] == ["invalid_document"]


def test_identical_refusals_are_counted_together_and_none_is_lost_at_the_end(
    settings: ControlPlaneSettings,
) -> None:
    with running(settings) as addresses, _plain(addresses.api) as api:
        for _ in range(30):
            assert api.get("/v1/models", headers={"authorization": "Bearer tmt-guess"}).status_code == 401
        assert len(_entries(api)) == 1
    with running(settings) as addresses, _plain(addresses.api) as api:
        assert [(entry["outcome"], entry["times"]) for entry in _entries(api)] == [
            ("unauthenticated", 1),
            ("unauthenticated", 29),
        ]
        assert api.get("/v1/audit/verify").json()["faults"] == []


def test_a_refusal_stands_where_it_cannot_be_written_down(api: httpx2.Client, settings: ControlPlaneSettings) -> None:
    with closing(sqlite3.connect(settings.home / "control-plane.db")) as other:
        other.execute("ALTER TABLE audit RENAME TO lost")
        assert api.get("/v1/models", headers={"authorization": "Bearer tmt-guess"}).status_code == 401
        assert api.put("/v1/models/faq", json=model()).status_code in (500, 503)
        other.execute("ALTER TABLE lost RENAME TO audit")
    assert api.get("/v1/models").json()["items"] == []  # no change without its entry


def test_entries_are_read_in_pages_from_both_ends(api: httpx2.Client) -> None:
    for version in "1234":
        api.put("/v1/models/faq", json=model(version=version))

    def numbers(**params: int) -> list[int]:
        return [entry["sequence"] for entry in api.get("/v1/audit", params=params).json()["items"]]

    assert numbers() == [5, 4, 3, 2, 1]
    assert numbers(limit=2) == [5, 4]
    assert numbers(before=4, limit=2) == [3, 2]
    assert numbers(after=2, limit=2) == [3, 4]
    assert numbers(after=1, before=4) == [2, 3]


@pytest.mark.parametrize("anchor", ["", "1", "1:x", ":" + "0" * 64, "-1:" + "0" * 64])
def test_what_is_no_anchor_is_refused(quiet_api: httpx2.Client, anchor: str) -> None:
    answer = quiet_api.get("/v1/audit/verify", params={"anchor": anchor})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "anchor[0]")


def test_a_history_that_was_written_anew_is_told_by_an_anchor_from_before(
    api: httpx2.Client, settings: ControlPlaneSettings
) -> None:
    api.put("/v1/models/faq", json=model())
    head = api.get("/v1/audit/verify").json()["head"]
    anchor = f"{head['sequence']}:{head['sha256']}"
    assert api.get("/v1/audit/verify", params={"anchor": anchor}).json()["faults"] == []
    zeros = f"{head['sequence']}:{'0' * 64}"
    faults = api.get("/v1/audit/verify", params={"anchor": [anchor, zeros]}).json()["faults"]
    assert faults == [{"sequence": 2, "what": "is not what the anchor says: it was replaced"}]


def _plain(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, trust_env=False, timeout=30, verify=False)
