"""One router process and one scripted model for all contract tests."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from control_plane.spec.documents import Model, Route
from tests.contract.router_process import RouterProcess
from tests.stub_upstream import StubUpstream
from tests.unit.routers.samples import model, route


@pytest.fixture(scope="session")
def _model() -> Iterator[StubUpstream]:
    """The model, in a loop of its own: synchronous clients block the test's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stub = StubUpstream()
    try:
        asyncio.run_coroutine_threadsafe(stub.__aenter__(), loop).result()
        yield stub
        asyncio.run_coroutine_threadsafe(stub.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def router(_model: StubUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterProcess]:
    documents: list[Model | Route] = [
        model("stub", url=_model.url),
        model("away"),
        route("shop", light=["stub"], heavy=[]),
        route("down", light=["away"], heavy=[]),
        route("hasty", light=["stub"], heavy=[], resilience={"deadlineSeconds": 0.2}),
        route("fresh", light=["stub"], heavy=[], cache={"exact": {"enabled": False}}),
    ]
    with RouterProcess(tmp_path_factory.mktemp("router"), documents, MAX_BODY_BYTES="100000") as process:
        yield process


@pytest.fixture
def upstream(_model: StubUpstream) -> StubUpstream:
    """The model, with nothing scripted."""
    _model.reset()
    return _model
