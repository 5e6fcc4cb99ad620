"""Words: a verdict as one sentence for people."""

import math

from control_plane.stats.comparison import Comparison
from control_plane.stats.design import Design
from control_plane.stats.estimate import Kind
from control_plane.stats.mismatch import Mismatch
from control_plane.stats.verdict import Code, Verdict, Why

_MOST = 3
"""Comparisons that one sentence names."""


def sentence(design: Design, verdict: Verdict, mismatch: Mismatch) -> str:
    """What is shown, and by what."""
    shown = "; ".join(evidence(each) for each in verdict.evidence[:_MOST])
    shown += f"; and {len(verdict.evidence) - _MOST} more" if len(verdict.evidence) > _MOST else ""
    if verdict.code is Code.WINNER:
        return f"{verdict.arm} wins: {shown}."
    if verdict.code is Code.NO_DIFFERENCE:
        return f"No arm differs from {design.control} by more than its margin: {shown}."
    if verdict.code is Code.GUARDRAIL_BROKEN:
        return f"{verdict.arm} breaks a guardrail: {shown}."
    if verdict.code is Code.MISMATCH:
        return f"Arms do not have the shares they should have, so nothing here can be believed: {_shares(mismatch)}."
    waits = _names(verdict.evidence)
    if verdict.code is Code.CANNOT_SAY:
        return _cannot(verdict, shown, waits)
    left = f", about {duration(verdict.seconds_left)} more" if verdict.seconds_left is not None else ""
    return f"Keep going{left}: {waits or 'nothing is shown yet'}."


def evidence(found: Comparison) -> str:
    """One comparison: both values, the difference and its interval."""
    kind = found.question.kind
    both = f"{_value(float(found.treated.value), kind)} against {_value(float(found.control.value), kind)}"
    if kind is Kind.PROPORTION:
        low, high = found.interval
        change, interval = found.difference * 100, f"{_signed(low * 100)} to {_signed(high * 100)}"
        return f"{found.question.metric} {both} ({_signed(change)} points, {interval})"
    low, high = found.relative
    change = found.difference / float(found.control.value) * 100 if found.control.value else math.nan
    return f"{found.question.metric} {both} ({_signed(change)}%, {_signed(low * 100)} to {_signed(high * 100)}%)"


def duration(seconds: float) -> str:
    """Rounded to what one would say."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _cannot(verdict: Verdict, shown: str, waits: str) -> str:
    if verdict.why is Why.NO_UNITS:
        return "Nothing can be said: not every arm has been measured."
    if verdict.why is Why.CONFLICT:
        return f"Nothing can be said for all metrics at once: {shown}."
    return f"The time is over and nothing is shown: {waits}."


def _names(pending: tuple[Comparison, ...]) -> str:
    names = [f"{each.question.metric} of {each.arm}" for each in pending[:_MOST]]
    names += [f"{len(pending) - _MOST} more"] if len(pending) > _MOST else []
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not decided" if names else ""


def _shares(mismatch: Mismatch) -> str:
    return ", ".join(
        f"{arm} has {seen:,.0f} units instead of {mismatch.expected[arm]:,.0f}" for arm, seen in mismatch.seen.items()
    )


def _value(value: float, kind: Kind) -> str:
    return f"{value * 100:.3g}%" if kind is Kind.PROPORTION else f"{value:.4g}"


def _signed(value: float) -> str:
    return "?" if math.isnan(value) or math.isinf(value) else f"{value:+.2g}".replace("-", "−")
