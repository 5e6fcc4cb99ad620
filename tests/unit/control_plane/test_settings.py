"""The control plane's settings."""

from pathlib import Path

import pytest

from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import TiermeshError


def test_the_database_is_in_the_home_unless_it_is_named(tmp_path: Path) -> None:
    assert ControlPlaneSettings.load(home=tmp_path).database == f"sqlite:///{tmp_path}/control-plane.db"
    assert ControlPlaneSettings.load(database_url="sqlite:////x.db").database == "sqlite:////x.db"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_whoever_sits_at_the_machine_needs_no_token_by_default(host: str) -> None:
    assert ControlPlaneSettings.load(host=host).is_open


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", ""])
def test_beyond_loopback_nothing_is_open(host: str) -> None:
    assert not ControlPlaneSettings.load(host=host).is_open


def test_a_shared_machine_closes_its_loopback_too() -> None:
    assert not ControlPlaneSettings.load(open_on_loopback=False).is_open


def test_a_provider_is_whole_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ControlPlaneSettings.load().oidc is None
    monkeypatch.setenv("TIERMESH_CONTROL_PLANE_OIDC_ISSUER", "https://login.example")
    with pytest.raises(TiermeshError, match="OIDC_AUDIENCE need each other"):
        ControlPlaneSettings.load()
    monkeypatch.setenv("TIERMESH_CONTROL_PLANE_OIDC_AUDIENCE", "tiermesh")
    monkeypatch.setenv("TIERMESH_CONTROL_PLANE_OIDC_ROLES", '{"devs": "operator@shop, viewer@*"}')
    oidc = ControlPlaneSettings.load().oidc
    assert oidc is not None
    assert [str(binding) for binding in oidc.roles["devs"]] == ["operator@shop", "viewer@*"]


@pytest.mark.parametrize(
    ("roles", "why"),
    [
        ("devs=operator@shop", "write it as JSON"),
        ('{"devs": 1}', "write it as one JSON object"),
        ('{"devs": "king@shop"}', "'king' is no role"),
        ('{"devs": "operator"}', "'operator' names no namespace"),
        ('{"devs": "operator@Shop"}', "'operator@Shop' names no namespace"),
    ],
)
def test_roles_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch, roles: str, why: str) -> None:
    monkeypatch.setenv("TIERMESH_CONTROL_PLANE_OIDC_ROLES", roles)
    with pytest.raises(TiermeshError, match=f"TIERMESH_CONTROL_PLANE_OIDC_ROLES is not valid: {why}"):
        ControlPlaneSettings.load()


def test_a_provider_elsewhere_must_be_one_that_nobody_can_play() -> None:
    with pytest.raises(TiermeshError, match="must be https"):
        ControlPlaneSettings.load(oidc_issuer="http://login.example", oidc_audience="tiermesh")
    assert ControlPlaneSettings.load(oidc_issuer="http://127.0.0.1:9400", oidc_audience="tiermesh").oidc
