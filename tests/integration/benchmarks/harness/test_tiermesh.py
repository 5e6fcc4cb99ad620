"""Each measured router as a process of its own, between real load and a real stub."""

from pathlib import Path

import pytest

from benchmarks.harness import gateways, tiermesh
from benchmarks.harness.gateways import Gateway, answered
from benchmarks.harness.load import Load, Window, measure
from benchmarks.harness.processes import Cores
from control_plane.spec import documents

TWENTY = Window(0, 30, requests=20)


def test_its_documents_are_valid(stub: Gateway) -> None:
    model, route = map(documents.parse, tiermesh.documents(stub))

    assert (model.kind, route.kind, route.metadata.name) == ("Model", "Route", stub.model)


@pytest.mark.parametrize("module", ["routers", "benchmarks.adapters.protocol", "benchmarks.adapters.asgi"])
def test_a_router_proxies_caches_and_streams(module: str, cores: Cores, stub: Gateway, tmp_path: Path) -> None:
    with tiermesh.python_gateway("measured", module, cores, stub, tmp_path) as gateway:
        before = answered(stub)
        first, second = (gateways.ask(gateway, "is it open on Sunday?") for _ in range(2))
        assert first == second
        assert answered(stub) - before == 1

        proxied = measure(Load(connections=4), gateway, stub, cores, TWENTY)
        assert proxied.upstream_requests == proxied.outcome.answered == 20
        streamed = measure(Load(connections=4, events=5, gap_us=200), gateway, stub, cores, TWENTY)
        assert streamed.outcome.events == 20 * 5
