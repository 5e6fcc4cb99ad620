"""Tokens over HTTP: shown once, given by whoever has what they give."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from control_plane.server import Addresses
from control_plane.settings import ControlPlaneSettings
from tests.control_plane_server import running
from tests.unit.control_plane.people import issue

_VIEWER = [{"role": "viewer", "namespace": "default"}]


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def _make(api: httpx2.Client, name: str = "laptop", **more: Any) -> httpx2.Response:
    return api.post("/v1/tokens", json={"name": name, "bindings": _VIEWER, **more})


def test_a_token_is_shown_once_and_works_until_it_is_taken_back(api: httpx2.Client) -> None:
    made = _make(api, person="alice")
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    bearer = _bearer(made.json()["secret"])
    who = api.get("/v1/whoami", headers=bearer).json()
    assert (who["name"], who["via"], who["bindings"], who["address"]) == ("alice", "token laptop", _VIEWER, "127.0.0.1")
    assert made.json()["secret"] not in api.get("/v1/tokens").text
    assert api.delete("/v1/tokens/laptop", params={"reason": "lost"}).json()["revokedBy"] == "anonymous"
    refused = api.get("/v1/whoami", headers=bearer)
    assert (refused.status_code, "'laptop' was revoked" in refused.json()["detail"]) == (401, True)


def test_the_database_holds_no_secret(api: httpx2.Client, settings: ControlPlaneSettings) -> None:
    secret = _make(api).json()["secret"]
    with closing(sqlite3.connect(settings.home / "control-plane.db")) as database:
        dump = "\n".join(database.iterdump())
    assert "laptop" in dump
    assert "tmt-" not in dump
    assert secret.removeprefix("tmt-") not in dump


def test_a_name_is_never_given_twice(api: httpx2.Client) -> None:
    _make(api)
    api.delete("/v1/tokens/laptop")
    again = _make(api)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert api.delete("/v1/tokens/laptop").status_code == 200  # taking back twice is no error


def test_a_name_that_nobody_has_is_answered_with_the_nearest(api: httpx2.Client) -> None:
    _make(api)
    answer = api.delete("/v1/tokens/labtop")
    assert (answer.status_code, answer.json()["hint"]) == (404, "Did you mean 'laptop'?")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"bindings": []}, "bindings"),
        ({"bindings": [{"role": "king"}]}, "bindings[0].role"),
        ({"bindings": [{"role": "viewer", "namespace": "Shop"}]}, "bindings[0].namespace"),
        ({"expiresAt": "2030-01-01T00:00:00"}, "expiresAt"),
        ({"name": "Not A Name"}, "name"),
        ({"person": "oidc:alice"}, "person"),
        ({"secret": "tmt-mine"}, "body"),
    ],
)
def test_a_token_that_makes_no_sense_names_the_field(
    quiet_api: httpx2.Client, more: dict[str, Any], field: str
) -> None:
    answer = _make(quiet_api, **more)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_a_token_that_would_have_ended_already_is_not_made(quiet_api: httpx2.Client) -> None:
    answer = _make(quiet_api, expiresAt="2020-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, "expiresAt")


def test_nobody_gives_or_takes_what_they_do_not_have(api: httpx2.Client, settings: ControlPlaneSettings) -> None:
    bearer = _bearer(issue(settings, "shop-admin", "admin@shop", "operator@*"))
    issue(settings, "other", "viewer@other")

    def give(name: str, **more: Any) -> int:
        return api.post("/v1/tokens", json={"name": name, **more}, headers=bearer).status_code

    assert give("a", bindings=[{"role": "admin", "namespace": "shop"}]) == 200
    assert give("b", bindings=[{"role": "viewer", "namespace": "default"}]) == 403
    assert give("c", bindings=[{"role": "viewer", "namespace": "shop"}, {"role": "viewer"}]) == 403
    assert give("d", bindings=[{"role": "viewer", "namespace": "shop"}], router=True) == 403
    assert api.delete("/v1/tokens/other", headers=bearer).status_code == 403
    assert api.delete("/v1/tokens/a", headers=bearer).status_code == 200
    assert [one["name"] for one in api.get("/v1/tokens", headers=bearer).json()["items"]] == ["a", "shop-admin"]


def test_a_token_ends_by_itself(api: httpx2.Client) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    bearer = _bearer(_make(api, expiresAt=soon.isoformat()).json()["secret"])
    while (answer := api.get("/v1/whoami", headers=bearer)).status_code == 200:
        assert datetime.now(UTC) < soon + timedelta(seconds=30)
    assert (answer.status_code, "'laptop' expired" in answer.json()["detail"]) == (401, True)


def test_a_routers_token_follows_snapshots_and_nothing_else(api: httpx2.Client) -> None:
    bearer = _bearer(_make(api, "router-1", bindings=[], router=True).json()["secret"])
    assert api.get("/v1/snapshots/latest", params={"wait": 0}, headers=bearer).status_code == 204
    assert api.get("/v1/models", headers=bearer).status_code == 403
    assert api.get("/v1/snapshots/1", headers=bearer).status_code == 403


@pytest.fixture
def used(settings: ControlPlaneSettings) -> Iterator[str]:
    """The secret of a token that was used, and its control plane has ended since."""
    with running(settings) as addresses:
        secret = issue(settings, "laptop", "viewer@*")
        httpx2.get(f"{addresses.api}/v1/whoami", headers=_bearer(secret), trust_env=False, verify=False)
    yield secret


def test_the_last_use_is_kept_to_the_hour(used: str, addresses: Addresses) -> None:
    tokens = httpx2.get(f"{addresses.api}/v1/tokens", trust_env=False, verify=False).json()["items"]
    (last,) = [datetime.fromisoformat(one["lastUsedAt"]) for one in tokens if one["name"] == "laptop"]
    assert (last.minute, last.second, last.microsecond) == (0, 0, 0)
    assert timedelta() <= datetime.now(UTC) - last < timedelta(hours=1, minutes=1)
