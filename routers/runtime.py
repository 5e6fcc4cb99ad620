"""Runtime: a snapshot made ready to serve. Immutable; a router swaps it by one assignment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from control_plane.spec import snapshots
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Modality, Operation, Protocol, Tier
from control_plane.spec.names import named_by
from control_plane.spec.resilience import Resilience
from control_plane.spec.routes import SemanticCache
from control_plane.spec.snapshots import SCHEMA_VERSION, CompiledPrice, CompiledRouter, Snapshot
from routers.assignment import Trial
from routers.authentication import Keys
from routers.judge import Judge
from routers.learning.gain import GainModel
from routers.prompting import Prompt
from routers.reading import Found
from routers.reasons import Reason
from routers.sampling import Sampling
from routers.shelf import Shelf
from routers.slices import Steps, at_once
from routers.tenants import Tenant
from routers.upstream import Origin

_PATHS = {
    Operation.CHAT: "chat/completions",
    Operation.COMPLETIONS: "completions",
    Operation.EMBEDDINGS: "embeddings",
}


JSON = b"content-type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a Model: where it is, and the head of a request to it."""

    url: str
    origin: Origin
    heads: Mapping[Operation, bytes]
    """The request line and fixed headers, for each operation the Model can do."""

    def request(self, operation: Operation, request_id: str, body: bytes, headers: bytes = JSON) -> bytes:
        """A whole HTTP request; `headers` say what the body is. Of the caller's own none goes on: its key is for the
        mesh, not for the model."""
        head = b"%b%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n"
        return head % (self.heads[operation], headers, request_id.encode(), len(body)) + body


@dataclass(frozen=True, slots=True)
class Backend:
    """A Model that answers."""

    name: str
    version: str
    tier: Tier
    protocol: Protocol
    served_name: str
    operations: frozenset[Operation]
    modalities: frozenset[Modality]
    endpoints: tuple[Endpoint, ...]
    """Its replicas: equal but for where they are."""
    authorization: str | None
    """The header's value that its key makes."""
    price: CompiledPrice


@dataclass(frozen=True, slots=True)
class Route:
    """A Route with its Models at hand."""

    name: str
    model: str
    revision: str
    light: Mapping[Operation, tuple[Backend, ...]]
    heavy: Mapping[Operation, tuple[Backend, ...]]
    """The Models of a tier that can do an operation, in the order in which they are tried."""
    threshold: float
    """Of the score, where there is no `router`."""
    cache_ttl_seconds: float | None
    semantic: SemanticCache | None
    referee: Backend | None
    """The Model that compares answers for the semantic cache, where one does."""
    deadline_seconds: float
    resilience: Resilience
    fallbacks: Mapping[Operation, tuple[Backend, ...]]
    """Models that are tried after all others."""
    backends: tuple[Backend, ...]
    """All Models that may answer, in any arm."""
    shadow: Backend | None
    """The Model that sees a share of the requests, and answers none."""
    headers: str
    """What every answer's headers say of the Route."""
    reasons: tuple[Reason, ...]
    """Why a request is answered by it."""
    prompt: Prompt | None = None
    """What stands before what its callers say."""
    sampling: Sampling | None = None
    """What is drawn otherwise than callers say; only arms have it."""
    armed: "Armed | None" = None
    """What assigns arms to its requests."""
    judges: tuple[Judge, ...] = ()
    """Who marks a sample of its answers; only a Route as it answers in some arms has them."""
    base: "Route | None" = None
    """Of a Route as it answers in some arms: the Route itself, whose state it shares."""
    router: CompiledRouter | None = None
    """By which its learned router decides."""
    gains: GainModel | None = None
    """The learned router itself, where requests are to be answered."""


class Variant(NamedTuple):
    """A Route as it answers in a combination of arms."""

    route: Route
    arm: str
    """`EXPERIMENT=ARM`, joined by commas."""


