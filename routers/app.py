"""Wires a router once, from its settings, and runs it until it is told to stop."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from control_plane.client.decisions import DecisionSink
from control_plane.client.events import EventSink
from control_plane.client.http import SnapshotFeed
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Protocol
from observability.metrics import RouterMetrics
from routers.admin import Admin
from routers.asking import Asker, OpenAIAsker
from routers.bench import Bench
from routers.cache.exact import ExactCache
from routers.caches import Caches
from routers.comparing import Comparing
from routers.crossroads import Crossroads
from routers.directory import Directory
from routers.embedding import ENCODER, Embedding, OneEncoder
from routers.events.sender import Sender
from routers.events.spools import Spools
from routers.evidence import KEPT_SNAPSHOTS, Evidence
from routers.exposure import ExposureBook
from routers.feedback import FeedbackBox
from routers.grpc_client import GrpcTensorModels
from routers.grpc_server import GrpcServer
from routers.handler import Router
from routers.journal import Journal
from routers.judging import Judging
from routers.ledger import Book, Ledger
from routers.limits import ServerLimits
from routers.pondering import Pondering
from routers.quotas.desk import Desk
from routers.quotas.memory import MemoryDesk
from routers.reading import Reader
from routers.reporter import Reporter
from routers.runtime import Runtime
from routers.server import HttpServer
from routers.serving import Serving
from routers.settings import RouterSettings
from routers.shelf import Shelf
from routers.sources import ControlPlaneSource, FileSource, Source
from routers.tensor_models import HttpTensorModels, TensorModels
from routers.upstream import UpstreamClient, UpstreamLimits
from routers.watcher import LastGood, Watcher
from routers.watching import TrafficLog, Watching

if TYPE_CHECKING:
    from routers.cache.semantic import SemanticCache
    from routers.encoder import Encoder
    from routers.quotas.shared import SharedDesk

_LOG = logging.getLogger(__name__)


class App:
    """One router process: its ports, its watcher, its end."""

    def __init__(self, settings: RouterSettings) -> None:
        """Needs a running event loop."""
        self._settings = settings
        metrics = self._metrics = RouterMetrics()
        alone = settings.control_plane_url is None
        spool = 0 if alone else settings.decisions_spool
        journal = self._journal = Journal(settings.name, metrics, spool, settings.decisions_recent)
        spools = self._spools = None if alone else Spools(settings.events, settings.events_bytes, metrics)
        books: list[Book] = [journal] if spools is None else [journal, ExposureBook(spools)]
        self._ledger = Ledger(metrics, _write if settings.access_log else None, *books)
        self._evidence = Evidence(journal, self._ledger.flush, KEPT_SNAPSHOTS if alone else 1)
        self._reporter = _reporter(settings, journal) if spool else None
        self._sender = _sender(settings, spools) if spools else None
        box = FeedbackBox(spools.add, settings.feedback_per_second) if spools else None
        self._client = UpstreamClient(UpstreamLimits())
        cache = ExactCache(settings.cache_max_bytes)
        self._shared = _shared_desk(settings, metrics)
        desk: Desk = self._shared or MemoryDesk()
        self._grpc_models = GrpcTensorModels(UpstreamLimits())
        tensors: dict[Protocol, TensorModels] = {
            Protocol.OIP_HTTP: HttpTensorModels(self._client),
            Protocol.OIP_GRPC: self._grpc_models,
        }
        askers: dict[Protocol, Asker] = {Protocol.OPENAI: OpenAIAsker(self._client), **tensors}
        encoder = OneEncoder(_encoder)
        open_cache = partial(_semantic_cache, settings, encoder, metrics)
        comparing = Comparing(Bench(metrics), metrics)
        crossroads = self._crossroads = Crossroads(self._ledger, open_cache, comparing)
        pondering = self._pondering = Pondering(self._ledger, Embedding(encoder))
        watching = self._watching = _watching(settings, spools)
        serving = self._serving = Serving(askers, cache, self._ledger, desk, metrics, crossroads, watching, pondering)
        directory = Directory(tensors)
        self._judging = Judging(spools.add, metrics, Bench(metrics)) if spools else None
        self.router = Router(serving, desk, metrics, directory, box, self._judging)
        limits = ServerLimits(max_body_bytes=settings.max_body_bytes)
        self._server = HttpServer(self.router, self.router.refuse, limits)
        self._grpc = GrpcServer(self.router, directory, limits)
        metrics.cache_bytes.set_function(lambda: cache.size_bytes)
        metrics.cache_entries.set_function(lambda: len(cache))
        metrics.semantic_bytes.set_function(lambda: crossroads.cache.size_bytes if crossroads.cache else 0)
        metrics.semantic_entries.set_function(lambda: crossroads.cache.entries if crossroads.cache else 0)
        metrics.semantic_error_bound.set_function(lambda: crossroads.cache.error_bound if crossroads.cache else 0)
        metrics.decisions_waiting.set_function(lambda: len(journal))
        if spools is not None:
            metrics.events_waiting.set_function(lambda: spools.waiting)
            metrics.events_bytes.set_function(lambda: spools.size_bytes)
        metrics.connections.set_function(lambda: len(self._server.connections))
        reader = Reader()
        shelf = Shelf(settings.artifacts)
        self._source = _source(settings, reader, shelf)
        last_good = None if settings.config else LastGood(settings.last_good, reader)
        watcher = self._watcher = Watcher(self._source, self._swap, last_good, metrics, shelf)
        draining, unused = (lambda: self._server.draining), (lambda: watcher.nothing_published)
        caches = Caches(cache, crossroads)
        admin = Admin(self.router, self._exposition, draining, self._evidence, unused, caches)
        self._admin = HttpServer(admin, admin.refuse, limits)

    def _swap(self, runtime: Runtime) -> None:
        self._serving.guards.follow(runtime)
        self.router.runtime = runtime
        self._metrics.contract_broken.clear()
        for route in runtime.routes.values():
            if route.router is not None and route.router.contract is not None:
                self._metrics.contract_broken.labels(route.name).set(int(route.router.broken))
        self._evidence.follow(runtime.snapshot)
        self._grpc.announce()
        # A snapshot stays for long, and holds no cycles: the collector need not look at it again.
        gc.freeze()

    def _exposition(self) -> Iterator[str]:
        self._serving.guards.report()
        return self._ledger.exposition()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises TiermeshError(SETUP) where a port is taken."""
        try:
            await self._serve(stop)
        finally:
            await self._drain()

    async def _serve(self, stop: asyncio.Event) -> None:
        settings = self._settings
        self._watcher.restore()
        if self._shared is not None:
            await self._shared.start()
        admin_port = await self._admin.start(settings.host, settings.admin_port)
        port = await self._server.start(settings.host, settings.port)
        grpc_port = await self._grpc.start(settings.host, settings.grpc_port)
        ports = {"port": port, "grpc_port": grpc_port, "admin_port": admin_port}
        _LOG.info("The router listens.", extra={"fields": ports})
        working = [asyncio.create_task(each.run()) for each in (self._reporter, self._spools, self._sender) if each]
        watching = asyncio.create_task(self._watcher.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((watching, stopping), return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            stopping.cancel()
            watching.result()
        for task in (watching, *working):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._give_notice()

    async def _give_notice(self) -> None:
        """Say that the end is near, and still answer who has not heard of it."""
        self._server.drain()
        await self._grpc.drain()
        await asyncio.sleep(self._settings.notice_seconds)

    async def _drain(self) -> None:
        grace_seconds = self._settings.grace_seconds
        await asyncio.gather(self._server.stop(grace_seconds), self._grpc.stop(grace_seconds))
        await self._admin.stop(0)
        self._serving.mirroring.close()
        await self._crossroads.close()
        self._pondering.close()
        if self._judging is not None:
            self._judging.close()
        self._client.close()
        await self._grpc_models.close()
        if self._shared is not None:
            await self._shared.close()
        await self._source.close()
        self._ledger.flush()
        self._watching.close()
        for courier in (self._reporter, self._sender):
            if courier is not None:
                await courier.close()
        _LOG.info("The router has stopped.")


def _shared_desk(settings: RouterSettings, metrics: RouterMetrics) -> "SharedDesk | None":
    if settings.redis_url is None:
        return None
    from routers.quotas.shared import SharedDesk  # its client's memory is for those who use it

    return SharedDesk(settings.redis_url, settings.quotas_without_redis, metrics)


def _encoder() -> "Encoder":
    try:
        from routers.encoder import NanoEncoder  # its packages and their memory are for those who use it
    except ModuleNotFoundError as error:
        message = f"A Route compares or judges texts by their meaning, and the package {error.name} is not installed."
        raise TiermeshError(Code.SETUP, message, "Install it: pip install 'tiermesh[semantic]'.") from error
    return NanoEncoder(threads=1)


def _semantic_cache(settings: RouterSettings, encoder: OneEncoder, metrics: RouterMetrics) -> "SemanticCache":
    try:
        from routers.cache.semantic import SemanticCache  # its packages and their memory are for those who use it
    except ModuleNotFoundError as error:
        message = f"A Route has a semantic cache, and the package {error.name} is not installed."
        raise TiermeshError(Code.SETUP, message, "Install it: pip install 'tiermesh[semantic]'.") from error
    stream = None
    if settings.redis_url is not None and settings.semantic_cache_shared:
        from routers.cache.shared import SharedStream

        stream = SharedStream(settings.redis_url, ENCODER, settings.semantic_cache_max_bytes, metrics)
    return SemanticCache(settings.semantic_cache_max_bytes, lambda: encoder, stream)


def _watching(settings: RouterSettings, spools: Spools | None) -> Watching:
    path = settings.traffic_log
    log = None if path is None else TrafficLog(path, settings.traffic_content)
    return Watching(spools.add if spools else None, log)


def _reporter(settings: RouterSettings, journal: Journal) -> Reporter:
    return Reporter(journal, DecisionSink(str(settings.control_plane_url), token=settings.control_plane_token))


def _sender(settings: RouterSettings, spools: Spools) -> Sender:
    sink = EventSink(str(settings.control_plane_url), token=settings.control_plane_token)
    return Sender(settings.name, spools, sink)


def _source(settings: RouterSettings, reader: Reader, shelf: Shelf) -> Source:
    if settings.config is not None:
        return FileSource(settings.config)
    feed = SnapshotFeed(str(settings.control_plane_url), token=settings.control_plane_token)
    return ControlPlaneSource(feed, settings.name, reader, shelf)


def _write(lines: bytes) -> None:
    sys.stderr.buffer.write(lines)
    sys.stderr.buffer.flush()


async def serve(settings: RouterSettings) -> None:
    """Run a router until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = App(settings)
    # What is loaded by now lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    # A request leaves no cycles behind, only cached answers: with the default of 700 the collector looks them through
    # some hundred times a second and finds nothing.
    gc.set_threshold(50_000, 20, 20)
    await app.run(stop)
