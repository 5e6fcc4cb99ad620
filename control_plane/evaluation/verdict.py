"""Verdict: whether a result opens a gate. Pure."""

from control_plane.spec.gates import Thresholds
from control_plane.spec.versions import Counted, Result
from control_plane.stats.bounds import lower_bound

_NAMED = 5
"""Failing questions that a refusal names."""


def bound(counted: Counted) -> float:
    """The 95% lower bound of the share of questions that it would pass."""
    return lower_bound(counted.passed, counted.asked)


def share(counted: Counted) -> float:
    """The share that was passed; 0 where nothing was asked."""
    return counted.passed / counted.asked if counted.asked else 0.0


def shortfalls(result: Result, thresholds: Thresholds) -> list[str]:
    """What the result lacks, a phrase each; none where the gate is open."""
    found = []
    if share(result.all) < thresholds.pass_rate:
        found.append(f"{_said(result.all)} passed, {thresholds.pass_rate:.1%} are needed")
    if thresholds.lower_bound is not None and bound(result.all) < thresholds.lower_bound:
        found.append(
            f"{_said(result.all)} passed shows no more than {bound(result.all):.3f} (95% lower bound), "
            f"{thresholds.lower_bound:g} is needed"
        )
    for tag, least in sorted(thresholds.tags.items()):
        counted = result.tags.get(tag, Counted(passed=0, asked=0))
        if not counted.asked:
            found.append(f"no question has the tag {tag!r}")
        elif share(counted) < least:
            found.append(f"{_said(counted)} with the tag {tag!r} passed, {least:.1%} are needed")
    return found


def named(result: Result) -> str:
    """The questions that were not passed, as far as a sentence can hold them; empty where all were."""
    ids = [failure.id for failure in result.failures[:_NAMED]]
    rest = result.all.asked - result.all.passed - len(ids)
    return ", ".join([*ids, *([f"and {rest} more"] if rest > 0 else [])])


def _said(counted: Counted) -> str:
    return f"{counted.passed} of {counted.asked} questions ({share(counted):.1%})"
