"""Approvals: changes that one person asks for and another carries out by approving them.

What a kind of change does is given by who registers it: an alias's move, a version's promotion.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from control_plane.spec.approvals import Approval, State
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.store import approvals
from control_plane.store.database import Database
from control_plane.store.provenance import Provenance

Action = Callable[[Mapping[str, Any], str, str], None]
"""Carries a subject out, by an author, for a reason. Done twice it does no more than once."""


class Approvals:
    """The requests. Safe for several threads and processes."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = database
        self._now = now
        self._actions: dict[str, Action] = {}
        self._deciding = threading.Lock()

    def register(self, kind: str, action: Action) -> None:
        """Say what approving a kind of request does."""
        self._actions[kind] = action

    def request(self, kind: str, subject: dict[str, Any], summary: str, author: str, reason: str) -> Approval:
        """Ask for a change; asking for the same twice asks once."""
        with self.database.write() as transaction:
            return approvals.request(transaction, kind, subject, summary, Provenance(author, reason, self._now()))

    def approve(self, number: int, author: str, reason: str = "") -> Approval:
        """Carry the change out. Where that fails the request goes on waiting.

        Raises TiermeshError: NOT_FOUND, CONFLICT where it is decided, FORBIDDEN for who asked for it, and as the
        change itself.
        """
        with self._deciding:
            found = self._waiting(number)
            if found.requested_by == author:
                message = f"{author!r} has asked for request {number} and cannot approve it."
                raise TiermeshError(Code.FORBIDDEN, message, "Ask a second person to approve it.")
            self._actions[found.kind](found.subject, author, reason or found.reason or found.summary)
            return self._decide(number, State.APPROVED, author, reason)

    def reject(self, number: int, author: str, reason: str = "") -> Approval:
        """Leave everything as it is; who asked may take it back in this way too.

        Raises TiermeshError: NOT_FOUND, CONFLICT where it is decided.
        """
        with self._deciding:
            self._waiting(number)
            return self._decide(number, State.REJECTED, author, reason)

    def _waiting(self, number: int) -> Approval:
        with self.database.read() as transaction:
            found = approvals.get(transaction, number)
        if found is None:
            hint = "'tiermesh approval list' shows those there are."
            raise TiermeshError(Code.NOT_FOUND, f"There is no request {number}.", hint)
        if found.state is not State.PENDING:
            raise _decided(found)
        return found

    def _decide(self, number: int, state: State, author: str, reason: str) -> Approval:
        with self.database.write() as transaction:
            first = approvals.decide(transaction, number, state, Provenance(author, reason, self._now()))
            found = approvals.get(transaction, number)
        assert found is not None
        if not first:  # another control plane was faster
            raise _decided(found)
        return found


def required(asked: Approval) -> TiermeshError:
    """The error that tells who asks that somebody else has to decide."""
    return TiermeshError(
        Code.APPROVAL_REQUIRED,
        f"{asked.summary}: a second person has to approve it; it is request {asked.id}.",
        f"Ask somebody for 'tiermesh approval approve {asked.id}'.",
        errors=(FieldError("approval", str(asked.id)),),
    )


def _decided(found: Approval) -> TiermeshError:
    message = f"Request {found.id} was {found.state.value} by {found.decided_by!r} already."
    return TiermeshError(Code.CONFLICT, message, "Ask for the change again if it is still wanted.")
