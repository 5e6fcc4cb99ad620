"""Settings of the operator."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from control_plane.spec.errors import Code, TiermeshError
from operators.render import Parent, Port, Site
from operators.settings import OperatorSettings


def test_without_any_the_site_is_the_renderers_own() -> None:
    assert OperatorSettings.load().site == Site()


def test_what_is_said_of_the_site_reaches_the_renderers(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "NAMESPACES": "team-a, team-b",
        "GATEWAY": '{"name": "gw", "namespace": "gateways", "url": "http://gw.gateways.svc"}',
        "ROUTER": '{"service": "router", "namespace": "tiermesh", "port": 8080}',
        "ACCELERATORS": '{"H100": {"gpu": "h100"}}',
        "USER": "null",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"TIERMESH_OPERATOR_{name}", value)
    settings = OperatorSettings.load()
    assert settings.namespaces == ("team-a", "team-b")
    assert settings.site.gateway == Parent("gw", "gateways", "http://gw.gateways.svc")
    assert settings.site.router == Port("router", "tiermesh", 8080)
    assert (settings.site.accelerators, settings.site.user) == ({"H100": {"gpu": "h100"}}, None)


def test_a_setting_that_is_none_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERMESH_OPERATOR_NAMESPACE", "a")
    with pytest.raises(TiermeshError, match="Did you mean TIERMESH_OPERATOR_NAMESPACES") as caught:
        OperatorSettings.load()
    assert caught.value.code is Code.SETUP


def test_the_token_is_read_from_a_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret-of-the-operator\n")
    settings = OperatorSettings.load(control_plane_token_file=file)
    assert settings.token == SecretStr("secret-of-the-operator")
    assert "secret-of-the-operator" not in repr(settings)
    with pytest.raises(TiermeshError, match="cannot be read"):
        _ = OperatorSettings.load(control_plane_token_file=tmp_path / "no").token


def test_two_tokens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="at most one of"):
        OperatorSettings.load(control_plane_token="a", control_plane_token_file=tmp_path)


def test_a_kind_that_is_ignored_is_one_that_a_cluster_may_lack() -> None:
    assert OperatorSettings.load(ignored=["ScaledObject", "RayService"]).ignored == ("ScaledObject", "RayService")
    with pytest.raises(TiermeshError, match="must be one of RayService"):
        OperatorSettings.load(ignored=["Deployment"])
