"""The Open Inference Protocol over HTTP: its paths, and what it answers beside inference."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from enum import StrEnum
from importlib.metadata import version
from typing import Any, NamedTuple

import orjson

from control_plane.spec.errors import Code, TiermeshError
from routers.directory import Directory
from routers.http import Headers, Reply
from routers.protocols import oip_http
from routers.protocols.oip_calls import Target
from routers.runtime import Runtime

PREFIX = "/v2"
EXTENSIONS = ("binary_tensor_data",)
_MODEL = re.compile(r"/v2/models/(?P<model>.+?)(?:/versions/(?P<version>[^/]+))?(?:/(?P<action>infer|ready))?")

Fail = Callable[[Exception], None]
"""Answers with an error."""


class Action(StrEnum):
    """What a path asks for."""

    INFER = "infer"
    SERVER = "server"
    LIVE = "live"
    READY = "ready"
    MODEL = "model"
    MODEL_READY = "model-ready"

    @property
    def probes(self) -> bool:
        """Whether it says nothing but that the router is there: then who asks does not matter."""
        return self in (Action.LIVE, Action.READY)


_SERVER = {"/v2": Action.SERVER, "/v2/health/live": Action.LIVE, "/v2/health/ready": Action.READY}
_OF_MODEL = {None: Action.MODEL, "infer": Action.INFER, "ready": Action.MODEL_READY}


class Asked(NamedTuple):
    """A path, read."""

    action: Action
    target: Target
    """Empty where the action is about the server."""

    @property
    def method(self) -> bytes:
        """What the path takes."""
        return b"POST" if self.action is Action.INFER else b"GET"


def parse(path: str) -> Asked:
    """Read a path. Names may hold slashes. Raises TiermeshError(NOT_FOUND)."""
    if action := _SERVER.get(path.rstrip("/")):
        return Asked(action, Target(""))
    found = _MODEL.fullmatch(path)
    if found is None:
        hint = f"Paths here: {', '.join(_SERVER)}, /v2/models/NAME[/versions/VERSION][/ready], …/infer."
        raise TiermeshError(Code.NOT_FOUND, f"There is nothing at {path[:200]!r}.", hint)
    return Asked(_OF_MODEL[found["action"]], Target(found["model"], found["version"] or ""))


class Inference:
    """Answers all but inference."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._about = {"name": "tiermesh", "version": version("tiermesh"), "extensions": EXTENSIONS}
        self._tasks: set[asyncio.Task[None]] = set()

    def probe(self, action: Action, runtime: Runtime | None, reply: Reply, headers: Headers) -> None:
        """Whether the router is alive, or ready. Raises TiermeshError(UNAVAILABLE) where it is not ready."""
        if action is Action.READY and runtime is None:
            message, hint = "The router has no snapshot yet.", "Try again in a moment."
            raise TiermeshError(Code.UNAVAILABLE, message, hint, retry_after_seconds=2)
        reply.send(200, oip_http.JSON + headers, orjson.dumps({action.value: True}))

    def answer(self, asked: Asked, runtime: Runtime, reply: Reply, headers: Headers, fail: Fail) -> None:
        """Answer now or, where Models have to be asked, later; `fail` hears of what goes wrong then."""
        if asked.action is Action.SERVER:
            reply.send(200, oip_http.JSON + headers, orjson.dumps(self._about))
        elif asked.action is Action.MODEL:
            self._later(self._metadata(asked.target, runtime, reply, headers), reply, fail)
        else:
            self._later(self._ready(asked.target, runtime, reply, headers), reply, fail)

    async def _metadata(self, target: Target, runtime: Runtime, reply: Reply, headers: Headers) -> None:
        found = await self._directory.metadata(target, runtime)
        reply.send(200, oip_http.JSON + headers, oip_http.render_metadata(found))

    async def _ready(self, target: Target, runtime: Runtime, reply: Reply, headers: Headers) -> None:
        if not await self._directory.ready(target, runtime):
            hint = "Try again in a moment; `tiermesh status` shows what runs."
            raise TiermeshError(Code.UNAVAILABLE, f"No Model of {target.model!r} is ready.", hint)
        reply.send(200, oip_http.JSON + headers, orjson.dumps({"name": target.model, "ready": True}))

    def _later(self, answering: Coroutine[Any, Any, None], reply: Reply, fail: Fail) -> None:
        task = asyncio.get_running_loop().create_task(answering)
        self._tasks.add(task)  # the loop itself holds tasks weakly

        def leave() -> None:
            task.cancel()

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            reply.on_disconnect = None
            if not task.cancelled() and isinstance(error := task.exception(), Exception):
                fail(error)

        reply.on_disconnect = leave
        task.add_done_callback(done)
