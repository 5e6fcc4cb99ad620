"""One router process and one scripted model for all contract tests."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.spec.documents import Document
from tests.contract.router_process import RouterProcess
from tests.stub_upstream import StubUpstream
from tests.unit.routers.samples import model, route

ONE_TRY: dict[str, Any] = {"retries": {"attempts": 1}, "breaker": {"enabled": False}}
"""What the model does reaches the caller: these tests are about how it is written."""


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
    documents: list[Document] = [
        model("stub", url=_model.url, modalities=["text", "image"]),
        model("away"),
        model("tensors", engine="kserve", url=_model.url.removesuffix("/v1"), servedName="iris-7", version="2"),
        route("shop", light=["stub"], heavy=[]),
        route("iris", light=["tensors"], heavy=[], resilience=ONE_TRY, cache={"exact": {"enabled": False}}),
        route("down", light=["away"], heavy=[], resilience=ONE_TRY),
        route("hasty", light=["stub"], heavy=[], resilience={**ONE_TRY, "deadlineSeconds": 0.2}),
        route("fresh", light=["stub"], heavy=[], resilience=ONE_TRY, cache={"exact": {"enabled": False}}),
    ]
    with RouterProcess(tmp_path_factory.mktemp("router"), documents, MAX_BODY_BYTES="100000") as process:
        yield process


@pytest.fixture
def upstream(_model: StubUpstream) -> StubUpstream:
    """The model, with nothing scripted."""
    _model.reset()
    return _model
