"""`tiermesh router` and `tiermesh control-plane` become the process that they name."""

import os
import sys
from pathlib import Path

import pytest

from tests.unit.control_plane.cli.conftest import Run

_CONFIG, _URL = "TIERMESH_ROUTER_CONFIG", "TIERMESH_ROUTER_CONTROL_PLANE_URL"


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """What was executed, with which environment."""
    found: list[tuple[list[str], dict[str, str]]] = []

    def execve(_path: str, arguments: list[str], environment: dict[str, str]) -> None:
        found.append((arguments, environment))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.delenv(_CONFIG, raising=False)
    monkeypatch.delenv(_URL, raising=False)
    return found


def test_a_router_with_a_file_follows_the_file(
    run: Run, became: list[tuple[list[str], dict[str, str]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(_URL, "http://127.0.0.1:8090")
    run("router", "--config", "shop")
    ((arguments, environment),) = became
    assert arguments == [sys.executable, "-m", "routers"]
    assert environment[_CONFIG] == str(tmp_path / "shop")
    assert _URL not in environment


def test_a_router_without_one_follows_the_control_plane(
    run: Run, became: list[tuple[list[str], dict[str, str]]]
) -> None:
    run("router", "--server", "http://127.0.0.1:9090")
    assert became[0][1][_URL] == "http://127.0.0.1:9090"


def test_a_router_keeps_what_its_environment_says(
    run: Run, became: list[tuple[list[str], dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_CONFIG, "/etc/tiermesh")
    run("router")
    assert (became[0][1][_CONFIG], _URL in became[0][1]) == ("/etc/tiermesh", False)


def test_the_control_plane_takes_its_settings_from_the_environment(
    run: Run, became: list[tuple[list[str], dict[str, str]]]
) -> None:
    run("control-plane")
    assert became[0][0] == [sys.executable, "-m", "control_plane"]


def test_what_learns_is_given_its_options_as_they_stand(
    run: Run, became: list[tuple[list[str], dict[str, str]]]
) -> None:
    run("router", "train", "--data", "a.csv", "b.csv", "--out", "here")
    run("router", "eval", "--data", "a.csv", "--json")
    learning = [sys.executable, "-m", "routers.learning"]
    assert became[0][0] == [*learning, "train", "--data", "a.csv", "b.csv", "--out", "here"]
    assert became[1][0] == [*learning, "eval", "--data", "a.csv", "--json"]
    run("router", "replay", "--data", "log.jsonl", "--router", "a.router.json")
    assert became[2][0] == [*learning, "replay", "--data", "log.jsonl", "--router", "a.router.json"]
