"""Settings come from the environment, and one that is wrong is named."""

from pathlib import Path

import pytest

from control_plane.spec.errors import Code, TiermeshError
from launcher.settings import UpSettings


def test_every_port_can_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(UpSettings.load().ports, start=5000):
        monkeypatch.setenv(f"TIERMESH_UP_{name.upper()}", str(number))
    assert sorted(UpSettings.load().ports.values()) == list(range(5000, 5006))


def test_the_home_is_an_absolute_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_HOME", "~/mesh")
    assert UpSettings.load().home == Path.home() / "mesh"


def test_an_empty_home_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_HOME", "")
    assert UpSettings.load().home == Path.home() / ".tiermesh"


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIERMESH_UP_DOCUMENTS", "/elsewhere")
    assert UpSettings.load(documents=tmp_path).documents == tmp_path


def test_an_unknown_setting_is_refused_with_the_nearest_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_UP_ROUTERPORT", "1")
    with pytest.raises(
        TiermeshError, match=r"TIERMESH_UP_ROUTERPORT. Did you mean TIERMESH_UP_ROUTER_PORT\?"
    ) as caught:
        UpSettings.load()
    assert caught.value.code is Code.SETUP


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_UP_MODELS_PORT", "70000")
    with pytest.raises(TiermeshError, match="TIERMESH_UP_MODELS_PORT is not valid"):
        UpSettings.load()
