"""The console's files are served whole, from here alone, and nothing else is reached by their names."""

import re
from pathlib import Path

import httpx2
import pytest

from control_plane.console import assets
from control_plane.settings import ControlPlaneSettings
from tests.control_plane_server import running

_IMPORT = re.compile(r"""^import\s[^'"]*['"]([^'"]+)['"]""", re.MULTILINE)


def test_a_page_lets_no_script_no_frame_and_nothing_of_others_in(quiet_api: httpx2.Client) -> None:
    answer = quiet_api.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(each.split(" ", 1) for each in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_every_module_that_one_names_is_served(quiet_api: httpx2.Client) -> None:
    asked = {"/console/app.js"}
    known: set[str] = set()
    while asked:
        path = asked.pop()
        known.add(path)
        answer = quiet_api.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8"), path
        asked |= {str(httpx2.URL(f"http://x{path}").join(each).path) for each in _IMPORT.findall(answer.text)} - known
    assert known == {path for path in assets.load() if path.endswith(".js")}


def test_a_file_that_a_browser_has_is_not_sent_again(quiet_api: httpx2.Client) -> None:
    first = quiet_api.get("/console/console.css")
    again = quiet_api.get("/console/console.css", headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert quiet_api.get("/console/console.css", headers={"if-none-match": '"other"'}).content == first.content
    assert first.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/console/", "/console/../settings.py", "/console/%2e%2e/pages.py", "/index.html"])
def test_all_other_names_are_the_apis(quiet_api: httpx2.Client, path: str) -> None:
    answer = quiet_api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_pages_are_read_and_not_written(quiet_api: httpx2.Client) -> None:
    assert quiet_api.head("/").status_code == 200
    assert quiet_api.post("/").status_code == 404


def test_pages_need_no_token_where_all_else_does(tmp_path: Path) -> None:
    settings = ControlPlaneSettings.load(home=tmp_path / "home", port=0, admin_port=0, open_on_loopback=False)
    with running(settings) as addresses, httpx2.Client(base_url=addresses.api, trust_env=False, verify=False) as http:
        assert http.get("/").status_code == http.get("/console/app.js").status_code == 200
        assert http.get("/v1/experiments").status_code == 401
