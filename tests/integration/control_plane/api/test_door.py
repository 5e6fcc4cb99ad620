"""Who is let in: with a token, or because they sit at this machine."""

import httpx2
import pytest

from control_plane.settings import ControlPlaneSettings
from tests.integration.control_plane.api.askers import Closed
from tests.unit.control_plane.people import issue
from tests.unit.control_plane.samples import model


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/nothing", "/console/", "/v1/models/../tokens"])
def test_whoever_is_not_known_is_not_told_what_there_is(closed: Closed, path: str) -> None:
    answer = closed[0].get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_whoever_is_not_known_does_not_make_us_read_what_they_send(closed: Closed) -> None:
    answer = closed[0].post("/v1/documents", content=b"{" * 100_000, headers={"content-type": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Basic YTpi", "Token x", "tmt-x", "Bearer tmt-x", "Bearer tm-a-key-of-the-mesh", "é"],
)
def test_an_authorization_that_is_no_token_never_falls_back_to_the_open_door(
    quiet_api: httpx2.Client, authorization: str
) -> None:
    answer = quiet_api.get("/v1/models", headers={b"authorization": authorization.encode()})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_two_authorizations_are_none_though_each_is_good(closed: Closed) -> None:
    http, secrets = closed
    bearer = ("authorization", f"Bearer {secrets['viewer-here']}")
    assert http.get("/v1/models", headers=[bearer]).status_code == 200
    assert http.get("/v1/models", headers=[bearer, bearer]).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"x-forwarded-for": "10.0.0.1"},
        {"forwarded": "for=10.0.0.1"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_web_pages_and_proxies_do_not_sit_at_this_machine(quiet_api: httpx2.Client, headers: dict[str, str]) -> None:
    assert quiet_api.get("/v1/models", headers=headers).status_code == 401


def test_whoever_sits_here_says_their_own_name_and_others_do_not(
    api: httpx2.Client, settings: ControlPlaneSettings
) -> None:
    api.put("/v1/models/faq", params={"author": "alice"}, json=model())
    bearer = {"authorization": f"Bearer {issue(settings, 'bob', 'operator@*')}"}
    refused = api.put("/v1/models/faq", params={"author": "alice"}, json=model(version="2"), headers=bearer)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (403, "author")
    for version, author in (("3", {}), ("4", {"author": "bob"})):
        body = {"documents": [model(version=version)], **author}
        assert api.post("/v1/documents", json=body, headers=bearer).status_code == 200
    api.delete("/v1/models/faq", headers=bearer)
    authors = [one["author"] for one in api.get("/v1/models/faq/revisions").json()["items"]]
    assert authors == ["bob", "bob", "bob", "alice"]
