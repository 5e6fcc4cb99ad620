"""Settings are read from one prefix; nothing is silently ignored."""

from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.settings import Settings


class _Example(Settings):
    model_config = SettingsConfigDict(env_prefix="TIERMESH_EXAMPLE_")

    wait_seconds: float = Field(default=3, gt=0)


def test_a_variable_of_the_prefix_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIERMESH_EXAMPLE_WAIT_SECONDS", "7")
    monkeypatch.setenv("TIERMESH_HOME", str(tmp_path))
    settings = _Example.load()
    assert (settings.wait_seconds, settings.home) == (7, tmp_path)


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_EXAMPLE_WAIT_SECONDS", "7")
    assert _Example.load(wait_seconds=8).wait_seconds == 8


def test_an_unknown_variable_of_the_prefix_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_EXAMPLE_WAIT_SECOND", "7")
    with pytest.raises(TiermeshError, match="Did you mean TIERMESH_EXAMPLE_WAIT_SECONDS") as raised:
        _Example.load()
    assert raised.value.code is Code.SETUP


def test_a_wrong_value_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_EXAMPLE_WAIT_SECONDS", "0")
    with pytest.raises(TiermeshError, match=r"TIERMESH_EXAMPLE_WAIT_SECONDS is not valid: .*greater than 0"):
        _Example.load()
