"""Predictive Models behind a router: a real KServe ModelServer, over HTTP and gRPC, asked by KServe's own clients."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from control_plane.spec.documents import Document
from tests.contract.router_process import RouterProcess
from tests.integration.processes import running
from tests.stack import free_ports
from tests.unit.routers.samples import model, route

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """HTTP and gRPC port of the ModelServer."""
    http_port, grpc_port = free_ports(2)
    command = [sys.executable, "-m", "tests.integration.kserve_server", str(http_port), str(grpc_port)]
    ready = f"http://127.0.0.1:{http_port}/v2/models/doubling-1/ready"
    with running(command, ENVIRONMENT, tmp_path_factory.mktemp("kserve"), ready, seconds=300):
        yield http_port, grpc_port


@pytest.fixture(scope="module")
def router(ports: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterProcess]:
    """A router with a Route for each protocol to the same model."""
    served: dict[str, Any] = {"engine": "kserve", "servedName": "doubling-1"}
    documents: list[Document] = [
        model("over-http", url=f"http://127.0.0.1:{ports[0]}", **served),
        model("over-grpc", url=f"http://127.0.0.1:{ports[1]}", protocol="oip-grpc", **served),
        route("http", light=["over-http"], heavy=[]),
        route("grpc", light=["over-grpc"], heavy=[]),
    ]
    with RouterProcess(tmp_path_factory.mktemp("router"), documents) as process:
        yield process


@pytest.mark.parametrize("backend", ["http", "grpc"])
def test_kserves_own_clients_reach_kserves_own_server(router: RouterProcess, backend: str) -> None:
    addresses = [f"http://127.0.0.1:{router.port}", f"127.0.0.1:{router.grpc_port}", backend]
    command = [sys.executable, "-m", "tests.integration.kserve_clients", *addresses]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert json.loads(ended.stdout) == {
        "rest ready": True,
        "rest live": True,
        "grpc ready": True,
        "grpc live": True,
        "rest FP32 json": [2.0, 5.0],
        "grpc FP32 contents": [2.0, 5.0],
        "rest FP32 raw": [2.0, 5.0],
        "grpc FP32 raw": [2.0, 5.0],
        "rest FP16 raw": [1.0],
        "grpc FP16 raw": [1.0],
        "rest BYTES raw": ["aa"],
        "grpc BYTES raw": ["aa"],
    }


@pytest.mark.parametrize("backend", ["http", "grpc"])
def test_the_model_says_what_it_is_whatever_it_speaks(router: RouterProcess, backend: str) -> None:
    about = httpx2.get(f"http://127.0.0.1:{router.port}/v2/models/{backend}", trust_env=False).json()
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1]}
    assert about == {"name": backend, "versions": ["1"], "platform": "", "inputs": [tensor], "outputs": [tensor]}


@pytest.mark.parametrize(("backend", "status"), [("http", 400), ("grpc", 400)])
def test_what_the_model_refuses_is_the_callers_mistake(router: RouterProcess, backend: str, status: int) -> None:
    nothing = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [0], "data": []}]}
    url = f"http://127.0.0.1:{router.port}/v2/models/{backend}/infer"
    response = httpx2.post(url, json=nothing, trust_env=False)
    assert response.status_code == status, response.text
    assert "nothing to double" in response.json()["error"]
