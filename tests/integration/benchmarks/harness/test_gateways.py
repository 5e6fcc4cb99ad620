import shutil
import sys
from pathlib import Path

import pytest

from benchmarks.harness import gateways
from benchmarks.harness.gateways import Gateway, answered
from benchmarks.harness.processes import Cores
from control_plane.spec.errors import Code, TiermeshError

needs_nginx = pytest.mark.skipif(
    shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="nginx is only there to compare with"
)


@needs_nginx
def test_nginx_forwards_to_the_stub(cores: Cores, stub: Gateway, tmp_path: Path) -> None:
    with gateways.nginx(cores, stub, tmp_path) as nginx:
        assert nginx
        before = answered(stub)
        status, body = gateways.ask(nginx, "where is my parcel?")

        assert (status, answered(stub) - before) == (200, 1)
        assert b"chat.completion" in body


def test_where_nginx_is_missing_there_is_nothing_to_compare_with(
    cores: Cores, stub: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_kwargs: None)

    with gateways.nginx(cores, stub, tmp_path) as nginx:
        assert nginx is None


def test_a_gateway_that_ends_at_once_is_reported_with_its_last_words(cores: Cores, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no licence')"]

    with (
        pytest.raises(TiermeshError, match="broken does not answer") as raised,
        gateways.gateway("broken", command, gateways.free_port(), cores, tmp_path),
    ):
        pytest.fail("it cannot have started")

    assert raised.value.code is Code.SETUP
    assert "no licence" in raised.value.hint


def test_a_port_in_use_is_named(cores: Cores, stub: Gateway) -> None:
    with (
        pytest.raises(TiermeshError, match="stub upstream does not start") as raised,
        gateways.stub_upstream(cores, stub.port),
    ):
        pytest.fail("it cannot have started")

    assert str(stub.port) in raised.value.hint
