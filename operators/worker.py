"""Worker: looks at custom resources, one at a time each, and carries out what is decided."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from control_plane.spec.documents import API_VERSION, Model, ScalingPolicy
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.records import Presence
from observability.operator_metrics import OperatorMetrics
from operators import strangers
from operators.cache import Cache
from operators.conditions import State, Type
from operators.kinds import Object, child_key
from operators.observed import Observed, Patch
from operators.queue import Queue
from operators.reconcile import reconcile
from operators.render import Offers, Site
from operators.resource import Resource
from operators.serving import Served
from operators.status import DONE
from operators.telling import Telling
from operators.upward import Upward

logger = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0
_REFUSALS = frozenset({Code.INVALID_DOCUMENT, Code.FORBIDDEN, Code.NOT_FOUND})
"""What the API server says of a child: a person has to do something."""


class Writer(Protocol):
    """What writes to the cluster: see `operators.apply`. Every method raises TiermeshError."""

    async def find(self, wanted: Object) -> Object | None: ...
    async def apply(self, wanted: Object) -> Object: ...
    async def delete(self, live: Object) -> None: ...
    async def hold(self, resource: Resource) -> Object: ...
    async def release(self, resource: Resource) -> None: ...
    async def write_status(self, resource: Resource, status: Object) -> Object: ...
    async def read(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None: ...


@dataclass(slots=True)
class Knowledge:
    """What is known beside the cache, kept by those who ask for it."""

    site: Site
    patience_seconds: float
    offers: Offers = field(default_factory=Offers)
    presence: Presence | None = None
    served: Served | None = None
    progress: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    unready: set[Key] = field(default_factory=set)
    """Custom resources that are not Ready."""
    referring: set[Key] = field(default_factory=set)
    """Models that name versions of the model registry."""
    users: dict[Key, set[Key]] = field(default_factory=dict)
    """Model or ScalingPolicy -> the Models that have to do with it."""


class Worker:
    """Any number of `run` may go on side by side."""

    def __init__(
        self,
        cache: Cache,
        queue: Queue[Key],
        writer: Writer,
        upward: Upward,
        telling: Telling,
        knowledge: Knowledge,
        metrics: OperatorMetrics,
        manager: str,
        resync_seconds: float,
    ) -> None:
        self._cache = cache
        self._queue = queue
        self._writer = writer
        self._upward = upward
        self._telling = telling
        self._knows = knowledge
        self._metrics = metrics
        self._manager = manager
        self._resync_seconds = resync_seconds
        self._failures: dict[Key, int] = {}
        self._problems: dict[Key, str] = {}

    async def run(self) -> None:
        """Look at what the queue gives, for ever."""
        while True:
            key = await self._queue.get()
            began = time.perf_counter()
            try:
                outcome = await self._look(key)
                self._failures.pop(key, None)
            except TiermeshError as error:
                outcome = "failed"
                self._retry(key, str(error), error.code is Code.CONFLICT)
            except Exception:
                outcome = "failed"
                logger.exception("a look failed in a way that it should not", extra={"fields": {"resource": str(key)}})
                self._retry(key, "a bug", False)
            finally:
                self._queue.done(key)
            self._metrics.reconciles.labels(key.kind, outcome).inc()
            self._metrics.reconcile_seconds.labels(key.kind).observe(time.perf_counter() - began)

    def _retry(self, key: Key, why: str, usual: bool) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        seconds = min(FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 10), LONGEST_RETRY_SECONDS)
        fields = {"resource": str(key), "why": why, "retry_seconds": seconds}
        logger.log(logging.DEBUG if usual else logging.WARNING, "a look failed", extra={"fields": fields})
        self._queue.add(key, seconds)

    async def _look(self, key: Key) -> str:
        resource = self._cache.resource(key)
        if resource is None:
            self._forget(key)
            return "unchanged"
        self._note(resource)
        patch = reconcile(resource, self._observed(resource), self._manager)
        self._note_readiness(resource, patch)
        self._queue.add(key, patch.again_seconds or self._resync_seconds)
        await self._carry_out(resource, patch)
        return "written" if patch.writes else "unchanged"

    def _observed(self, resource: Resource) -> Observed:
        knows, key = self._knows, resource.key
        return Observed(
            now=datetime.now(UTC),
            offers=knows.offers,
            site=knows.site,
            patience_seconds=knows.patience_seconds,
            children=self._cache.children(resource.uid),
            policy=self._policy(key),
            beside=self._beside(resource),
            served=knows.served,
            standing=self._upward.standing(key),
            presence=knows.presence,
            progress=knows.progress.get(key),
            problem=self._problems.get(key),
        )

    def _policy(self, key: Key) -> ScalingPolicy | None:
        """The first that reads well, by name: a second one is refused upwards."""
        if key.kind != "Model":
            return None
        for one in self._cache.policies(key):
            self._knows.users.setdefault(one, set()).add(key)  # it may name another Model later
            found = self._cache.resource(one)
            if found is not None and found.deleting_since is None and not found.suspended:
                try:
                    document = found.document()
                except TiermeshError:
                    continue
                assert isinstance(document, ScalingPolicy)  # it has the key of one
                return document
        return None

    def _beside(self, resource: Resource) -> dict[str, Model]:
        found = {}
        for key in _named(resource):
            other = self._cache.resource(key)
            if other is not None:
                try:
                    document = other.document()
                except TiermeshError:
                    continue
                assert isinstance(document, Model)  # it has the key of one
                found[key.name] = document
        return found

    def _note(self, resource: Resource) -> None:
        for key in _named(resource):
            self._knows.users.setdefault(key, set()).add(resource.key)
        sources = [resource.spec, *(resource.spec.get("adapters") or ())]
        if any(str(one.get("source", "")).startswith("models:") for one in sources):
            self._knows.referring.add(resource.key)

    def _note_readiness(self, resource: Resource, patch: Patch) -> None:
        conditions = (patch.status or resource.status).get("conditions", ())
        ready = any(one["type"] == Type.READY and one["status"] == State.TRUE for one in conditions)
        (self._knows.unready.discard if ready else self._knows.unready.add)(resource.key)

    async def _carry_out(self, resource: Resource, patch: Patch) -> None:
        key = resource.key
        try:
            if patch.hold:
                self._cache.put(await self._writer.hold(resource))
            problem = await self._write_children(resource, patch)
            if patch.withdraw:
                self._upward.want(key, None)
            elif patch.send is not None and not (problem and problem != self._problems.get(key)):
                self._upward.want(key, patch.send)  # what was refused just now is considered first
            if patch.status is not None:
                self._cache.put(await self._writer.write_status(resource, patch.status))
            for happening in patch.happenings:
                if problem is None or happening.reason not in DONE:
                    self._telling.tell(resource, happening)
            if patch.release:
                await self._writer.release(resource)
        except TiermeshError as error:
            if error.code in (Code.NOT_FOUND, Code.CONFLICT):
                await self._check(resource)
            raise
        if problem != self._problems.get(key):
            self._queue.add(key)  # its status is to say so
        self._problems.pop(key, None)
        if problem is not None:
            self._problems[key] = problem
            raise TiermeshError(Code.INVALID_DOCUMENT, problem)

    async def _write_children(self, resource: Resource, patch: Patch) -> str | None:
        """Write and delete; what the API server refuses is returned, since everything else can be done all the same."""
        known = {child_key(child) for child in self._cache.children(resource.uid)}
        problems = [await self._write(wanted, child_key(wanted) in known) for wanted in patch.apply]
        problems += [await self._delete(live) for live in patch.prune]
        return " ".join(filter(None, problems)) or None

    async def _write(self, wanted: Object, known: bool) -> str | None:
        """What is not `known` to be a child of the resource may be there all the same, as somebody else's."""
        try:
            found = None if known else await self._writer.find(wanted)
            if found is not None and (why := strangers.whose(found, wanted)):
                return why
            self._cache.put(await self._writer.apply(wanted))
        except TiermeshError as error:
            return _refused(error, wanted, "written")
        return None

    async def _delete(self, live: Object) -> str | None:
        try:
            await self._writer.delete(live)
        except TiermeshError as error:
            return _refused(error, live, "deleted")
        return None

    async def _check(self, resource: Resource) -> None:
        """A custom resource that cannot be written may be gone: kopf misses deletions while it has no connection."""
        key = resource.key
        live = await self._writer.read(API_VERSION, key.kind, key.namespace, key.name)
        if live is None or live["metadata"]["uid"] != resource.uid:
            self._cache.drop(resource.body)
        if live is not None:
            self._cache.put(live)

    def _forget(self, key: Key) -> None:
        """It is gone; its document goes too, where that has not happened yet."""
        standing = self._upward.standing(key)
        if standing is not None and (standing.digest is not None or not standing.accepted):
            self._upward.want(key, None)
        else:
            self._upward.forget(key)
            self._queue.forget(key)
        self._knows.unready.discard(key)
        self._knows.referring.discard(key)
        self._knows.progress.pop(key, None)
        for known in (self._failures, self._problems):
            known.pop(key, None)


def _refused(error: TiermeshError, child: Object, what: str) -> str:
    """A sentence for what a person has to do something about. Raises what comes right by itself."""
    if error.code not in _REFUSALS:
        raise error
    return f"{child['kind']} {child['metadata']['name']!r} was not {what}: {error.message}"


def _named(resource: Resource) -> list[Key]:
    """The Models that a Model names."""
    passages = (resource.spec.get("generation") or {}).get("passages") or {}
    name = passages.get("model") if resource.key.kind == "Model" else None
    return [Key("Model", name, resource.key.namespace)] if name else []
