"""`tiermesh up`, `status` and `down`, as far as they go without a mesh."""

import json
import sys
from pathlib import Path

import pytest

from tests.unit.control_plane.cli.conftest import Run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIERMESH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_status_of_a_home_without_a_mesh_is_stopped_and_not_healthy(run: Run, home: Path) -> None:
    shown = run("status")
    assert (shown.code, shown.out) == (1, f"{home}: stopped\n")
    assert json.loads(run("status", "-o", "json").out) == {
        "home": str(home),
        "phase": "stopped",
        "processes": [],
        "models": {},
    }


def test_down_without_a_mesh_is_fine(run: Run, home: Path) -> None:
    stopped = run("down")
    assert (stopped.code, stopped.out) == (0, f"No mesh of {home} runs.\n")
    assert not home.exists()


def test_a_setting_that_does_not_exist_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_UP_ROUTERPORT", "1")
    refused = run("up")
    assert refused.code == 1
    assert refused.err == "error: There is no setting TIERMESH_UP_ROUTERPORT. Did you mean TIERMESH_UP_ROUTER_PORT?\n"


def test_a_missing_package_is_named_with_the_cure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "launcher"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psutil", None)
    refused = run("up")
    assert refused.code == 1
    assert refused.err.startswith("error: The package psutil is not installed: run 'make install'")
