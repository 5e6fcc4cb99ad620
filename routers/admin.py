"""The admin port: probes, metrics, `explain`, and why an answer was given. For operators, never for callers."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import orjson

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import CompiledRouter
from routers import replay
from routers.decision import Decision
from routers.estimate import Estimate
from routers.evidence import Evidence
from routers.handler import Router
from routers.http import Reply, Request
from routers.protocols import openai
from routers.slices import Steps, in_slices

_LOG = logging.getLogger(__name__)

_TEXT = b"content-type: text/plain; charset=utf-8\r\n"
_DECISIONS, _SNAPSHOTS = "/decisions/", "/snapshots/"
_METRICS = b"content-type: text/plain; version=0.0.4; charset=utf-8\r\n"


class Admin:
    """A `routers.http.Handler` for the admin port."""

    def __init__(
        self,
        router: Router,
        exposition: Callable[[], Iterator[str]],
        draining: Callable[[], bool],
        evidence: Evidence | None = None,
        nothing_published: Callable[[], bool] = lambda: False,
    ) -> None:
        """`evidence` is None where nothing is written down. Where `nothing_published` a router is ready without a
        snapshot: a new mesh would otherwise not be installed before it is used."""
        self._router = router
        self._exposition = exposition
        self._draining = draining
        self._evidence = evidence
        self._nothing_published = nothing_published
        self._under_way: set[asyncio.Future[None]] = set()
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
                self._later(self._expose(reply))
            case "/explain" if request.method == b"POST":
                self._later(self._explain(request, reply))
            case "/replay" if request.method == b"POST":
                reply.send(200, openai.JSON, replay.replay(replay.read(request.body)).as_json())
            case _:
                hint = f"Here are GET /livez, /readyz, /metrics, {_DECISIONS}ID, {_SNAPSHOTS}NUMBER; "
                hint += "POST /explain and /replay."
                raise TiermeshError(Code.NOT_FOUND, f"There is nothing at {request.path[:200]!r}.", hint)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        self._under_way.add(task := asyncio.ensure_future(work))
        task.add_done_callback(self._under_way.discard)

    async def _explain(self, request: Request, reply: Reply) -> None:
        try:
            reply.send(200, openai.JSON, orjson.dumps(explanation(*await self._router.explain(request))))
        except TiermeshError as error:
            self.refuse(error, reply)
        except Exception:  # noqa: BLE001 - the outermost handler of what outlives the call that began it
            self._fail(reply)

    async def _expose(self, reply: Reply) -> None:
        try:
            reply.send(200, _METRICS, "".join(await in_slices(_gathered(self._exposition()))).encode())
        except Exception:  # noqa: BLE001 - the outermost handler of a scrape, which outlives the call that began it
            self._fail(reply)

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


def _contract(router: CompiledRouter) -> str | None:
    """What is promised and how that stands, in words."""
    if router.contract is None:
        return None
    terms = f"at most {router.contract.max_quality_loss:g} lost, {router.contract.confidence:.0%} sure"
    return f"{terms}; broken" if router.broken else terms


def explanation(decision: Decision, cache: str, health: dict[str, object]) -> dict[str, object]:
    """A decision in words and numbers, and how the Route is doing."""
    route, score, learned = decision.match.route, decision.score, {}
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
        "cache": cache,
        "resilience": health,
        "reasons": [reason._asdict() for reason in decision.reasons],
    }
