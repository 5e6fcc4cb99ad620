"""The witness: writes down what was refused, before the caller reads it."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane.api.callers import caller_of
from control_plane.api.problems import noted
from control_plane.spec.audit import Deed
from control_plane.spec.errors import TiermeshError
from control_plane.store import audit
from control_plane.store.database import Database
from control_plane.tallies import Tallies

logger = logging.getLogger(__name__)

_NOT_ALLOWED = (401, 403)
_NOT_DONE = (409, 422)
"""Refusals of a change, not of a person."""


class Witness:
    """Writes refusals down: each kind at once, and its repetitions when `count` is called. Belongs to one event loop.

    Where the database does not take it the refusal stands all the same, and the log says so.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tallies = Tallies()

    async def note(self, scope: Scope, error: TiermeshError) -> None:
        """Write a refusal down, if it is one that the audit holds."""
        if error.status in _NOT_ALLOWED or (error.status in _NOT_DONE and _would_change(scope)):
            first = self._tallies.note(_deed(scope, error))
            if first is not None:
                await self._write([first])

    async def count(self, ending: bool = False) -> None:
        """Write down how often refusals came again whose window has ended; all of them where the process ends."""
        await self._write(self._tallies.due(None if ending else datetime.now(UTC)))

    async def _write(self, deeds: list[Deed]) -> None:
        if not deeds:
            return
        try:
            await run_in_threadpool(self._append, deeds)
        except TiermeshError as error:
            logger.error("refusals not audited", extra={"fields": {"count": len(deeds), "error": str(error)}})

    def _append(self, deeds: Iterable[Deed]) -> None:
        with self._database.write() as transaction:
            for deed in deeds:
                audit.append(transaction, deed)


class Witnessed:
    """ASGI middleware: a refusal is written down before it is answered."""

    def __init__(self, app: ASGIApp, witness: Witness) -> None:
        self._app = app
        self._witness = witness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and look at why it was refused, if it was."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and (error := noted(scope)) is not None:
                await self._witness.note(scope, error)
            await send(message)

        await self._app(scope, receive, watched)


def _would_change(scope: Scope) -> bool:
    """Whether a request is one for a change, and not a dry run of one."""
    return scope["method"] not in ("GET", "HEAD") and Request(scope).query_params.get("dryRun") != "true"


def _deed(scope: Scope, error: TiermeshError) -> Deed:
    caller = caller_of(scope)
    peer = scope.get("client")
    path = scope["path"]
    return Deed(
        at=datetime.now(UTC),
        who=caller.name if caller else "",
        via=caller.via if caller else "",
        address=peer[0] if peer else "",
        action=f"{scope['method']} {getattr(scope.get('route'), 'path', path)}",
        what=(path, error.message),
        outcome=error.code,
    )
