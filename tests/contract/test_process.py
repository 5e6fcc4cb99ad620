"""A router's start and end, as a supervisor sees them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.contract.router_process import RouterProcess
from tests.stub_upstream import StubUpstream
from tests.unit.routers.samples import chat, model, route


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_it_is_told_to_and_its_log_is_whole(
    tmp_path: Path, upstream: StubUpstream, number: signal.Signals
) -> None:
    with RouterProcess(tmp_path, [model("light", url=upstream.url), route(heavy=[])]) as router:
        for _ in range(2):
            response = httpx2.post(f"{router.base_url}/chat/completions", json=chat(), trust_env=False)
            assert response.status_code == 200
        router.terminate(number)
        assert router.wait() == 0
    lines = [json.loads(line) for line in router.lines]
    assert [line["cache"] for line in lines if line["logger"] == "access"] == ["miss", "hit-exact"]
    assert lines[-1]["message"] == "The router has stopped."


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TIERMESH_ROUTER_CONTROLPLANE_URL", "http://h", "Did you mean TIERMESH_ROUTER_CONTROL_PLANE_URL?"),
        ("TIERMESH_ROUTER_PORT", "no", "TIERMESH_ROUTER_PORT is not valid"),
        ("TIERMESH_ROUTER_CONTROL_PLANE_URL", "h:1", "is not the address of a control plane"),
    ],
)
def test_a_setting_that_is_wrong_is_one_sentence_and_status_1(
    tmp_path: Path, variable: str, value: str, said: str
) -> None:
    environment = {**os.environ, "TIERMESH_HOME": str(tmp_path), variable: value}
    ended = subprocess.run([sys.executable, "-m", "routers"], env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ") and said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
