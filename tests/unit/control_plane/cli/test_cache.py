"""`tiermesh cache`: evaluation becomes a process of the router's; all else asks the admin port."""

import os
import sys
from typing import Any

import pytest

from tests.unit.control_plane.cli.admin_port import AdminPort
from tests.unit.control_plane.cli.conftest import Run


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was executed."""
    found: list[list[str]] = []

    def execv(_path: str, arguments: list[str]) -> None:
        found.append(arguments)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    return found


def test_its_options_are_passed_on(run: Run, became: list[list[str]]) -> None:
    bound = ("--max-error-rate", "0.02", "--confidence", "0.9", "--splits", "10", "--seed", "3")
    run("cache", "eval", "--data", "q.csv", *bound, "--json")
    expected = ["--data", "q.csv", *bound, "--json"]
    assert became == [[sys.executable, "-m", "routers.cache.evaluation", *expected]]


def test_it_refuses_bounds_that_say_nothing(run: Run, became: list[list[str]]) -> None:
    assert run("cache", "eval", "--data", "q.csv", "--confidence", "1").code == 2
    assert run("cache", "eval", "--data", "q.csv", "--max-error-rate", "-0.1").code == 2
    assert became == []


STANDING: dict[str, Any] = {
    "partition": "3c007d2b", "tenant": "acme", "route": "shop", "revision": "r", "arm": "default", "state": "off",
    "entries": 450, "bytes": 9000, "looked": 1000, "hits": 167, "lessons": 9, "exams": 404, "explored": 1.0,
    "threshold": None, "errorBound": 0.0069,
}  # fmt: skip


def test_stats_show_both_caches(run: Run) -> None:
    with AdminPort() as port:
        port.replies["/cache"] = {"exact": [{"route": "shop", "entries": 3, "bytes": 99}], "semantic": [STANDING]}
        ran = run("cache", "stats", "--router", port.url)
    assert ran.code == 0
    assert ["shop", "3", "99"] in [line.split() for line in ran.out.splitlines()]
    assert "acme    default  off    450" in ran.out
    assert "at most 0.69%" in ran.out


def test_a_purge_names_a_route_or_says_all(run: Run) -> None:
    with AdminPort() as port:
        port.replies["/cache/purge"] = {"exact": 2, "semantic": 1}
        assert "2 answers" in run("cache", "purge", "--route", "shop", "--router", port.url).out
        assert port.asked["/cache/purge"] == {"route": "shop"}
        run("cache", "purge", "--all", "--router", port.url)
        assert port.asked["/cache/purge"] == {"route": None}
        port.asked.clear()
        assert run("cache", "purge", "--router", port.url).code == 2
        assert run("cache", "purge", "--all", "--route", "shop", "--router", port.url).code == 2
        assert port.asked == {}


def test_an_explanation_shows_what_is_near_and_why(run: Run) -> None:
    near = [
        {"similarity": 0.99, "differs": "numbers", "answer": 1},
        {"similarity": 0.97, "differs": None, "answer": 2},
    ]
    slots = {"numbers": ["1041"], "names": [], "negations": 1}
    semantic = {"verdict": "miss", "reasons": ["so"], "slots": slots, "near": near, "chosen": 1, "partition": None}
    with AdminPort() as port:
        port.replies["/explain"] = {"cache": "miss", "semantic": semantic}
        asking = ("cache", "explain", "shop", "Why?", "--fields", '{"temperature": 0}', "--router", port.url)
        out = run(*asking).out
        assert port.asked["/explain"]["temperature"] == 0
    assert "Semantic cache: miss\n- so\nSlots: numbers 1041; 1 negations\n" in out
    assert [line.split() for line in out.splitlines()[-2:]] == [
        ["0", "0.990", "numbers", "1", "-"],
        ["1", "0.970", "-", "2", "*"],
    ]


def test_fields_that_are_no_object_are_refused(run: Run) -> None:
    for text in ("[]", "{", "7"):
        assert run("cache", "explain", "shop", "Why?", "--fields", text).code == 2