@dataclass(frozen=True, slots=True)
class Armed:
    """The Experiments and Rollouts of a Route."""

    trials: tuple[Trial, ...]
    models: Mapping[str, Backend]
    """All Models that their arms name, judges among them, and the Route's own."""
    rehearses: bool
    """Whether candidates see copies of requests."""
    judges: tuple[Judge, ...] = ()
    variants: dict[tuple[int, ...], Variant] = field(default_factory=dict, compare=False)
    """By the places of the arms, once a request has been given them."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """All that a request needs to know; captured once, at its start."""

    snapshot: Snapshot
    number: int
    """The snapshot's."""
    routes: Mapping[str, Route]
    """By the `model` that callers write."""
    keys: Keys | None
    """None: there are no Tenants, and whoever reaches the mesh may use it."""
    tenants: Mapping[str, Tenant]
    views: dict[str, "Runtime"] = field(default_factory=dict, compare=False)
    """What the tenants who may not use all Routes see, once they have asked."""

    def seen_by(self, tenant: Tenant) -> "Runtime":
        """The same, with the Routes that a tenant may use: the others do not exist for it."""
        if tenant.routes is None:
            return self
        seen = self.views.get(tenant.name)
        if seen is None:
            allowed = {model: route for model, route in self.routes.items() if route.name in tenant.routes}
            seen = self.views[tenant.name] = replace(self, routes=MappingProxyType(allowed), views={})
        return seen

    @classmethod
    def build(
        cls, snapshot: Snapshot, environ: Mapping[str, str] | None = os.environ, shelf: Shelf | None = None
    ) -> "Runtime":
        """Make a snapshot ready; without an `environ` to decide by it, but not to ask Models that need keys.

        Raises TiermeshError(UNAVAILABLE) for a snapshot of another schema, with a wrong hash, that does not hold
        together, or whose keys or learned routers are missing here.
        """
        return at_once(Builder(environ, shelf).build(Found(snapshot)))


class Builder:
    """Makes one snapshot after the other ready. What says the same as in the last one is what it was then."""

    def __init__(self, environ: Mapping[str, str] | None = os.environ, shelf: Shelf | None = None) -> None:
        """`shelf` is needed where Routes have learned routers."""
        self._environ = environ
        self._shelf = shelf or Shelf(None)
        self._backends: dict[str, tuple[snapshots.Backend, Backend]] = {}
        self._routes: dict[str, tuple[snapshots.CompiledRoute, Route]] = {}

    def build(self, found: Found) -> Steps[Runtime]:
        """As `Runtime.build`, a part a step."""
        snapshot, content = found.snapshot, found.snapshot.content
        _check(found)
        try:
            backends: dict[str, tuple[snapshots.Backend, Backend]] = {}
            for said in content.backends:
                known = self._backends.get(said.name)
                same = known is not None and known[0] is said
                backends[said.name] = known if known and same else (said, _backend(said, self._environ))
                yield
            routes: dict[str, tuple[snapshots.CompiledRoute, Route]] = {}
            ready = {name: backend for name, (_, backend) in backends.items()}
            for route in content.routes:
                before = self._routes.get(route.name)
                same = before is not None and before[0] is route and _stands(before[1], ready)
                routes[route.name] = before if before and same else (route, _route(route, ready, self._gains(route)))
                yield
        except (KeyError, ValueError) as error:
            message = f"Snapshot {snapshot.number} names a Model it does not hold, or a URL that is none: {error}."
            raise TiermeshError(Code.UNAVAILABLE, message, "Publish it again.") from error
        self._backends, self._routes = backends, routes
        tenants = {tenant.name: Tenant.of(tenant) for tenant in content.tenants}
        keys = Keys(content.tenants, tenants) if tenants else None
        by_model = MappingProxyType({route.model: route for _, route in routes.values()})
        return Runtime(snapshot, snapshot.number, by_model, keys, MappingProxyType(tenants))

    def _gains(self, route: snapshots.CompiledRoute) -> GainModel | None:
        return None if route.router is None or self._environ is None else self._shelf.model(route.router.artifact)


def _check(found: Found) -> None:
    snapshot = found.snapshot
    if snapshot.schema_version not in (SCHEMA_VERSION, SCHEMA_VERSION - 1):
        message = (
            f"Snapshot {snapshot.number} has schema {snapshot.schema_version}; this router knows {SCHEMA_VERSION}."
        )
        raise TiermeshError(Code.UNAVAILABLE, message, "Upgrade the router.")
    # Of an older control plane, which spells it otherwise, the hash takes a while.
    if not found.verified and not snapshot.has_its_hash:
        message = f"Snapshot {snapshot.number} does not have the hash it claims."
        raise TiermeshError(Code.UNAVAILABLE, message, "Publish it again.")


def _stands(route: Route, backends: Mapping[str, Backend]) -> bool:
    """Whether all Models of a Route are what they were."""
    judges = route.armed.judges if route.armed is not None else ()
    models = route.armed.models.values() if route.armed is not None else ()
    asked = (*filter(None, [route.shadow, route.referee]), *(judge.backend for judge in judges))
    used = (*route.backends, *models, *asked)
    return all(backends.get(backend.name) is backend for backend in used)


