"""The command with a control plane that it finds."""

import pytest

from control_plane.server import Addresses
from tests.unit.control_plane.cli.conftest import Run
from tests.unit.control_plane.cli.conftest import run as run


@pytest.fixture
def tiermesh(run: Run, addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`tiermesh ARGUMENTS…` against the running control plane."""
    monkeypatch.setenv("TIERMESH_SERVER", addresses.api)
    return run
