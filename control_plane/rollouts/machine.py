"""The state machine of a Rollout: from what is known at one moment to what is to be done. Pure.

    pending -> progressing | mirroring | analysing | paused (the steps, in order) -> promoted
    from any of them -> rolled-back (a guardrail is broken), aborted (somebody says so), failed (it cannot be written)

One call decides one thing, which the caller carries out and writes down in one transaction: so a crash lies between
two decisions, and the next call goes on from the one before.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from control_plane.spec.courses import Command, Course, Evidence, Following, Phase, Reason, Standing, Why
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.rollouts import RolloutSpec, Step


class Decided(NamedTuple):
    """What comes next. Without reasons it is what there was."""

    course: Course
    reasons: tuple[Reason, ...] = ()


def begin(spec_sha256: str, now: datetime, following: tuple[Following, ...] = ()) -> Course:
    """A Rollout that nothing was done of yet."""
    return Course(spec=spec_sha256, since=now, following=following)


def advance(spec: RolloutSpec, course: Course, evidence: Evidence, now: datetime) -> Decided:
    """The next thing to do by itself."""
    if course.phase.over:
        return Decided(course)
    if course.under_way and (harm := tuple(_harm(evidence))):
        return _end(course, Phase.ROLLED_BACK, now, *harm)
    if course.paused_at is not None:
        return Decided(course)
    if course.phase is Phase.PENDING:
        if not _has_a_change(spec, course):
            return Decided(course)
        return _enter(spec, course, 0, now, Reason(code=Why.BEGUN, text="the rollout begins"))
    if course.step >= len(spec.steps):
        return _enter(spec, course, course.step, now)
    if evidence.doubt and spec.steps[course.step].analysis and course.problem != evidence.doubt:
        return _blocked(course, Why.MISMATCH, evidence.doubt)
    why = _done(spec.steps[course.step], evidence, now - course.since)
    return _enter(spec, course, course.step + 1, now, why) if why else Decided(course)


def obey(spec: RolloutSpec, course: Course, command: Command, now: datetime, full: bool = False) -> Decided:
    """What somebody tells it to do; `full` promotes past all steps that are left.

    Raises TiermeshError(CONFLICT) where that makes no sense now.
    """
    _refuse(spec, course, command)
    why = Reason(code=Why.COMMANDED, text=f"somebody said {command.value}{' in full' if full else ''}")
    if command is Command.ABORT:
        return _end(course, Phase.ABORTED, now, why)
    if command is Command.PAUSE:
        return Decided(course.model_copy(update={"phase": Phase.PAUSED, "paused_at": now}), (why,))
    if command is Command.RESUME:
        assert course.paused_at is not None  # refused above
        since = course.since + (now - course.paused_at)
        phase = _phase(spec, course.step)
        return Decided(course.model_copy(update={"phase": phase, "paused_at": None, "since": since}), (why,))
    following = 0 if course.phase is Phase.PENDING else course.step + 1
    return _enter(spec, course, len(spec.steps) if full else following, now, why)


def block(course: Course, problem: str, snapshot: int | None) -> Decided:
    """What comes next is refused over a snapshot: it stays where it is, and says why."""
    return _blocked(course.model_copy(update={"refused": snapshot}), Why.BLOCKED, problem)


def wait_for_route(spec: RolloutSpec, course: Course, problem: str) -> Decided:
    """All steps are done, and somebody else alone may write the Route."""
    if course.problem == problem:
        return Decided(course)
    waiting = {"phase": Phase.PAUSED, "step": len(spec.steps), "paused_at": None}
    return _blocked(course.model_copy(update=waiting), Why.BLOCKED, problem)


def wait_for_models(course: Course, problem: str) -> Decided:
    """It would begin, and what the candidate asks does not answer yet."""
    return Decided(course) if course.problem == problem else _blocked(course, Why.BLOCKED, problem)


def fail(course: Course, problem: str, now: datetime) -> Decided:
    """The change can not be written: nobody gets the candidate any more."""
    failed = _end(course, Phase.FAILED, now, Reason(code=Why.BLOCKED, text=problem))
    return failed._replace(course=failed.course.model_copy(update={"problem": problem}))


def follow(spec_sha256: str, course: Course | None, moved: Iterable[Following], now: datetime) -> Decided:
    """Aliases that it follows were moved: it begins anew, from what stands there now, with all that is not shown yet.
    What was taken back stays so until it is moved itself, and one that was moved back leaves nothing to do."""
    over = course is not None and course.phase.over
    known = {one.reference: one for one in course.following} if course else {}
    following = {name: one.model_copy(update={"back": one.back or over}) for name, one in known.items()}
    reasons = []
    for one in moved:
        before = following.pop(one.reference, one)
        was, leads = before.stable.version, one.candidate.version
        if leads != was:
            following[one.reference] = one.model_copy(update={"stable": before.stable})
        text = f"{one.reference!r} leads to version {leads} {f'instead of {was}' if leads != was else 'again'}"
        reasons.append(Reason(code=Why.ANOTHER_CHANGE, text=text))
    return Decided(begin(spec_sha256, now, tuple(following.values())), tuple(reasons))


def restore(
    spec_sha256: str, course: Course | None, kept: tuple[Following, ...], snapshot: int, now: datetime
) -> Decided:
    """The document is one of an older snapshot, which is restored: what is under way is taken back, what is over stays
    so, and nothing begins. `kept` is what that snapshot held back."""
    over = course is not None and course.spec == spec_sha256 and course.phase.over
    if course is not None and over and course.following == kept:
        return Decided(course)
    phase = course.phase if course is not None and over else Phase.ABORTED
    why = Reason(code=Why.RESTORED, text=f"the documents of snapshot {snapshot} were restored")
    return Decided(begin(spec_sha256, now, kept).model_copy(update={"phase": phase}), (why,))


def _has_a_change(spec: RolloutSpec, course: Course) -> bool:
    return spec.override is not None or any(not one.back for one in course.following)


def _harm(evidence: Evidence) -> Iterator[Reason]:
    for guarded in evidence.guardrails:
        if guarded.standing is Standing.BROKEN:
            text = guarded.text or f"{guarded.metric} is worse than its margin allows"
            yield Reason(code=Why.GUARDRAIL_BROKEN, text=text)


def _done(step: Step, evidence: Evidence, passed: timedelta) -> Reason | None:
    """Why a step is over; None while it is not."""
    if step.set_weight is not None:
        return Reason(code=Why.STEP_DONE, text=f"the candidate has {step.set_weight:g}% of the units")
    minutes = passed.total_seconds() / 60
    if step.analysis is not None:
        holds = all(guarded.standing is Standing.HOLDS for guarded in evidence.guardrails) and evidence.guardrails
        if minutes < step.analysis.minutes or evidence.doubt or not holds:
            return None
        shown = "; ".join(guarded.text or guarded.metric for guarded in evidence.guardrails)
        return Reason(code=Why.SHOWN, text=f"every guardrail is shown to hold: {shown}")
    timed = step.pause.minutes if step.pause else step.mirror.minutes if step.mirror else None
    if timed is None or minutes < timed:
        return None
    return Reason(code=Why.TIME_OVER, text=f"{timed:g} minutes are over")


def _enter(spec: RolloutSpec, course: Course, index: int, now: datetime, *why: Reason) -> Decided:
    """Do a step; behind the last one there is the promotion."""
    if index >= len(spec.steps):
        return _end(course, Phase.PROMOTED, now, *why, Reason(code=Why.STEPS_DONE, text="no step is left"))
    step = spec.steps[index]
    entered: dict[str, Any] = {"step": index, "since": now, "paused_at": None, "problem": None, "refused": None}
    entered["mirror"] = step.mirror.percent if step.mirror else 0.0
    if step.set_weight is not None:
        entered["weight"] = step.set_weight
    return Decided(course.model_copy(update=entered | {"phase": _phase(spec, index)}), why)


def _phase(spec: RolloutSpec, index: int) -> Phase:
    if index >= len(spec.steps) or spec.steps[index].pause is not None:
        return Phase.PAUSED
    step = spec.steps[index]
    return Phase.ANALYSING if step.analysis else Phase.MIRRORING if step.mirror else Phase.PROGRESSING


def _end(course: Course, phase: Phase, now: datetime, *why: Reason) -> Decided:
    """Nobody gets the candidate any more: what the Route says now is for everybody. Versions that were not promoted
    stay held back until their aliases move again."""
    over = {"phase": phase, "since": now, "weight": 0.0, "mirror": 0.0, "paused_at": None, "problem": None}
    held = tuple(one for one in course.following if one.back or phase is not Phase.PROMOTED)
    return Decided(course.model_copy(update=over | {"following": held}), why)


def _blocked(course: Course, code: Why, problem: str) -> Decided:
    return Decided(course.model_copy(update={"problem": problem}), (Reason(code=code, text=problem),))


def _refuse(spec: RolloutSpec, course: Course, command: Command) -> None:
    if course.phase.over:
        raise _senseless(
            f"is over: {course.phase.value}", "Change its document, its salt if nothing else, to begin anew."
        )
    if course.phase is Phase.PENDING and not _has_a_change(spec, course):
        raise _senseless("waits for a change", "It begins when the alias that it follows is moved.")
    if command is Command.PAUSE and course.phase is Phase.PENDING:
        raise _senseless("has not begun", "Abort it instead.")
    if command is Command.PAUSE and course.paused_at is not None:
        raise _senseless("is paused already", "Resume, promote or abort it.")
    if command is Command.RESUME and course.paused_at is None:
        cure = "Promote it to go on." if course.phase is Phase.PAUSED else "There is nothing to resume."
        raise _senseless("was paused by nobody", cure)


def _senseless(problem: str, hint: str) -> TiermeshError:
    return TiermeshError(Code.CONFLICT, f"The rollout {problem}.", hint)
