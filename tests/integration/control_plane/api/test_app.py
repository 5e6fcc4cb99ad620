"""The API describes itself, and the administrators' port answers."""

import contextlib
import sqlite3

import httpx2
import pytest

from control_plane.server import Addresses
from control_plane.settings import ControlPlaneSettings


@pytest.fixture
def admin(addresses: Addresses) -> httpx2.Client:
    """A client of the admin port."""
    return httpx2.Client(base_url=addresses.admin, trust_env=False, verify=False)


def test_the_api_lists_its_paths(api: httpx2.Client) -> None:
    assert {"/v1/models/{name}", "/v1/routes/{name}", "/v1/documents", "/v1/snapshots/latest"} <= api.get(
        "/v1/openapi.json"
    ).json()["paths"].keys()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_healthy_process_says_ok(admin: httpx2.Client, path: str) -> None:
    with admin:
        answer = admin.get(path)
    assert (answer.status_code, answer.text.splitlines()[0]) == (200, "ok")


def test_a_control_plane_that_is_alone_leads(admin: httpx2.Client, settings: ControlPlaneSettings) -> None:
    with admin:
        assert admin.get("/readyz").text == f"ok\nleader: {settings.name} (this one)\n"
        assert "tiermesh_control_plane_leader 1.0" in admin.get("/metrics").text


def test_a_process_without_its_tables_is_alive_and_not_ready(
    admin: httpx2.Client, settings: ControlPlaneSettings
) -> None:
    with contextlib.closing(sqlite3.connect(settings.home / "control-plane.db")) as other:
        other.execute("ALTER TABLE snapshots RENAME TO lost")
    with admin:
        assert admin.get("/livez").status_code == 200
        answer = admin.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"


def test_requests_are_counted_by_what_exists_and_never_by_what_a_caller_writes(
    api: httpx2.Client, admin: httpx2.Client
) -> None:
    api.get("/v1/models/faq")
    api.get("/v1/whatever-a-caller-writes")
    api.request("PROPFIND", "/v1/models")
    with admin:
        metrics = admin.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert '{method="GET",path="/v1/models/{name}",status="404"} 1.0' in metrics.text
    assert '{method="GET",path="unmatched",status="404"} 1.0' in metrics.text
    assert '{method="other",path="/v1/models",status="405"} 1.0' in metrics.text
    assert "whatever" not in metrics.text
