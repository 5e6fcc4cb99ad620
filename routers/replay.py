"""Replay: a decision worked out again from what was written down of it, by the code that made it.

Pure: needs no text, no key and no model. What chance and the moment decided (how far the Route was strained, what the
cache held) is taken from the record; all else follows from the record and the snapshot, and must come out the same.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from control_plane.spec.base import Spec
from control_plane.spec.decisions import DecisionRecord
from control_plane.spec.documents import field_errors
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from control_plane.spec.snapshots import Snapshot
from routers import complexity, estimate
from routers.assignment import Assignment, Seen
from routers.complexity import Score
from routers.decision import Decision, Match
from routers.estimate import Estimate
from routers.pipeline import choose_by, has_score, lighten, unknown_model, why, why_uncached
from routers.reasons import Reason
from routers.runtime import Armed, Runtime
from routers.variants import ARM, variant_of

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Of a request to work one out: a record, and one Route of a snapshot with its Models."""


class Question(Spec):
    """What to work out again."""

    record: DecisionRecord
    snapshot: Snapshot
    """The one that was in force, or the part of it that `control_plane.spec.decisions.part_of` gives."""


class Difference(NamedTuple):
    """One thing that came out otherwise."""

    what: str
    recorded: object
    recomputed: object


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out."""

    decision: dict[str, Any] | None
    """As `described`; None where there is none any more."""
    differences: tuple[Difference, ...]

    def as_json(self) -> bytes:
        """For whoever asked."""
        different = [difference._asdict() for difference in self.differences]
        return orjson.dumps({"same": not different, "differences": different, "decision": self.decision})


class Traits(NamedTuple):
    """A `routers.decision.Asked` out of a record."""

    operation: Operation
    model: str
    version: str
    fresh: bool


def read(body: bytes) -> Question:
    """What is asked. Raises TiermeshError: BODY_TOO_LARGE, INVALID_REQUEST with the field."""
    if len(body) > MAX_BODY_BYTES:
        message = f"The body has {len(body)} bytes; {MAX_BODY_BYTES} are enough for one record and its Route."
        raise TiermeshError(Code.BODY_TOO_LARGE, message, "Send the part of the snapshot that the Route needs.")
    try:
        return Question.model_validate_json(body)
    except ValidationError as error:
        errors = field_errors(error)
        message = f"The body cannot be replayed: {errors[0].field}: {errors[0].message}."
        hint = "Send {record, snapshot} as the control plane gives them."
        raise TiermeshError(Code.INVALID_REQUEST, message, hint, param=errors[0].field, errors=errors) from error


def replay(question: Question) -> Verdict:
    """Work the decision out again and compare.

    Raises TiermeshError(UNAVAILABLE) where the snapshot cannot be made ready.
    """
    record = question.record
    runtime = Runtime.build(question.snapshot, None)
    recorded = recalled(record)
    try:
        recomputed = described(record, *_decide(record, runtime))
    except TiermeshError as error:
        return Verdict(None, (Difference("decision", "made", str(error)),))
    different = (Difference(what, recorded[what], value) for what, value in recomputed.items())
    return Verdict(recomputed, tuple(one for one in different if one.recorded != one.recomputed))


def recalled(record: DecisionRecord) -> dict[str, Any]:
    """What a record says was decided."""
    choice = record.choice
    return {
        "route": record.route,
        "revision": record.revision,
        "arm": record.arm,
        "tier": choice and choice.tier.value,
        "score": choice and choice.score,
        "candidates": list(choice.candidates) if choice else [],
        "reasons": [step.model_dump() for step in record.steps[: record.decided]],
    }


def described(record: DecisionRecord, match: Match, decision: Decision | None) -> dict[str, Any]:
    """What is decided now, in the same words."""
    score = decision.score if decision else None
    return {
        "route": match.route.name,
        "revision": match.route.revision,
        "arm": match.arm,
        "tier": decision and decision.tier.value,
        "score": score and score.value,
        "candidates": [backend.name for backend in decision.candidates] if decision else [],
        "reasons": [_plain(reason) for reason in (decision.reasons if decision else match.reasons)],
    }


def _decide(record: DecisionRecord, runtime: Runtime) -> tuple[Match, Decision | None]:
    """Raises TiermeshError where the snapshot has no such Route, or none of its Models may be asked."""
    asked = Traits(record.operation, record.model, record.version, record.fresh)
    route = runtime.routes.get(asked.model)
    if route is None:
        raise unknown_model(asked.model, runtime)
    arm, assignment = ARM, None
    if route.armed is not None:
        assignment = _assignment(record, route.armed)
        route, arm = variant_of(route.armed, route, assignment)
    reasons, uncached = why(route, asked.operation, assignment), why_uncached(asked, record.tools, route)
    if uncached is not None:
        reasons += (uncached,)
    match = Match(route, runtime.number, arm, None, reasons, assignment=assignment)
    if record.choice is None:
        return match, None
    decision = choose_by(asked, _score(record), match)
    lightened = record.strain is not None and record.strain.step == "light"
    return match, lighten(asked, decision) if lightened else decision


def _assignment(record: DecisionRecord, armed: Armed) -> Assignment:
    """The arms, from whom the request was for, by the weights of the snapshot."""
    recorded = {one.trial: one for one in record.assignments}
    found = []
    for trial in armed.trials:
        one = recorded.get(trial.key)
        unit = one.unit.encode() if one is not None and one.unit is not None else None
        targeted = one is not None and one.targeted
        found.append(Seen(trial.rule(unit, targeted), unit, targeted))
    return tuple(found)


def _score(record: DecisionRecord) -> Score | Estimate | None:
    if record.choice is None or not has_score(record.operation):
        return None
    learned = record.choice.learned
    if learned is not None:
        return estimate.made(learned.gain, learned.held, record.choice.holds_image, learned.drawn)
    return complexity.of_pushes(record.choice.features, record.choice.holds_image)


def _plain(reason: Reason) -> dict[str, str]:
    return reason._asdict()
