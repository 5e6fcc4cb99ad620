"""The control plane's settings."""

from pathlib import Path

import pytest

from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import TiermeshError


def test_the_database_is_in_the_home_unless_it_is_named(tmp_path: Path) -> None:
    assert ControlPlaneSettings.load(home=tmp_path).database == f"sqlite:///{tmp_path}/control-plane.db"
    assert ControlPlaneSettings.load(database_url="sqlite:////x.db").database == "sqlite:////x.db"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_a_loopback_address_is_taken(host: str) -> None:
    assert ControlPlaneSettings.load(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", ""])
def test_any_other_address_is_refused(host: str) -> None:
    with pytest.raises(TiermeshError, match=r"TIERMESH_CONTROL_PLANE_HOST is not valid: .*not a loopback address"):
        ControlPlaneSettings.load(host=host)
