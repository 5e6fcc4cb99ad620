"""The operator's process: it waits until it leads, and then works until it is told to stop or leads no more."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import kopf

from control_plane.client.documents import DocumentsClient
from control_plane.spec.documents import API_VERSION
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from observability.operator_metrics import OperatorMetrics
from operators import handlers
from operators.admin import Admin
from operators.apply import Cluster, kubeconfig
from operators.cache import Cache
from operators.following import Following
from operators.ghosts import Ghosts
from operators.kinds import EVERYWHERE
from operators.lease import Lease
from operators.lease_store import LeaseStore
from operators.offers import discover
from operators.queue import Queue
from operators.settings import OperatorSettings
from operators.sweep import Sweep
from operators.telling import Telling
from operators.upward import Upward
from operators.worker import Knowledge, Worker

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 2.0
_STOP_SECONDS = 5.0
"""How long what is under way may take to end."""


async def serve(settings: OperatorSettings, on_listen: Callable[[int], None] = lambda _: None) -> None:
    """Run until SIGTERM or SIGINT; `on_listen` hears the admin port.

    Raises TiermeshError: SETUP where something is not configured, UNAVAILABLE once another operator leads.
    """
    stop = asyncio.Event()
    metrics = OperatorMetrics()
    async with _connected(settings) as (cluster, plane):
        leading = Leading(settings, cluster, plane, metrics)
        admin = Admin(metrics, leading.refresh)
        on_listen(await admin.start(settings.admin_host, settings.admin_port))
        store = LeaseStore(cluster, settings.lease_namespace, settings.lease_name)
        lease = Lease(store, settings.name, settings.lease_seconds, asyncio.get_running_loop().time)
        _obey_signals(stop)
        try:
            admin.state = "stands by"
            await _first(stop.wait(), lease.acquire())
            if not stop.is_set():
                admin.state = "leads"
                metrics.leader.set(1)
                await _first(lease.hold(), leading.run(stop))
        finally:
            admin.state = "ending"
            metrics.leader.set(0)
            await lease.release()
            await admin.stop()
    logger.info("the operator ended")


@asynccontextmanager
async def _connected(settings: OperatorSettings) -> AsyncIterator[tuple[Cluster, DocumentsClient]]:
    plane = DocumentsClient(settings.manager, settings.control_plane_url, token=settings.token)
    cluster = Cluster(kubeconfig())
    try:
        yield cluster, plane
    finally:
        await cluster.close()
        await plane.aclose()


def _obey_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def _first(*works: Awaitable[object]) -> None:
    """Until the first of them ends; the others are cancelled. Raises what it raises."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_STOP_SECONDS)


class Leading:
    """What the leader does, wired once."""

    def __init__(
        self, settings: OperatorSettings, cluster: Cluster, plane: DocumentsClient, metrics: OperatorMetrics
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._metrics = metrics
        self._ours: frozenset[str] = frozenset()
        self._cache = Cache()
        self._queue: Queue[Key] = Queue()
        self._upward = Upward(plane, self._queue.add, f"custom resources of {settings.manager}")
        self._knows = Knowledge(site=settings.site, patience_seconds=settings.deletion_seconds)
        self._telling = Telling(cluster.tell, settings.events_per_second, metrics)
        self._following = Following(plane, self._cache, self._upward, self._knows, self._queue.add)
        self._ghosts = Ghosts(cluster.uids, self._cache, self._kinds, settings.namespaces, self._queue.add)
        self._sweep = Sweep(plane.documents, self._is_there, settings.manager, self._cache, self._upward)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Raises TiermeshError where there is something that only a new start can watch."""
        await self._discover_first()
        worker = Worker(
            self._cache,
            self._queue,
            self._cluster,
            self._upward,
            self._telling,
            self._knows,
            self._metrics,
            self._settings.manager,
            self._settings.resync_seconds,
        )
        following = self._following
        await _first(
            *(worker.run() for _ in range(self._settings.workers)),
            self._upward.run(),
            self._telling.run(),
            self._sweep.run(),
            self._ghosts.run(),
            following.routers(),
            following.served(),
            following.progress(),
            self._follow_offers(),
            self._watch(stop),
        )

    async def _watch(self, stop: asyncio.Event) -> None:
        """Kopf, until `stop` is set. It takes the signals for itself when it starts; they are ours."""
        namespaces = self._settings.namespaces
        ours = await kopf.spawn_tasks(
            registry=handlers.registry(self._cache, self._look, self._knows.offers),
            settings=handlers.settings(namespaced=bool(namespaces)),
            clusterwide=not namespaces,
            namespaces=namespaces,
            standalone=True,
            stop_flag=stop,
        )
        _obey_signals(stop)
        await kopf.run_tasks(ours, ignored=asyncio.all_tasks() - {*ours})

    def _look(self, key: Key) -> None:
        self._queue.add(key)
        for user in self._knows.users.get(key, ()):
            self._queue.add(user)

    async def _discover_first(self) -> None:
        while True:
            try:
                return await self._discover()
            except TiermeshError as error:
                logger.warning("the cluster does not say what it offers", extra={"fields": {"why": str(error)}})
                await asyncio.sleep(_RETRY_SECONDS)

    async def _discover(self) -> None:
        offers, self._ours = await discover(self._cluster.get)
        self._knows.offers = offers.without(self._settings.ignored)
        self._sweep.restrict(self._ours, self._settings.namespaces)

    async def _follow_offers(self) -> None:
        """Ask again and again. Raises TiermeshError(SETUP) where something came that only a new start can watch."""
        while True:
            await asyncio.sleep(self._settings.discovery_seconds)
            before = self._knows.offers
            try:
                await self._discover()
            except TiermeshError as error:
                logger.warning("the cluster does not say what it offers", extra={"fields": {"why": str(error)}})
                continue
            if self._knows.offers != before:
                self._take(before)

    def _take(self, before: Any) -> None:
        offers = self._knows.offers
        logger.info("the cluster offers something else", extra={"fields": {"offers": dict(offers.versions)}})
        unseen = bool(self._settings.namespaces) and offers.versions.keys() - before.versions.keys()
        if unseen or {*handlers.watched(offers)} != {*handlers.watched(before)}:
            message = "The cluster offers something that is watched from the next start on."
            raise TiermeshError(Code.SETUP, message, "It ends to be started again.")
        for key in self._cache:
            self._queue.add(key)

    def _kinds(self) -> dict[str, str]:
        """Those that children may be of: kind -> apiVersion."""
        return {**EVERYWHERE, **self._knows.offers.versions}

    async def _is_there(self, key: Key) -> bool:
        return await self._cluster.read(API_VERSION, key.kind, key.namespace, key.name) is not None

    def refresh(self) -> None:
        """Bring the metrics up to date."""
        self._metrics.api_calls.set(self._cluster.calls)
        self._metrics.resources.set(len(self._cache))
        self._metrics.unready.set(len(self._knows.unready))
        self._metrics.queued.set(len(self._queue))
        self._metrics.unsaid.set(len(self._upward))
        self._metrics.control_plane_up.set(bool(self._upward.reachable))
