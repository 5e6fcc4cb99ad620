"""A router's settings: from the environment, and every mistake is named."""

from pathlib import Path

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.settings import RouterSettings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIERMESH_HOME", str(tmp_path))
    monkeypatch.setenv("TIERMESH_ROUTER_CONFIG", str(tmp_path / "routes.yaml"))


def test_it_listens_on_this_machine_alone_by_default() -> None:
    settings = RouterSettings.load()
    assert (settings.host, settings.port, settings.grpc_port, settings.admin_port) == ("127.0.0.1", 8080, 8081, 8082)


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_ROUTER_CACHE_MAX_BYTES", "7")
    monkeypatch.setenv("TIERMESH_ROUTER_ACCESS_LOG", "false")
    settings = RouterSettings.load()
    assert (settings.cache_max_bytes, settings.access_log) == (7, False)


def test_an_unknown_variable_is_refused_with_the_nearest_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_ROUTER_CACHE_BYTES", "7")
    with pytest.raises(TiermeshError, match="TIERMESH_ROUTER_CACHE_BYTES. Did you mean .*_CACHE_MAX_BYTES") as caught:
        RouterSettings.load()
    assert caught.value.code is Code.SETUP


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIERMESH_ROUTER_PORT", "65536"),
        ("TIERMESH_ROUTER_MAX_BODY_BYTES", "many"),
        ("TIERMESH_ROUTER_NAME", "../up"),
        ("TIERMESH_ROUTER_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_refused_with_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(TiermeshError, match=f"^{variable} is not valid"):
        RouterSettings.load()


def test_it_follows_a_control_plane_or_a_file_and_never_both_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_ROUTER_CONTROL_PLANE_URL", "http://127.0.0.1:8090")
    with pytest.raises(TiermeshError, match="set exactly one of"):
        RouterSettings.load()
    monkeypatch.delenv("TIERMESH_ROUTER_CONFIG")
    assert RouterSettings.load().control_plane_url == "http://127.0.0.1:8090"
    monkeypatch.delenv("TIERMESH_ROUTER_CONTROL_PLANE_URL")
    with pytest.raises(TiermeshError, match="set exactly one of"):
        RouterSettings.load()


def test_each_router_keeps_its_last_good_snapshot_in_a_place_of_its_own(tmp_path: Path) -> None:
    places = {RouterSettings.load(name=name).last_good for name in ("a", "b")}
    assert len(places) == 2
    assert all(place.is_relative_to(tmp_path) for place in places)


def test_a_token_is_not_in_what_a_log_would_show_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_ROUTER_CONTROL_PLANE_TOKEN", "tmt-hidden")
    settings = RouterSettings.load()
    assert settings.control_plane_token is not None
    assert settings.control_plane_token.get_secret_value() == "tmt-hidden"
    assert "hidden" not in repr(settings) + str(settings.model_dump(mode="json"))
