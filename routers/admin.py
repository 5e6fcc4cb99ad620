"""The admin port: probes, metrics, `explain`, caches, and why an answer was given. For operators, never for callers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator

import orjson
from pydantic import ValidationError

from control_plane.spec.base import Spec, nearest
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import CompiledRouter
from routers import replay
from routers.caches import Caches
from routers.decision import Decision
from routers.estimate import Estimate
from routers.evidence import Evidence
from routers.handler import Explained, Router
from routers.http import Headers, Reply, Request
from routers.pipeline import MAX_NAME_CHARACTERS, MAX_NAMES
from routers.protocols import openai
from routers.slices import Steps, in_slices
from routers.tenants import DEFAULT

_LOG = logging.getLogger(__name__)

_TEXT = b"content-type: text/plain; charset=utf-8\r\n"
_DECISIONS, _SNAPSHOTS = "/decisions/", "/snapshots/"
_METRICS = b"content-type: text/plain; version=0.0.4; charset=utf-8\r\n"
_TENANT = b"x-tiermesh-tenant"


class Purge(Spec):
    """Which answers to forget."""

    route: str | None
    """A Route's, by its document's name; null: all."""


class Admin:
    """A `routers.http.Handler` for the admin port."""

    def __init__(
        self,
        router: Router,
        exposition: Callable[[], Iterator[str]],
        draining: Callable[[], bool],
        evidence: Evidence | None = None,
        nothing_published: Callable[[], bool] = lambda: False,
        caches: Caches | None = None,
    ) -> None:
        """`evidence` and `caches` are None where nothing is written down, or kept. Where `nothing_published` a router
        is ready without a snapshot: a new mesh would otherwise not be installed before it is used."""
        self._router = router
        self._exposition = exposition
        self._draining = draining
        self._evidence = evidence
        self._nothing_published = nothing_published
        self._caches = caches
        self._later: set[asyncio.Future[None]] = set()
        """Kept, since the event loop itself does not keep them."""

    def __call__(self, request: Request, reply: Reply) -> None:
        """Answer one request."""
        try:
            self._answer(request, reply)
        except TiermeshError as error:
            self.refuse(error, reply)
        except Exception:  # noqa: BLE001 - the outermost handler: the caller must hear of a bug too
            self._fail(reply)

    def _fail(self, reply: Reply) -> None:
        _LOG.exception("A request to the admin port failed in a way that it should not.")
        self.refuse(TiermeshError(Code.INTERNAL, "The router failed.", "Look at its log."), reply)

    def refuse(self, error: TiermeshError, reply: Reply) -> None:
        """Answer with an error."""
        reply.send(error.status, *openai.DIALECT.error(error))

    def _answer(self, request: Request, reply: Reply) -> None:
        if request.method == b"GET" and self._evidence is not None:
            for prefix, found in ((_DECISIONS, self._evidence.decisions), (_SNAPSHOTS, self._evidence.snapshot)):
                if request.path.startswith(prefix):
                    reply.send(200, openai.JSON, found(request.path.removeprefix(prefix)))
                    return
        match request.path:
            case "/livez":
                reply.send(200, _TEXT, b"ok\n")
            case "/readyz":
                reason = self._not_ready()
                reply.send(503 if reason else 200, _TEXT, (reason or "ok").encode() + b"\n")
            case "/metrics":
                self._in_a_while(self._expose(), reply, _METRICS)
            case "/explain" if request.method == b"POST":
                self._in_a_while(self._explain(request), reply)
            case "/cache" if request.method == b"GET" and self._caches is not None:
                self._in_a_while(_as_json(self._caches.standings()), reply)
            case "/cache/purge" if request.method == b"POST" and self._caches is not None:
                self._in_a_while(_as_json(self._caches.purge(self._purged(request))), reply)
            case "/replay" if request.method == b"POST":
                reply.send(200, openai.JSON, replay.replay(replay.read(request.body)).as_json())
            case _:
                hint = f"Here are GET /livez, /readyz, /metrics, /cache, {_DECISIONS}ID, {_SNAPSHOTS}NUMBER; "
                hint += "POST /explain, /replay and /cache/purge."
                raise TiermeshError(Code.NOT_FOUND, f"There is nothing at {request.path[:200]!r}.", hint)

    async def _explain(self, request: Request) -> bytes:
        explained = await self._router.explain(request, self._tenant(request))
        told = explanation(explained)
        if self._caches is not None and explained.decision.match.route.semantic is not None:
            told["semantic"] = await self._caches.explain(explained.call, explained.decision.match)
        return orjson.dumps(told)

    def _tenant(self, request: Request) -> str:
        """For whom a request is to be explained: the operator may ask for anybody. Raises TiermeshError(NOT_FOUND)."""
        given, runtime = request.headers.get(_TENANT), self._router.runtime
        if given is None or runtime is None:
            return DEFAULT.name
        name, known = given.decode(errors="replace"), runtime.tenants or {DEFAULT.name: DEFAULT}
        if name not in known:
            raise _unknown("Tenant", name, known)
        return name

    def _purged(self, request: Request) -> str | None:
        # No page that an operator's browser shows can send this type to another site unasked.
        if request.headers.get(b"content-type", b"").split(b";")[0].strip() != b"application/json":
            raise TiermeshError(Code.INVALID_REQUEST, "A purge is JSON.", "Send content-type: application/json.")
        try:
            route = Purge.model_validate_json(request.body).route
        except ValidationError as error:
            hint = 'Write {"route": "NAME"}, or {"route": null} for all.'
            raise TiermeshError(Code.INVALID_REQUEST, "The body does not say what to purge.", hint) from error
        runtime = self._router.runtime
        known = [] if runtime is None else [known.name for known in runtime.routes.values()]
        if route is not None and route not in known:
            raise _unknown("Route", route, known)
        return route

    def _in_a_while(self, answer: Awaitable[bytes], reply: Reply, headers: Headers = openai.JSON) -> None:
        async def send() -> None:
            try:
                reply.send(200, headers, await answer)
            except TiermeshError as error:
                self.refuse(error, reply)
            except Exception:  # noqa: BLE001 - the outermost handler of what outlives the call that began it
                self._fail(reply)

        self._later.add(sending := asyncio.ensure_future(send()))
        sending.add_done_callback(self._later.discard)

    async def _expose(self) -> bytes:
        return "".join(await in_slices(_gathered(self._exposition()))).encode()

    def _not_ready(self) -> str | None:
        if self._draining():
            return "draining: this router is stopping"
        if self._router.runtime is None and not self._nothing_published():
            return "no snapshot yet: waiting for the control plane or the configuration file"
        return None


def _gathered(pieces: Iterator[str]) -> Steps[list[str]]:
    """All pieces, one a step."""
    gathered = []
    for piece in pieces:
        gathered.append(piece)
        yield
    return gathered


def _assignments(decision: Decision) -> list[dict[str, object]]:
    rulings = [seen.ruling for seen in decision.match.assignment or ()]
    return [{"trial": ruling.trial, "arm": ruling.arm, "why": ruling.reason.code} for ruling in rulings]


async def _as_json(told: Awaitable[object]) -> bytes:
    return orjson.dumps(await told)


def _unknown(what: str, name: str, known: Collection[str]) -> TiermeshError:
    near = nearest(name[:MAX_NAME_CHARACTERS], list(known)[:MAX_NAMES])
    hint = f"Did you mean {near!r}?" if near else f"There are {len(known)}."
    return TiermeshError(Code.NOT_FOUND, f"There is no {what} {name[:MAX_NAME_CHARACTERS]!r}.", hint)


def _contract(router: CompiledRouter) -> str | None:
    """What is promised and how that stands, in words."""
    if router.contract is None:
        return None
    terms = f"at most {router.contract.max_quality_loss:g} lost, {router.contract.confidence:.0%} sure"
    return f"{terms}; broken" if router.broken else terms


def explanation(explained: Explained) -> dict[str, object]:
    """A decision in words and numbers, and how the Route is doing."""
    decision = explained.decision
    route, score, learned = decision.match.route, decision.score, dict[str, object]()
    if route.router is not None and isinstance(score, Estimate):
        learned = {"router": route.router.artifact, "gain": score.gain, "threshold": route.router.threshold}
        learned["contract"] = _contract(route.router)
    return {
        "route": route.name,
        "revision": route.revision,
        "snapshot": decision.match.snapshot,
        "arm": decision.match.arm,
        "assignments": _assignments(decision),
        "tier": decision.tier.value,
        "score": decision.score.value if decision.score else None,
        "threshold": route.threshold,
        **learned,
        "features": decision.score.pushes if decision.score else {},
        "candidates": [backend.name for backend in decision.candidates],
        "cache": explained.cache,
        "resilience": explained.health,
        "reasons": [reason._asdict() for reason in decision.reasons],
    }
