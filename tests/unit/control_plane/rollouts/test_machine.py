"""A Rollout goes from step to step by what is shown and what people say, and back as soon as harm is shown."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.rollouts import machine
from control_plane.spec.courses import Command, Course, Evidence, Following, Guarded, Phase, Standing, Why
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import PinnedPrompt
from control_plane.spec.rollouts import RolloutSpec

NOW = datetime(2026, 1, 2, tzinfo=UTC)
_STEPS: tuple[dict[str, Any], ...] = (
    {"mirror": {"minutes": 5}},
    {"setWeight": 5},
    {"analysis": {"minutes": 10}},
    {"pause": {}},
    {"setWeight": 50},
)
_GUARDRAILS = [{"metric": "errors", "margin": {"absolute": 0.01}}]
_CHANGE = {"override": {"complexity": {"threshold": 0}}}


def _spec(steps: Sequence[dict[str, Any]] = _STEPS, **more: Any) -> RolloutSpec:
    change = {} if "onChange" in more else _CHANGE
    return RolloutSpec.model_validate({"route": "shop", "steps": steps, "guardrails": _GUARDRAILS} | change | more)


def _shown(standing: Standing, doubt: str | None = None) -> Evidence:
    return Evidence(guardrails=(Guarded(metric="errors", standing=standing, text=f"errors {standing}"),), doubt=doubt)


OPEN, HOLDS, BROKEN = (_shown(standing) for standing in (Standing.OPEN, Standing.HOLDS, Standing.BROKEN))


def _settled(spec: RolloutSpec, course: Course, evidence: Evidence = OPEN, minutes: float = 0) -> Course:
    """As it is once nothing more is to be done at that moment."""
    while True:
        decided = machine.advance(spec, course, evidence, NOW + timedelta(minutes=minutes))
        if not decided.reasons:
            return decided.course
        course = decided.course


def _at(minutes: float, evidence: Evidence = OPEN) -> Course:
    """A course of all steps, so many minutes after it began; its mirroring is over after five."""
    spec, course = _spec(), machine.begin("", NOW)
    for minute in range(int(minutes) + 1):
        course = _settled(spec, course, evidence, minute)
    return _settled(spec, course, evidence, minutes)


def test_each_call_decides_one_thing_and_says_why() -> None:
    spec, course, seen = _spec(_STEPS[1:3]), machine.begin("", NOW), []
    for minutes in (0, 0, 0, 10, 10):
        decided = machine.advance(spec, course, HOLDS, NOW + timedelta(minutes=minutes))
        seen.append((decided.course.phase, decided.course.weight, [reason.code for reason in decided.reasons]))
        course = decided.course
    assert seen == [
        (Phase.PROGRESSING, 5, [Why.BEGUN]),
        (Phase.ANALYSING, 5, [Why.STEP_DONE]),
        (Phase.ANALYSING, 5, []),
        (Phase.PROMOTED, 0, [Why.SHOWN, Why.STEPS_DONE]),
        (Phase.PROMOTED, 0, []),
    ]


def test_it_mirrors_without_weight_and_stops_mirroring_when_it_goes_on() -> None:
    mirroring, after = _at(4), _at(5)
    assert (mirroring.phase, mirroring.mirror, mirroring.weight) == (Phase.MIRRORING, 10, 0)
    assert (after.phase, after.mirror, after.weight) == (Phase.ANALYSING, 0, 5)


@pytest.mark.parametrize(
    ("minutes", "evidence"),
    [(14, HOLDS), (500, OPEN), (500, _shown(Standing.HOLDS, doubt="shares")), (500, Evidence())],
    ids=["too-early", "nothing-shown", "mismatch", "nothing-measured"],
)
def test_an_analysis_ends_only_when_its_time_is_over_and_every_guardrail_is_shown(
    minutes: int, evidence: Evidence
) -> None:
    assert _at(minutes, evidence).phase is Phase.ANALYSING


def test_a_mismatch_is_said_once() -> None:
    doubted = _at(30, _shown(Standing.HOLDS, doubt="units do not come in their shares"))
    assert doubted.problem == "units do not come in their shares"


def test_a_pause_waits_for_somebody_unless_it_has_a_time() -> None:
    assert _at(2000, HOLDS).phase is Phase.PAUSED
    timed = _spec([{"pause": {"minutes": 3}}, {"setWeight": 7}, {"pause": {}}])
    course = _settled(timed, machine.begin("", NOW))
    assert _settled(timed, course, minutes=2.9).weight == 0
    assert _settled(timed, course, minutes=3).weight == 7


@pytest.mark.parametrize("minutes", [0, 5, 7, 20])
@pytest.mark.parametrize("held", [False, True])
def test_it_goes_back_as_soon_as_a_guardrail_is_broken_whatever_it_does(minutes: int, held: bool) -> None:
    course = _at(minutes, HOLDS)
    if held:
        course = machine.obey(_spec(), course, Command.PAUSE, NOW).course
    back = machine.advance(_spec(), course, BROKEN, NOW + timedelta(minutes=minutes))
    assert (back.course.phase, back.course.weight, back.course.mirror) == (Phase.ROLLED_BACK, 0, 0)
    assert [(reason.code, reason.text) for reason in back.reasons] == [(Why.GUARDRAIL_BROKEN, "errors broken")]


def test_promoting_goes_one_step_on_and_in_full_to_the_end() -> None:
    course = _at(7)
    assert machine.obey(_spec(), course, Command.PROMOTE, NOW).course.step == course.step + 1
    assert machine.obey(_spec(), course, Command.PROMOTE, NOW, full=True).course.phase is Phase.PROMOTED


def test_what_is_paused_by_command_goes_on_where_it_was_and_its_clock_stood_still() -> None:
    spec, course = _spec(), _at(7)
    paused = machine.obey(spec, course, Command.PAUSE, NOW + timedelta(minutes=8)).course
    assert (paused.phase, _settled(spec, paused, HOLDS, 500)) == (Phase.PAUSED, paused)
    resumed = machine.obey(spec, paused, Command.RESUME, NOW + timedelta(minutes=108)).course
    assert (resumed.phase, resumed.since) == (Phase.ANALYSING, course.since + timedelta(minutes=100))
    assert _settled(spec, resumed, HOLDS, 114).phase is Phase.ANALYSING
    assert _settled(spec, resumed, HOLDS, 115).phase is Phase.PAUSED


def test_aborting_takes_everything_back() -> None:
    course = machine.obey(_spec(), _at(7), Command.ABORT, NOW).course
    assert (course.phase, course.weight, course.under_way) == (Phase.ABORTED, 0, False)


@pytest.mark.parametrize(
    ("course", "command"),
    [
        (_at(2000, HOLDS), Command.RESUME),
        (_at(7), Command.RESUME),
        (machine.begin("", NOW), Command.PAUSE),
        *((machine.begin("", NOW).model_copy(update={"phase": Phase.ABORTED}), command) for command in Command),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(course: Course, command: Command) -> None:
    with pytest.raises(TiermeshError) as raised:
        machine.obey(_spec(), course, command, NOW)
    assert raised.value.code is Code.CONFLICT
    assert raised.value.hint


def _version(number: int) -> PinnedPrompt:
    return PinnedPrompt.model_validate({"name": "support", "version": number, "template": str(number)})


def _following(before: int, after: int) -> tuple[Following, ...]:
    return (Following(reference="support@live", stable=_version(before), candidate=_version(after)),)


def test_one_that_follows_changes_waits_for_one_and_begins_anew_with_the_next() -> None:
    spec = _spec([{"setWeight": 5}, {"pause": {}}], onChange=["prompt"])
    waiting = machine.begin("", NOW)
    assert _settled(spec, waiting, minutes=500) == waiting
    course = _settled(spec, machine.follow("", waiting, _following(1, 2), NOW).course)
    assert course.weight == 5
    anew = machine.follow("", course, _following(2, 3), NOW).course
    assert (anew.phase, anew.weight, anew.following) == (Phase.PENDING, 0, _following(1, 3))
    assert machine.follow("", course, _following(2, 1), NOW).course.following == ()


def test_a_change_that_was_not_promoted_is_held_back_and_one_that_was_is_not() -> None:
    spec = _spec([{"pause": {}}], onChange=["prompt"])
    course = _settled(spec, machine.follow("", None, _following(1, 2), NOW).course)
    assert machine.obey(spec, course, Command.ABORT, NOW).course.following == _following(1, 2)
    assert machine.obey(spec, course, Command.PROMOTE, NOW).course.following == ()


def test_a_course_that_was_written_down_when_only_prompts_were_followed_is_read() -> None:
    (now,) = _following(1, 2)
    before = now.model_dump(mode="json", exclude={"reference", "back"})
    said: dict[str, Any] = {"name": "support", "alias": "live", "version": None, "variables": {}}
    course = machine.begin("", NOW).model_dump(mode="json")
    assert Course.model_validate(course | {"following": before | {"said": said}}).following == (now,)
    assert Course.model_validate(course | {"following": None}).following == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*Command, None, None]),
            st.sampled_from([OPEN, HOLDS, BROKEN]),
            st.integers(min_value=0, max_value=20),
        ),
        max_size=30,
    )
)
def test_whatever_happens_weight_is_given_only_under_way_and_never_falls_but_to_nothing(
    happens: list[tuple[Command | None, Evidence, int]],
) -> None:
    spec, course, minutes = _spec(), machine.begin("", NOW), 0
    for command, evidence, passed in happens:
        minutes, before = minutes + passed, course
        now = NOW + timedelta(minutes=minutes)
        if command is None:
            course = machine.advance(spec, course, evidence, now).course
        else:
            try:
                course = machine.obey(spec, course, command, now).course
            except TiermeshError as error:
                assert error.code is Code.CONFLICT
        assert course.under_way or course.weight == course.mirror == 0
        assert course.weight >= before.weight or course.phase.over
        assert not (before.phase.over and course != before)
        assert course.phase is not Phase.ANALYSING or course.weight > 0
