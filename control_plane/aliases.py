"""Aliases: moving them, and following those who move them in MLflow itself.

A move through here is checked against the Routes that name the alias before anything changes, and published at once. A
protected alias moves when a second person approves, wherever the first one tried.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from control_plane.approvals import HERE, Approvals, deed, required
from control_plane.following import FOLLOWER, OUTSIDE
from control_plane.pinning import pinned
from control_plane.prompts.registry import PromptRegistry
from control_plane.publisher import Publisher
from control_plane.spec.approvals import Approval
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import reference
from control_plane.spec.registry import Known, Moved, PromptVersion
from control_plane.store import audit, pins
from control_plane.store.pins import Pin
from control_plane.store.provenance import Origin, Provenance

logger = logging.getLogger(__name__)

KIND = "prompt-alias"
"""Of the requests that a protected alias's moves are."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """What the aliases of prompts lead to."""

    registry: PromptRegistry
    publisher: Publisher
    approvals: Approvals
    protected: frozenset[str]

    def move(self, name: str, alias: str, version: int, author: str, reason: str = "", origin: Origin = HERE) -> Moved:
        """Let an alias lead to a version, and publish it.

        Raises TiermeshError: NOT_FOUND, INVALID_DOCUMENT where the version does not parse or a Route does not fit it,
        APPROVAL_REQUIRED with the request's number where the alias is protected.
        """
        found = self.registry.version(name, version)
        before = self._before(name, alias)
        self.publisher.repin(_pins(found, alias), author, reason, dry_run=True)
        if alias in self.protected and before != version:
            raise required(self._ask(name, alias, version, before, author, reason, origin))
        return self._carry_out(found, alias, before, author, reason, origin)

    def approved(self, subject: Mapping[str, Any], author: str, reason: str, origin: Origin = HERE) -> None:
        """A move that waited for a second person. Raises as `move`, CONFLICT where the alias moved meanwhile."""
        name, alias, version = subject["name"], subject["alias"], subject["version"]
        found = self.registry.version(name, version)
        before = self._before(name, alias)
        if before not in (subject["before"], version):
            message = f"Alias {alias!r} of prompt {name!r} leads to version {before} by now."
            raise TiermeshError(Code.CONFLICT, message, "Reject the request, and ask anew.")
        self.publisher.repin(_pins(found, alias), author, reason, dry_run=True)
        self._carry_out(found, alias, before, author, reason, origin)

    def follow(self) -> int:
        """Look once at what MLflow says, and publish what has changed there. Returns how many references moved.

        What cannot be used is noted and left, once. Raises TiermeshError(UNAVAILABLE).
        """
        with self.publisher.database.read() as transaction:
            stored = [pin for name, pin in pins.read(transaction).items() if "@" in name]
        if not stored:
            return 0
        known = self.registry.known()
        return sum([self._followed(pin, known) for pin in stored])

    def _followed(self, pin: Pin, known: Mapping[str, Known]) -> bool:
        name, alias = pin.reference.split("@", 1)
        found = known.get(name)
        leads = found.aliases.get(alias) if found else None
        if leads is None:
            self._note(pin, pin.observed, f"alias {alias!r} is gone from MLflow")
            return False
        if leads == pin.observed:
            if pin.problem and leads == pin.prompt.version:
                self._note(pin, leads, None)
            return False
        why = f"alias {alias!r} of prompt {name!r} leads to version {leads} in MLflow"
        try:
            version = self.registry.version(name, leads)
            if alias in self.protected:
                self.publisher.repin(_pins(version, alias), FOLLOWER, why, dry_run=True)
                asked = self._ask(name, alias, leads, pin.prompt.version, OUTSIDE, why)
                self._note(pin, leads, f"{why}: request {asked.id} waits for a second person")
                return False
            return self.publisher.repin(_pins(version, alias), FOLLOWER, why).published
        except TiermeshError as error:
            if error.code is Code.UNAVAILABLE:
                raise
            self._note(pin, leads, f"{why}, and cannot be used: {error.message}")
            return False

    def _note(self, pin: Pin, observed: int, problem: str | None) -> None:
        if (pin.observed, pin.problem) == (observed, problem):
            return
        fields = {"reference": pin.reference, "why": problem}
        logger.warning(
            "a prompt is not followed" if problem else "a prompt is followed again", extra={"fields": fields}
        )
        with self.publisher.database.write() as transaction:
            pins.observe(transaction, pin.reference, observed, problem)

    def _before(self, name: str, alias: str) -> int | None:
        found = self.registry.known().get(name)
        return found.aliases.get(alias) if found else None

    def audit(self, action: str, what: str, author: str, reason: str, origin: Origin) -> None:
        """Write down what was done in MLflow."""
        by = Provenance(author, reason, datetime.now(UTC), origin)
        with self.publisher.database.write() as transaction:
            audit.append(transaction, deed(action, what, by))

    def _ask(
        self,
        name: str,
        alias: str,
        version: int,
        before: int | None,
        author: str,
        reason: str,
        origin: Origin = HERE,
    ) -> Approval:
        subject = {"name": name, "alias": alias, "version": version, "before": before}
        since = f"from version {before} " if before else ""
        summary = f"Move alias {alias!r} of prompt {name!r} {since}to version {version}"
        return self.approvals.request(KIND, subject, summary, author, reason, origin)

    def _carry_out(
        self, found: PromptVersion, alias: str, before: int | None, author: str, reason: str, origin: Origin
    ) -> Moved:
        name, version = found.name, found.version
        if before != version:
            self.registry.move(name, alias, version)
            self.audit("prompt alias", f"{name}@{alias} from {before or 'none'} to {version}", author, reason, origin)
        why = reason or f"alias {alias!r} of prompt {name!r} moved to version {version}"
        applied = self.publisher.repin(_pins(found, alias), author, why, origin=origin)
        moved = {"name": name, "alias": alias, "version": version, "before": before}
        did = {"snapshot": applied.snapshot, "published": applied.published, "rollouts": applied.rollouts}
        return Moved.model_validate(moved | did)


def _pins(found: PromptVersion, alias: str) -> dict[str, Pin]:
    """What an alias stands for from now on."""
    name = reference(found.name, alias)
    return {name: Pin(reference=name, prompt=pinned(found), observed=found.version)}