def _backend(backend: snapshots.Backend, environ: Mapping[str, str] | None) -> Backend:
    authorization = _authorization(backend, environ)
    return Backend(
        name=backend.name,
        version=backend.version,
        tier=backend.tier,
        protocol=backend.protocol,
        served_name=backend.served_name,
        operations=backend.operations,
        modalities=backend.modalities,
        endpoints=tuple(_endpoint(backend, url, authorization) for url in backend.urls),
        authorization=authorization,
        price=backend.price,
    )


def _authorization(backend: snapshots.Backend, environ: Mapping[str, str] | None) -> str | None:
    if backend.api_key_from_env is None or environ is None:
        return None
    key = environ.get(backend.api_key_from_env)
    if not key or not key.isprintable():
        message = f"Model {backend.name!r} needs a key in {backend.api_key_from_env}, which this router does not have."
        raise TiermeshError(Code.UNAVAILABLE, message, "Set it in the router's environment and restart the router.")
    return f"Bearer {key}"


def _endpoint(backend: snapshots.Backend, url: str, authorization: str | None) -> Endpoint:
    parts = urlsplit(url)
    lines = f"host: {parts.netloc}\r\n"
    if authorization is not None:
        lines += f"authorization: {authorization}\r\n"
    paths = {**_PATHS, Operation.INFER: f"v2/models/{quote(backend.served_name)}/infer"}
    heads = {
        operation: f"POST {parts.path}/{paths[operation]} HTTP/1.1\r\n{lines}".encode()
        for operation in backend.operations
    }
    return Endpoint(url, Origin.of(url), MappingProxyType(heads))


def _route(route: snapshots.CompiledRoute, backends: Mapping[str, Backend], gains: GainModel | None) -> Route:
    policy = route.resilience
    arms = [arm for trial in route.trials for arm in trial.arms]
    names = [*route.light, *route.heavy, *policy.fallbacks]
    names += [name for arm in arms for name in (arm.light or ()) + (arm.heavy or ())]
    answering = {name: backends[name] for name in names}
    return Route(
        name=route.name,
        model=route.model,
        revision=route.revision,
        light=by_operation(tuple(backends[name] for name in route.light)),
        heavy=by_operation(tuple(backends[name] for name in route.heavy)),
        threshold=route.threshold,
        cache_ttl_seconds=route.cache_ttl_seconds,
        semantic=route.semantic,
        referee=referee(route.name, route.semantic, backends),
        deadline_seconds=route.deadline_seconds,
        resilience=policy,
        fallbacks=by_operation(tuple(backends[name] for name in policy.fallbacks)),
        backends=tuple(answering.values()),
        shadow=backends[policy.mirror.model] if policy.mirror else None,
        headers=f"x-tiermesh-route: {route.name}\r\nx-tiermesh-revision: {route.revision}\r\n",
        reasons=(Reason("route", f"model {route.model!r} is Route {route.name!r}"),),
        prompt=None if route.prompt is None else Prompt(route.prompt),
        sampling=None if route.sampling is None else Sampling(route.sampling.fields()),
        armed=_armed(route, answering, backends) if route.trials else None,
        router=route.router,
        gains=gains,
    )


def referee(route: str, policy: SemanticCache | None, backends: Mapping[str, Backend]) -> Backend | None:
    """Who compares the answers of a Route, by its qualified name. Raises KeyError where it is not there."""
    return None if policy is None or policy.judge is None else backends[named_by(route, policy.judge)]


def _armed(route: snapshots.CompiledRoute, answering: Mapping[str, Backend], backends: Mapping[str, Backend]) -> Armed:
    trials = route.trials
    judges = tuple(
        Judge.of(judge, trial.key, place, backends[judge.model])
        for place, trial in enumerate(trials)
        for judge in trial.judges
    )
    models = {**answering, **{name: backends[name] for name in route.referees}}
    return Armed(tuple(map(Trial, trials)), models, any(trial.mirror for trial in trials), judges)


def by_operation(tier: tuple[Backend, ...]) -> Mapping[Operation, tuple[Backend, ...]]:
    """The Models of a tier that can do each operation."""
    able = {operation: tuple(backend for backend in tier if operation in backend.operations) for operation in Operation}
    return MappingProxyType(able)
