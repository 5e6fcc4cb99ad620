from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo.settings import ModelsSettings, home


@pytest.fixture(autouse=True)
def documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_MODELS_DOCUMENTS", "/docs")


def test_a_setting_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_MODELS_PROT", "1")
    with pytest.raises(TiermeshError, match=r"TIERMESH_MODELS_PROT.*TIERMESH_MODELS_PORT"):
        ModelsSettings.load()


def test_only_loopback_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_MODELS_HOST", "0.0.0.0")
    with pytest.raises(TiermeshError, match="TIERMESH_MODELS_HOST"):
        ModelsSettings.load()


def test_home_is_the_users_unless_it_is_set() -> None:
    assert home({}) == Path.home() / ".tiermesh"
    assert home({"TIERMESH_HOME": "/state"}) == Path("/state")
