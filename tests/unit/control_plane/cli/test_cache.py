"""`tiermesh cache eval` becomes the router's evaluation."""

import os
import sys

import pytest

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
