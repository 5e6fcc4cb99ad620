"""Inspection: what an operator is shown of the semantic cache. Numbers and names of documents alone: never what was
asked or answered."""

import math
from typing import NamedTuple

from routers.cache.learner import State
from routers.cache.partition import View
from routers.cache.partitions import Owned
from routers.cache.questions import Owner
from routers.cache.slots import Slots

_SHOWN = 8
"""Characters of a partition's key: enough to tell it from others."""


class Standing(NamedTuple):
    """How a partition is doing."""

    partition: str
    owner: Owner
    state: State
    entries: int
    size_bytes: int
    looked: int
    hits: int
    lessons: int
    exams: int
    explored: float
    """Share of the requests that are answered afresh."""
    threshold: float
    """Log odds from which on questions are answered; infinite for none."""
    error_bound: float
    """Upper confidence bound of the share of wrong hits."""

    @classmethod
    def of(cls, owned: Owned) -> "Standing":
        """Look at one."""
        (key, owner, _), partition = owned
        learner = partition.learner
        return cls(
            partition=key.hex()[:_SHOWN],
            owner=owner,
            state=learner.state,
            entries=len(partition),
            size_bytes=partition.size_bytes,
            looked=partition.looked,
            hits=partition.hits,
            lessons=learner.lessons,
            exams=learner.exams,
            explored=learner.explored,
            threshold=math.inf if learner.policy is None else learner.policy.threshold,
            error_bound=learner.watch.upper_bound,
        )

    def as_json(self) -> dict[str, object]:
        """What the admin port says."""
        return {
            "partition": self.partition,
            **self.owner._asdict(),
            "state": self.state.value,
            "entries": self.entries,
            "bytes": self.size_bytes,
            "looked": self.looked,
            "hits": self.hits,
            "lessons": self.lessons,
            "exams": self.exams,
            "explored": self.explored,
            "threshold": _finite(self.threshold),
            "errorBound": self.error_bound,
        }


class Explanation(NamedTuple):
    """What would become of a question."""

    slots: Slots | None
    """None: it cannot be read."""
    standing: Standing | None
    """None: nobody has asked what it may be compared with."""
    view: View | None

    @property
    def verdict(self) -> str:
        """hit or miss."""
        return "hit" if self.view is not None and self.view.would_answer else "miss"

    @property
    def reasons(self) -> list[str]:
        """Why, from the first step to the one that decides."""
        if self.slots is None:
            return ["the encoder cannot read it: it has characters that it does not know, or is too long"]
        if self.standing is None or self.view is None:
            return ["nothing that it may be compared with was asked yet: same tenant, Route, arm, and all but the text"]
        return [_of_state(self.standing), *_of_view(self.view, self.standing)]

    def as_json(self) -> dict[str, object]:
        """What the admin port says."""
        view, slots = self.view, self.slots
        read = slots and {"numbers": slots.numbers, "names": sorted(slots.names), "negations": slots.negations}
        return {
            "verdict": self.verdict,
            "reasons": self.reasons,
            "readable": slots is not None,
            "slots": read,
            "score": _finite(view.score) if view else None,
            "chosen": view.chosen if view else None,
            "near": [each._asdict() for each in view.near] if view else [],
            "partition": self.standing.as_json() if self.standing else None,
        }


def _of_state(standing: Standing) -> str:
    if standing.state is State.LEARNING:
        return f"the partition is learning: {standing.exams} exams so far, and nothing is answered"
    if standing.state is State.OFF:
        return f"{standing.exams} exams do not let the promise be kept at any score: nothing is answered"
    return f"{standing.exams} exams let answer from log odds {standing.threshold:.2f} on"


def _of_view(view: View, standing: Standing) -> list[str]:
    if not view.near:
        return ["no entry is near"]
    nearest = view.near[0]
    said = [f"the nearest entry has a similarity of {nearest.similarity:.3f}"]
    if nearest.differs is not None:
        said.append(f"and differs in its {nearest.differs}: it may not answer")
    if view.chosen is None:
        return said
    agreeing = sum(each.answer == view.near[view.chosen].answer for each in view.near)
    said.append(f"{agreeing} of {len(view.near)} near entries have the answer that would be given")
    said.append(f"log odds that it is right: {view.score:.2f}")
    if view.would_answer:
        said.append(f"answered, but for the {standing.explored:.0%} of requests that explore")
    return said


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
