"""The status of a mesh is what is seen now, not what was recorded."""

import os
from pathlib import Path

from launcher import state
from launcher.home import Home
from launcher.identities import Identity, identify
from launcher.processes import MODELS, ROUTER
from launcher.settings import UpSettings
from launcher.state import Running, State
from launcher.status import status

NOBODY = Identity(2**22 + 1, "never")


def running(name: str, identity: Identity, ready_url: str | None = None) -> Running:
    return Running(name=name, identity=identity, started_at=0, address="", ready_url=ready_url, restarts=2, ready=True)


def recorded(home: Path, launcher: Identity, *processes: Running) -> None:
    record = State(launcher=launcher, phase="ready", processes=processes, models_snapshot=7)
    state.save(Home(home), record)


def myself() -> Identity:
    identity = identify(os.getpid())
    assert identity
    return identity


def test_a_process_that_does_not_answer_is_not_ready_whatever_was_recorded(tmp_path: Path) -> None:
    recorded(tmp_path, myself(), running(MODELS, myself()), running(ROUTER, myself(), "http://127.0.0.1:1/readyz"))
    report = status(UpSettings.load(home=tmp_path))
    models, router = report.processes
    assert (models.ready, models.snapshot, models.restarts) == (True, 7, 2)
    assert (router.ready, router.snapshot) == (False, None)
    assert report.phase == "ready"
    assert not report.healthy


def test_a_process_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    recorded(tmp_path, myself(), running(MODELS, NOBODY))
    (models,) = status(UpSettings.load(home=tmp_path)).processes
    assert not models.ready


def test_a_record_of_which_nothing_lives_is_a_stopped_mesh(tmp_path: Path) -> None:
    recorded(tmp_path, NOBODY, running(MODELS, NOBODY))
    assert status(UpSettings.load(home=tmp_path)).phase == "stopped"


def test_processes_without_their_launcher_are_a_killed_mesh(tmp_path: Path) -> None:
    recorded(tmp_path, NOBODY, running(MODELS, myself()))
    assert status(UpSettings.load(home=tmp_path)).phase == "killed"
