"""The record of what runs."""

from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from launcher import state
from launcher.home import Home
from launcher.identities import Identity
from launcher.state import Running, State

STATE = State(
    launcher=Identity(1, "a"),
    phase="ready",
    processes=(
        Running(
            name="router",
            identity=Identity(2, "b"),
            started_at=3.5,
            address="http://127.0.0.1:4",
            ready_url=None,
            restarts=1,
            ready=True,
        ),
    ),
    kin=(Identity(5, "c"),),
    models_snapshot=6,
)


def test_what_is_saved_is_loaded_and_what_is_cleared_is_gone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert state.load(home) is None
    state.save(home, STATE)
    assert state.load(home) == STATE
    state.clear(home)
    assert state.load(home) is None


def test_a_file_of_another_shape_is_an_error_that_names_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.state.write_text('{"pid": 1}', encoding="utf-8")
    with pytest.raises(TiermeshError, match=r"up\.json was not written by this version"):
        state.load(home)


def test_only_one_launcher_holds_a_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with state.sole(home) as first, state.sole(home) as second:
        assert (first, second) == (True, False)
    with state.sole(home) as again:
        assert again


def test_a_home_that_cannot_be_written_to_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TiermeshError, match=r"file/home cannot be written to \(Not a directory\): set TIERMESH_HOME"):
        Home(tmp_path / "file" / "home").prepare()
