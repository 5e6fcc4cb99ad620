"""Conditions: what is true of a custom resource, since when, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from operators.kinds import Object

MESSAGE_CHARACTERS = 2000


class Type(StrEnum):
    """The conditions that there are, in the order of a life."""

    ACCEPTED = "Accepted"
    """The control plane has the document."""
    DEPLOYED = "Deployed"
    """What it asks of the cluster runs."""
    READY = "Ready"
    """Both, and every router that is alive serves it."""


class State(StrEnum):
    """As Kubernetes writes it."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One of them, before anybody knows since when."""

    type: Type
    state: State
    reason: str
    """One word in CamelCase, for programs."""
    message: str = ""
    """A sentence, and the cure where there is one."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was decided, as an Event of Kubernetes tells it."""

    reason: str
    message: str
    warning: bool = False


def written(
    conditions: Iterable[Condition], before: Sequence[Mapping[str, Any]], generation: int, now: datetime
) -> list[Object]:
    """The conditions as a status holds them; who keeps its state keeps the time of its last transition."""
    known = {one["type"]: one for one in before}
    return [_written(one, known.get(one.type), generation, now) for one in conditions]


def others(conditions: Sequence[Condition], before: Sequence[Mapping[str, Any]]) -> list[Object]:
    """What was found before of conditions that nobody looked at now."""
    looked_at = {one.type for one in conditions}
    return [dict(one) for one in before if one["type"] not in looked_at]


def _written(condition: Condition, before: Mapping[str, Any] | None, generation: int, now: datetime) -> Object:
    same = before is not None and before.get("status") == condition.state
    since = before["lastTransitionTime"] if before and same else _moment(now)
    return {
        "type": str(condition.type),
        "status": str(condition.state),
        "reason": condition.reason,
        "message": condition.message[:MESSAGE_CHARACTERS],
        "lastTransitionTime": since,
        "observedGeneration": generation,
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def kept(before: Sequence[Mapping[str, Any]], type: Type, generation: int) -> Condition | None:
    """What was last found out of the same generation; None where nothing was."""
    for one in before:
        if one["type"] == type and one.get("observedGeneration") == generation:
            return Condition(type, State(one["status"]), one["reason"], one.get("message", ""))
    return None


def happenings(conditions: Iterable[Condition], before: Sequence[Mapping[str, Any]]) -> list[Happening]:
    """What of it is news: what became true, what became false, and another reason for what is false.

    That something is not ready yet, and never was, is none.
    """
    known = {one["type"]: one for one in before}
    return [
        Happening(condition.reason, condition.message, condition.state is State.FALSE)
        for condition in conditions
        if _is_news(condition, known.get(condition.type))
    ]


def _is_news(condition: Condition, before: Mapping[str, Any] | None) -> bool:
    was, why = (before["status"], before["reason"]) if before else (None, None)
    if condition.state is State.UNKNOWN or (condition.state == was and condition.reason == why):
        return False
    if condition.state is State.TRUE:
        return was != State.TRUE
    return was == State.TRUE or condition.type is Type.ACCEPTED
