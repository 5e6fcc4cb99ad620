"""Verdict: what an experiment or rollout has shown, as a code and the evidence for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from control_plane.stats.comparison import Comparison, Standing, tolerated
from control_plane.stats.design import Design, Role


class Code(StrEnum):
    """All that there is."""

    WINNER = "winner"
    """An arm is better in a primary metric, worse in none, and no guardrail's margin is exceeded; or the control is."""
    NO_DIFFERENCE = "no-difference"
    """All that was asked is within its margin. A rollout, which asks about guardrails alone, may go on."""
    GUARDRAIL_BROKEN = "guardrail-broken"
    """An arm is worse. A rollout has to go back."""
    MISMATCH = "mismatch"
    """Arms do not have their shares of the units: nothing else that was computed can be believed."""
    KEEP_GOING = "keep-going"
    CANNOT_SAY = "cannot-say"


class Why(StrEnum):
    """Why nothing can be said."""

    NO_UNITS = "no-units"
    """An arm has none."""
    EXHAUSTED = "exhausted"
    """The most units, or the longest time, that the design allows have passed."""
    CONFLICT = "conflict"
    """Each arm that is better in one primary metric is worse in another."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`evidence` is what it rests on: what showed it, or what it still waits for."""

    code: Code
    arm: str | None = None
    """The winner, or the arm that broke a guardrail."""
    why: Why | None = None
    evidence: tuple[Comparison, ...] = ()
    seconds_left: float | None = None
    """How long it takes if all stays as it looks. None where that cannot be told."""


def decide(
    design: Design, comparisons: Sequence[Comparison], mismatch_p: float, units: float, seconds: float
) -> Verdict:
    """In this order: a mismatch, a broken guardrail (whatever else is still missing), a winner, no difference; then
    whether waiting helps."""
    if mismatch_p <= design.mismatch_alpha:
        return Verdict(Code.MISMATCH)
    broken = [each for each in comparisons if _is(each, Role.GUARDRAIL, Standing.WORSE)]
    if broken:
        worst = min(broken, key=lambda each: each.p).arm
        return Verdict(Code.GUARDRAIL_BROKEN, worst, evidence=tuple(each for each in broken if each.arm == worst))
    if len(comparisons) < len(design.questions) * len(design.treated):
        return _waiting(design, comparisons, units, seconds, Why.NO_UNITS)
    return _winner(design, comparisons) or _same(comparisons) or _waiting(design, comparisons, units, seconds)


def _is(comparison: Comparison, role: Role, *standings: Standing) -> bool:
    return comparison.question.role is role and comparison.standing in standings


def _winner(design: Design, comparisons: Sequence[Comparison]) -> Verdict | None:
    of = {arm: [each for each in comparisons if each.arm == arm] for arm in design.treated}
    better = {arm: [each for each in found if _is(each, Role.PRIMARY, Standing.BETTER)] for arm, found in of.items()}
    worse = {arm: [each for each in found if _is(each, Role.PRIMARY, Standing.WORSE)] for arm, found in of.items()}
    clear = [arm for arm in design.treated if better[arm] and not worse[arm] and _guards_kept(of[arm])]
    if clear:
        arm = min(clear, key=lambda each: better[each][0].p)
        return Verdict(Code.WINNER, arm, evidence=tuple(better[arm]))
    gains, losses = ([each for found in of_arms.values() for each in found] for of_arms in (better, worse))
    if not all(worse.values()) and (not losses or _pending(comparisons)):
        return None
    if gains:
        return Verdict(Code.CANNOT_SAY, why=Why.CONFLICT, evidence=(*gains, *losses))
    return Verdict(Code.WINNER, design.control, evidence=tuple(losses))


def _guards_kept(comparisons: Sequence[Comparison]) -> bool:
    """A guardrail without a margin cannot be shown to be kept; it is enough that it is not shown to be broken."""
    return all(
        each.standing is Standing.NOT_WORSE or each.question.margin is None
        for each in comparisons
        if each.question.role is Role.GUARDRAIL
    )


def _same(comparisons: Sequence[Comparison]) -> Verdict | None:
    asked = [each for each in comparisons if each.question.role is not Role.SECONDARY]
    if asked and all(each.standing in (Standing.SAME, Standing.NOT_WORSE) for each in asked):
        return Verdict(Code.NO_DIFFERENCE, evidence=tuple(asked))
    return None


def _waiting(
    design: Design, comparisons: Sequence[Comparison], units: float, seconds: float, why: Why | None = None
) -> Verdict:
    pending = _pending(comparisons)
    end = _end(design, units, seconds)
    if end is not None and end <= 0:
        return Verdict(Code.CANNOT_SAY, why=why or Why.EXHAUSTED, evidence=pending)
    if why is Why.NO_UNITS and units == 0:
        return Verdict(Code.CANNOT_SAY, why=why, seconds_left=end)
    times = [_more_units(each) for each in pending]
    if units <= 0 or seconds <= 0 or not times or None in times:
        return Verdict(Code.KEEP_GOING, evidence=pending, seconds_left=end)
    left = max(time for time in times if time is not None) * seconds
    return Verdict(Code.KEEP_GOING, evidence=pending, seconds_left=left if end is None else min(left, end))


def _pending(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """What may still be decided. A guardrail without a margin may be broken at any time, and is never done with."""
    return tuple(
        each
        for each in comparisons
        if _is(each, Role.PRIMARY, Standing.OPEN) or (_is(each, Role.GUARDRAIL, Standing.OPEN) and each.question.margin)
    )


def _end(design: Design, units: float, seconds: float) -> float | None:
    """Seconds until the design's end."""
    ends = []
    if design.most_seconds is not None:
        ends.append(design.most_seconds - seconds)
    if design.most_units is not None:
        reached = units >= design.most_units
        ends.append(0.0 if reached else (design.most_units / units - 1) * seconds if units else float("inf"))
    least = min(ends, default=None)
    return None if least == float("inf") else least


def _more_units(pending: Comparison) -> float | None:
    """How many times as many units as there are it takes beyond them: widths shrink as the root of the units.

    What is decided is the nearer of the two: that the difference is none, or that it is within the margin.
    """
    low, high = pending.interval
    reach = (high - low) / 2
    needed = _needed(pending)
    if not needed or reach == float("inf"):
        return None
    return max((reach / needed) ** 2 - 1, 0.0)


def _needed(pending: Comparison) -> float:
    margin = tolerated(pending)
    if pending.question.role is Role.GUARDRAIL:
        return margin - pending.harm if pending.harm < margin else pending.harm
    return max(abs(pending.difference), margin - abs(pending.difference))
