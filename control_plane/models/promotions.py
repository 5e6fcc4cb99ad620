"""Promotions: aliases of model versions, moved here once their gates are passed, and followed where MLflow moves them.

A move is checked against the gates of the Models that follow the alias before anything changes, and published at once.
A protected alias moves when a second person approves, wherever the first one tried.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.approvals import HERE, Approvals, deed, required
from control_plane.following import FOLLOWER, OUTSIDE
from control_plane.models import gates
from control_plane.models.pinning import gates_of
from control_plane.models.registry import ModelRegistry
from control_plane.publisher import Publisher
from control_plane.spec.approvals import Approval
from control_plane.spec.documents import parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.uris import Reference, reference
from control_plane.spec.versions import GateInForce, ModelVersion, Promoted, Promotion
from control_plane.store import audit, model_pins, revisions
from control_plane.store.model_pins import ModelPin
from control_plane.store.provenance import Origin, Provenance

logger = logging.getLogger(__name__)

KIND = "model-alias"
"""Of the requests that a protected alias's moves are."""


@dataclass(frozen=True, slots=True)
class Promotions:
    """What the aliases of model versions stand for."""

    registry: ModelRegistry
    publisher: Publisher
    approvals: Approvals
    protected: frozenset[str]
    reader: gates.Reader = gates.read

    def gates(self, name: str) -> list[GateInForce]:
        """What the Models in force ask of a registered model's versions."""
        with self.publisher.database.read() as transaction:
            heads = revisions.heads(transaction, "Model").values()
        return gates_of([parse(head.document) for head in heads if head.document is not None], name)

    def promote(
        self, name: str, version: int, alias: str, author: str, reason: str = "", origin: Origin = HERE
    ) -> Promoted:
        """Let an alias stand for a version, and publish it.

        Raises TiermeshError: NOT_FOUND; CONFLICT that names the failing questions where a gate is not passed;
        INVALID_DOCUMENT where a Rollout that follows the alias finds its place taken; APPROVAL_REQUIRED with the
        request's number where the alias is protected.
        """
        found, passed, before = self._checked(name, version, alias)
        if alias in self.protected and before != version:
            raise required(self._ask(name, alias, version, before, author, reason, origin))
        return self._carry_out(found, alias, before, passed, _By(author, None, reason, origin))

    def approved(self, subject: Mapping[str, Any], author: str, reason: str, origin: Origin = HERE) -> None:
        """A move that waited for a second person. Raises as `promote`, CONFLICT where the alias moved meanwhile."""
        name, alias, version = subject["name"], subject["alias"], subject["version"]
        found, passed, before = self._checked(name, version, alias)
        if before not in (subject["before"], version):
            message = f"Alias {alias!r} of model {name!r} stands for version {before} by now."
            raise TiermeshError(Code.CONFLICT, message, "Reject the request, and ask anew.")
        self._carry_out(found, alias, before, passed, _By(subject["by"], author, reason, origin))

    def follow(self) -> int:
        """Look once at what MLflow says, and publish what has changed there. Returns how many references moved.

        What may not be served is noted and left, once. Raises TiermeshError(UNAVAILABLE).
        """
        with self.publisher.database.read() as transaction:
            stored = list(model_pins.read(transaction).values())
        return sum([self._followed(pin, said) for pin in stored if (said := reference(pin.reference)) and said.alias])

    def _followed(self, pin: ModelPin, said: Reference) -> bool:
        assert said.alias is not None  # `follow` looks at no others
        try:
            version = self.registry.version(said.name, said.alias)
        except TiermeshError as error:
            if error.code is Code.UNAVAILABLE:
                raise
            self._note(pin, pin.observed, error.message)
            return False
        if version.version == pin.observed:
            if pin.problem and version.version == pin.model.version:
                self._note(pin, version.version, None)
            return False
        why = f"alias {said.alias!r} of model {said.name!r} stands for version {version.version} in MLflow"
        try:
            self._check(version, said.alias)
            if said.alias in self.protected:
                asked = self._ask(said.name, said.alias, version.version, pin.model.version, OUTSIDE, why)
                self._note(pin, version.version, f"{why}: request {asked.id} waits for a second person")
                return False
            return self.publisher.repin_models(_pins(version, said.alias), FOLLOWER, why).published
        except TiermeshError as error:
            if error.code is Code.UNAVAILABLE:
                raise
            self._note(pin, version.version, f"{why}, and may not be served: {error.message}")
            return False

    def _checked(self, name: str, version: int, alias: str) -> tuple[ModelVersion, list[GateInForce], int | None]:
        known = self.registry.model(name)
        found = self.registry.version(name, version)
        passed = self._check(found, alias)
        self.publisher.repin_models(_pins(found, alias), FOLLOWER, "", dry_run=True)
        return found, passed, known.aliases.get(alias)

    def _check(self, version: ModelVersion, alias: str) -> list[GateInForce]:
        """The gates that it passed. Raises TiermeshError(CONFLICT) at the first that it does not."""
        passed = [gate for gate in self.gates(version.name) if gate.alias == alias]
        for gate in passed:
            gates.check(version, gate, self.reader)
        return passed

    def audit(self, action: str, what: str, author: str, reason: str, origin: Origin) -> None:
        """Write down what was done in MLflow."""
        by = Provenance(author, reason, self.publisher.now(), origin)
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
        subject = {"name": name, "alias": alias, "version": version, "before": before, "by": author}
        since = f"from version {before} " if before else ""
        summary = f"Move alias {alias!r} of model {name!r} {since}to version {version}"
        return self.approvals.request(KIND, subject, summary, author, reason, origin)

    def _carry_out(
        self, found: ModelVersion, alias: str, before: int | None, passed: list[GateInForce], by: "_By"
    ) -> Promoted:
        name, version = found.name, found.version
        if before != version:
            at = self.publisher.now()
            promotion = Promotion(alias=alias, by=by.author, approvedBy=by.approver, reason=by.reason, at=at)
            self.registry.promote(name, version, promotion)
            moved = f"{name}@{alias} from {before or 'none'} to {version}"
            self.audit("model promote", moved, by.approver or by.author, by.reason, by.origin)
        why = by.reason or f"alias {alias!r} of model {name!r} moved to version {version}"
        applied = self.publisher.repin_models(_pins(found, alias), by.approver or by.author, why, origin=by.origin)
        return Promoted(
            name=name,
            alias=alias,
            version=version,
            before=before,
            gates=tuple(sorted({gate.model for gate in passed})),
            snapshot=applied.snapshot,
            published=applied.published,
            rollouts=applied.rollouts,
        )

    def _note(self, pin: ModelPin, observed: int, problem: str | None) -> None:
        if (pin.observed, pin.problem) == (observed, problem):
            return
        fields = {"reference": pin.reference, "why": problem}
        logger.warning("a model is not followed" if problem else "a model is followed again", extra={"fields": fields})
        with self.publisher.database.write() as transaction:
            model_pins.observe(transaction, pin.reference, observed, problem)


@dataclass(frozen=True, slots=True)
class _By:
    """Who moves an alias."""

    author: str
    approver: str | None
    reason: str
    origin: Origin


def _pins(found: ModelVersion, alias: str) -> dict[str, ModelPin]:
    """What an alias stands for from now on."""
    name = str(Reference(found.name, alias))
    return {name: ModelPin(reference=name, model=found.pinned, observed=found.version)}
