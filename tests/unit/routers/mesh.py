"""A whole router in the test's own loop, between a client and two scripted Models."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from control_plane.spec.documents import Document
from control_plane.spec.events import Exposure
from control_plane.spec.models import Protocol
from observability.metrics import RouterMetrics
from routers.asking import OpenAIAsker
from routers.bench import Bench
from routers.cache.exact import ExactCache
from routers.cache.semantic import SemanticCache
from routers.comparing import Comparing
from routers.crossroads import Crossroads
from routers.embedding import Embedding, OneEncoder
from routers.exposure import ExposureBook
from routers.handler import Router
from routers.journal import Journal
from routers.judging import Judging
from routers.ledger import Ledger
from routers.limits import ServerLimits
from routers.pondering import Pondering
from routers.quotas.memory import MemoryDesk
from routers.resilience.guards import RouteGuard
from routers.runtime import Runtime
from routers.server import HttpServer
from routers.serving import Serving
from routers.upstream import UpstreamClient, UpstreamLimits
from routers.watching import TrafficLog, Watching
from tests.stub_upstream import StubUpstream
from tests.unit.routers.samples import EASY, chat, model, route, snapshot


class Kept(list[bytes]):
    """`routers.exposure.Exposures` that a test looks at."""

    def add(self, events: Sequence[bytes]) -> None:
        self.extend(events)


@dataclass
class Mesh:
    """The parts of a router that a test looks at."""

    light: StubUpstream
    heavy: StubUpstream
    router: Router
    server: HttpServer
    http: httpx2.AsyncClient
    metrics: RouterMetrics
    cache: ExactCache
    ledger: Ledger
    serving: Serving
    desk: MemoryDesk
    lines: list[bytes] = field(default_factory=list)
    port: int = 0
    journal: Journal = field(default_factory=lambda: Journal("router-1", RouterMetrics(), 0, 0))
    exposures: Kept = field(default_factory=Kept)
    marks: Kept = field(default_factory=Kept)
    crossroads: Crossroads | None = None
    explored: Kept = field(default_factory=Kept)
    pondering: Pondering | None = None

    def documents(self, **spec: Any) -> list[Document]:
        """A Route over both Models."""
        return [model("light", url=self.light.url), model("heavy", "heavy", self.heavy.url), route(**spec)]

    def put_in_force(self, of: Sequence[Document], number: int = 1) -> None:
        """As the watcher does."""
        runtime = Runtime.build(snapshot(of, number))
        self.serving.guards.follow(runtime)
        self.router.runtime = runtime

    @property
    def guard(self) -> RouteGuard:
        """The guard of the Route "shop"."""
        assert self.router.runtime is not None
        return self.serving.guards.of(self.router.runtime.routes["shop"])

    async def chat(self, text: str = EASY, headers: dict[str, str] | None = None, **fields: Any) -> httpx2.Response:
        """Ask, and wait for the whole answer."""
        return await self.http.post("/v1/chat/completions", json=chat(text, **fields), headers=headers)

    @contextlib.asynccontextmanager
    async def streamed(self, text: str = EASY, **fields: Any) -> AsyncIterator[httpx2.Response]:
        """Ask for a stream."""
        request = self.http.stream("POST", "/v1/chat/completions", json=chat(text, stream=True, **fields))
        async with request as response:
            yield response

    async def many(self, count: int, text: str = EASY, **fields: Any) -> list[asyncio.Task[httpx2.Response]]:
        """So many identical requests at once, each under way."""
        before = len(self.server.connections)
        tasks = [asyncio.create_task(self.chat(text, **fields)) for _ in range(count)]
        while sum(not connection.idle for connection in self.server.connections) < before + count:
            await asyncio.sleep(0)
        return tasks

    def exposed(self) -> list[Exposure]:
        """What was written down of requests with arms since the last time."""
        self.ledger.flush()
        found = [Exposure.model_validate_json(line) for line in self.exposures]
        self.exposures.clear()
        return found

    def logged(self) -> list[dict[str, Any]]:
        """What the access log says by now."""
        self.ledger.flush()
        return [json.loads(line) for line in b"".join(self.lines).splitlines()]


@contextlib.asynccontextmanager
async def mesh(
    open_cache: Callable[[], SemanticCache] | None = None,
    traffic: TrafficLog | None = None,
    encoder: OneEncoder | None = None,
    **spec: Any,
) -> AsyncIterator[Mesh]:
    """A router with one Route over a light and a heavy Model; `open_cache` makes its semantic cache, and `encoder`
    embeds for learned routers."""
    async with StubUpstream() as light, StubUpstream() as heavy:
        lines: list[bytes] = []
        metrics, cache = RouterMetrics(), ExactCache(1_000_000)
        journal = Journal("router-1", metrics, spool=0, recent=100)
        exposures = Kept()
        ledger = Ledger(metrics, lines.append, journal, ExposureBook(exposures))
        client = UpstreamClient(UpstreamLimits())
        desk = MemoryDesk()
        crossroads = None if open_cache is None else Crossroads(ledger, open_cache, Comparing(Bench(metrics), metrics))
        marks, explored = Kept(), Kept()
        watching = Watching(explored.add, traffic)
        pondering = None if encoder is None else Pondering(ledger, Embedding(encoder))
        askers = {Protocol.OPENAI: OpenAIAsker(client)}
        serving = Serving(askers, cache, ledger, desk, metrics, crossroads, watching, pondering)
        judging = Judging(marks.add, metrics, Bench(metrics))
        router = Router(serving, desk, metrics, judging=judging)
        server = HttpServer(router, router.refuse, ServerLimits())
        port = await server.start("127.0.0.1", 0)
        limits = httpx2.Limits(max_connections=None)
        url = f"http://127.0.0.1:{port}"
        http = httpx2.AsyncClient(base_url=url, limits=limits, timeout=30, trust_env=False, verify=False)
        async with http:
            whole = Mesh(
                light,
                heavy,
                router,
                server,
                http,
                metrics,
                cache,
                ledger,
                serving,
                desk,
                lines,
                port,
                journal,
                exposures,
                marks,
                crossroads,
                explored,
                pondering,
            )
            whole.put_in_force(whole.documents(**spec))
            try:
                yield whole
            finally:
                await server.stop(0)
                judging.close()
                if crossroads is not None:
                    await crossroads.close()
                if pondering is not None:
                    pondering.close()
                client.close()
                ledger.flush()


def said(response: httpx2.Response) -> str:
    """The text of an answer."""
    return str(response.json()["choices"][0]["message"]["content"])


def cache_of(response: httpx2.Response) -> str:
    """What the cache did."""
    return str(response.headers["x-tiermesh-cache"])


def code_of(response: httpx2.Response) -> str:
    """An error's code."""
    return str(response.json()["error"]["code"])
