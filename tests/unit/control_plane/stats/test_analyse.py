from dataclasses import asdict, replace

import numpy as np
import pytest

from control_plane.stats.analyse import analyse
from control_plane.stats.comparison import Standing
from control_plane.stats.design import Design, Goal, Margin, Question, Role
from control_plane.stats.estimate import Kind
from control_plane.stats.moments import Moments
from control_plane.stats.period import Period, Sample
from control_plane.stats.verdict import Code, Why
from tests.unit.control_plane.stats.samples import ERRORS, LATENCY, RESOLVED, judged, lognormal, period, rate

ALL = (RESOLVED, ERRORS, LATENCY)


def test_an_arm_wins_that_is_better_and_breaks_nothing() -> None:
    found = judged(ALL, 50_000, control=(0.6, 0.01, 1.0), candidate=(0.63, 0.01, 1.0))
    assert (found.verdict.code, found.verdict.arm) == (Code.WINNER, "candidate")
    assert [each.question.metric for each in found.verdict.evidence] == ["resolved"]
    assert found.words == "candidate wins: resolved 63% against 60% (+3 points, +1.8 to +4.2)."
    assert found.of("errors", "candidate").standing is Standing.NOT_WORSE
    assert found.of("latency", "candidate").standing is Standing.NOT_WORSE


def test_a_better_arm_waits_for_its_guardrails() -> None:
    found = judged((RESOLVED, ERRORS), 3000, control=(0.6, 0.01), candidate=(0.7, 0.01))
    assert found.of("resolved", "candidate").standing is Standing.BETTER
    assert found.verdict.code is Code.KEEP_GOING
    assert [each.question.metric for each in found.verdict.evidence] == ["errors"]
    assert found.verdict.seconds_left is not None and found.verdict.seconds_left > 3600
    assert found.words.startswith("Keep going, about ") and "errors of candidate is not decided" in found.words


def test_the_control_wins_where_the_others_are_worse() -> None:
    found = judged(ALL, 50_000, control=(0.6, 0.01, 1.0), candidate=(0.57, 0.01, 1.0))
    assert (found.verdict.code, found.verdict.arm) == (Code.WINNER, "control")


def test_no_difference_is_one_that_is_within_its_margin() -> None:
    found = judged(ALL, 100_000, control=(0.6, 0.01, 1.0), candidate=(0.601, 0.01, 1.0))
    assert found.verdict.code is Code.NO_DIFFERENCE
    assert found.of("resolved", "candidate").standing is Standing.SAME
    assert len(found.verdict.evidence) == 3


@pytest.mark.parametrize(
    ("values", "metric"), [((0.6, 0.02, 1.0), "errors"), ((0.6, 0.01, 1.3), "latency"), ((0.7, 0.02, 1.0), "errors")]
)
def test_a_broken_guardrail_comes_before_anything_that_was_won(values: tuple[float, ...], metric: str) -> None:
    found = judged(ALL, 20_000, control=(0.6, 0.01, 1.0), candidate=values)
    assert (found.verdict.code, found.verdict.arm) == (Code.GUARDRAIL_BROKEN, "candidate")
    assert [each.question.metric for each in found.verdict.evidence] == [metric]


def test_a_broken_guardrail_waits_for_no_other_metric() -> None:
    found = {arm: {"errors": rate(share, 5000.0)} for arm, share in (("a", 0.01), ("b", 0.05))}
    verdict = analyse(Design(("a", "b"), ALL), [period(found, {"a": 5000, "b": 5000})], 60).verdict
    assert verdict.code is Code.GUARDRAIL_BROKEN
    fine = {arm: {"errors": rate(0.01, 5000.0)} for arm in "ab"}
    verdict = analyse(Design(("a", "b"), ALL), [period(fine, {"a": 5000, "b": 5000})], 60).verdict
    assert verdict.code is Code.KEEP_GOING


def test_an_analysis_is_made_of_pythons_own_numbers() -> None:
    """So that any encoder takes it."""

    def numbers(found: object) -> list[object]:
        if isinstance(found, dict):
            return [each for value in found.values() for each in numbers(value)]
        if isinstance(found, list | tuple):
            return [each for value in found for each in numbers(value)]
        return [found]

    plain = (float, int, str, bool, type(None), *(type(each) for each in (*Kind, *Goal, *Role, *Standing, *Code)))
    cost = Question("cost", Kind.MEAN, Goal.DECREASE, adjusted=True)
    found = asdict(judged((*ALL, cost), 5000, control=(0.6, 0.01, 1.0, 0.2), candidate=(0.6, 0.01, 1.0, 0.2)))
    assert {type(each) for each in numbers(found)} <= set(plain)


def test_harm_within_the_margin_is_tolerated_even_where_it_is_certain() -> None:
    found = judged((ERRORS,), 1_000_000, control=(0.01,), candidate=(0.013,))
    comparison = found.of("errors", "candidate")
    assert comparison.interval[0] > 0, "it is worse"
    assert comparison.standing is Standing.NOT_WORSE
    assert found.verdict.code is Code.NO_DIFFERENCE


def test_a_rollout_asks_about_guardrails_alone() -> None:
    rollout = (ERRORS, LATENCY)
    assert judged(rollout, 50_000, stable=(0.01, 1.0), candidate=(0.01, 1.0)).verdict.code is Code.NO_DIFFERENCE
    assert judged(rollout, 300, stable=(0.01, 1.0), candidate=(0.01, 1.0)).verdict.code is Code.KEEP_GOING
    assert judged(rollout, 300, stable=(0.01, 1.0), candidate=(0.2, 1.0)).verdict.code is Code.GUARDRAIL_BROKEN
    assert judged(rollout, 50_000, stable=(0.01, 1.0), candidate=(0.0, 0.5)).verdict.code is Code.NO_DIFFERENCE


def test_a_candidate_without_a_single_error_is_not_fine_yet() -> None:
    """Nothing seen is not nothing there: of 300 units none fails half of the time where 0.25% do."""
    found = judged((ERRORS,), 300, stable=(0.01,), candidate=(0.0,))
    assert found.of("errors", "candidate").standing is Standing.OPEN


def test_a_guardrail_without_a_margin_can_only_be_broken() -> None:
    question = replace(ERRORS, margin=None)
    found = judged((RESOLVED, question), 50_000, control=(0.6, 0.01), candidate=(0.63, 0.01))
    assert found.of("errors", "candidate").standing is Standing.OPEN
    assert found.verdict.code is Code.WINNER
    rollout = judged((question,), 50_000, control=(0.01,), candidate=(0.01,))
    assert (rollout.verdict.code, rollout.verdict.evidence) == (Code.KEEP_GOING, ())
    assert rollout.words == "Keep going: nothing is shown yet."


def test_a_mismatch_stops_every_verdict() -> None:
    found = {"a": {"resolved": rate(0.6, 50_000.0)}, "b": {"resolved": rate(0.7, 40_000.0)}}
    analysis = analyse(Design(("a", "b"), (RESOLVED,)), [period(found, {"a": 50_000, "b": 40_000})], 60)
    assert analysis.verdict.code is Code.MISMATCH
    assert "a has 50,000 units instead of 45,000" in analysis.words


def test_units_that_were_assigned_and_never_seen_again_are_counted_for_the_mismatch() -> None:
    found = {"a": {"resolved": rate(0.6, 45_000.0)}, "b": {"resolved": rate(0.6, 40_000.0)}}
    analysis = analyse(Design(("a", "b"), (RESOLVED,)), [period(found, {"a": 45_000, "b": 45_000})], 60)
    assert analysis.mismatch.p == 1


def test_nothing_can_be_said_of_nobody() -> None:
    design = Design(("a", "b"), (RESOLVED,))
    for periods in ([], [Period({"a": 1, "b": 1}, {}, {})]):
        found = analyse(design, periods, 0)
        assert (found.verdict.code, found.verdict.why) == (Code.CANNOT_SAY, Why.NO_UNITS)
        assert found.comparisons == ()
    with pytest.raises(KeyError, match="Nothing is known of resolved in b"):
        found.of("resolved", "b")


def test_what_is_not_decided_in_the_end_cannot_be_said() -> None:
    found = {arm: {"resolved": rate(0.6, 500.0)} for arm in ("a", "b")}
    seen = [period(found, {"a": 500, "b": 500})]
    for design in (
        Design(("a", "b"), (RESOLVED,), most_units=1000),
        Design(("a", "b"), (RESOLVED,), most_seconds=60),
    ):
        verdict = analyse(design, seen, 60).verdict
        assert (verdict.code, verdict.why) == (Code.CANNOT_SAY, Why.EXHAUSTED)
        assert [each.question.metric for each in verdict.evidence] == ["resolved"]
    going = analyse(Design(("a", "b"), (RESOLVED,), most_seconds=100), seen, 60).verdict
    assert (going.code, going.seconds_left) == (Code.KEEP_GOING, 40)


def test_better_here_and_worse_there_is_a_conflict() -> None:
    other = replace(RESOLVED, metric="thumbs")
    found = judged((RESOLVED, other), 50_000, control=(0.6, 0.6), candidate=(0.65, 0.55))
    assert (found.verdict.code, found.verdict.why) == (Code.CANNOT_SAY, Why.CONFLICT)
    assert len(found.verdict.evidence) == 2


def test_many_questions_share_one_error_probability() -> None:
    """With one arm more and one metric more, a result that was shown is not any more."""
    alone = judged((RESOLVED,), 9000, control=(0.6,), candidate=(0.6275,))
    assert alone.of("resolved", "candidate").standing is Standing.BETTER
    twice = (RESOLVED, replace(RESOLVED, metric="thumbs"))
    many = judged(twice, 9000, control=(0.6, 0.6), candidate=(0.6275, 0.6), other=(0.6, 0.6))
    found = many.of("resolved", "candidate")
    assert found.p_adjusted == pytest.approx(4 * found.p)
    assert found.standing is Standing.OPEN
    low, high = alone.of("resolved", "candidate").interval
    assert found.interval[0] < low < high < found.interval[1]


def test_secondary_metrics_are_shown_and_decide_nothing() -> None:
    question = replace(RESOLVED, role=Role.SECONDARY)
    found = judged((question, ERRORS), 50_000, control=(0.6, 0.01), candidate=(0.7, 0.01))
    assert found.of("resolved", "candidate").standing is Standing.BETTER
    assert found.verdict.code is Code.NO_DIFFERENCE


def test_the_order_of_the_other_arms_changes_nothing() -> None:
    one = judged(ALL, 9000, control=(0.6, 0.01, 1.0), b=(0.63, 0.011, 1.02), c=(0.58, 0.01, 1.0))
    other = judged(ALL, 9000, control=(0.6, 0.01, 1.0), c=(0.58, 0.01, 1.0), b=(0.63, 0.011, 1.02))
    assert replace(one.verdict, evidence=()) == replace(other.verdict, evidence=())
    assert set(one.verdict.evidence) == set(other.verdict.evidence) != set()
    assert set(one.comparisons) == set(other.comparisons)


def test_statistics_that_were_merged_say_what_they_said_together() -> None:
    rng = np.random.default_rng(1)
    question = Question("cost", Kind.RATIO, Goal.DECREASE, Role.PRIMARY)
    design = Design(("a", "b"), (question,))
    whole, merged = {}, {}
    for arm, level in (("a", 1.0), ("b", 0.9)):
        base = rng.geometric(0.3, 2000)
        values = level * base * rng.lognormal(0, 0.3, 2000)
        parts = [Moments.from_arrays(values[start::4], base[start::4]) for start in range(4)]
        whole[arm] = {"cost": Sample(Moments.from_arrays(values, base))}
        merged[arm] = {"cost": Sample(sum(parts[1:], start=parts[0]))}
    units = {"a": 2000.0, "b": 2000.0}
    first, second = (analyse(design, [period(found, units)], 60) for found in (whole, merged))
    assert first.verdict.code is second.verdict.code is Code.WINNER
    assert first.words == second.words
    assert first.of("cost", "b").interval == pytest.approx(second.of("cost", "b").interval)


@pytest.mark.parametrize("kind", [Kind.PROPORTION, Kind.MEAN, Kind.RATIO])
def test_a_rate_that_drifts_while_a_ramp_goes_on_is_no_effect(kind: Kind) -> None:
    """The candidate got most of its units in a bad hour. Pooled it would look twice as bad."""
    question = replace(ERRORS, kind=kind)
    quiet = period(
        {"stable": {"errors": rate(0.01, 90_000.0)}, "candidate": {"errors": rate(0.01, 10_000.0)}},
        {"stable": 90_000, "candidate": 10_000},
        {"stable": 90, "candidate": 10},
    )
    bad = period(
        {"stable": {"errors": rate(0.05, 50_000.0)}, "candidate": {"errors": rate(0.05, 50_000.0)}},
        {"stable": 50_000, "candidate": 50_000},
        {"stable": 50, "candidate": 50},
    )
    found = analyse(Design(("stable", "candidate"), (question,)), [quiet, bad], 60)
    assert found.of("errors", "candidate").difference == pytest.approx(0)
    assert found.verdict.code is Code.NO_DIFFERENCE


@pytest.mark.parametrize("question", [RESOLVED, replace(RESOLVED, kind=Kind.MEAN), LATENCY])
def test_a_period_that_is_cut_in_two_alike_says_what_it_said(question: Question) -> None:
    samples = {"a": lognormal(1.0, 4000), "b": lognormal(1.2, 4000)} if question is LATENCY else {
        "a": rate(0.6, 4000.0), "b": rate(0.65, 4000.0)}  # fmt: skip
    half = period({arm: {question.metric: each} for arm, each in samples.items()}, {"a": 4000, "b": 4000})
    whole = period(
        {arm: {question.metric: Sample(each.moments + each.moments, each.histogram + each.histogram)}
         for arm, each in samples.items()},
        {"a": 8000, "b": 8000},
    )  # fmt: skip
    design = Design(("a", "b"), (question,))
    one, two = (analyse(design, periods, 60).of(question.metric, "b") for periods in ([whole], [half, half]))
    assert two.interval == pytest.approx(one.interval, rel=0.01)
    assert two.fixed.error == pytest.approx(one.fixed.error, rel=0.01)
    assert two.treated.units == pytest.approx(8000)


def test_latencies_of_users_who_come_often_count_for_less() -> None:
    """Each user made ten requests: taken as alike, ten of them are one."""
    histograms = {"a": lognormal(1.0, 4000).histogram, "b": lognormal(1.15, 4000).histogram}
    users = Moments.from_arrays(np.zeros(400), np.full(400, 10.0))
    found = {arm: {"latency": Sample(users, each)} for arm, each in histograms.items()}
    seen = [period(found, {"a": 400, "b": 400})]
    widths = []
    for alike in (0.0, 0.2, 1.0):
        comparison = analyse(Design(("a", "b"), (replace(LATENCY, alike=alike),)), seen, 60).of("latency", "b")
        widths.append(comparison.fixed.error)
        assert comparison.treated.units == pytest.approx(4000 / (1 + 9 * alike))
    assert widths[0] < widths[1] < widths[2]


def test_more_successes_than_units_are_taken_as_all() -> None:
    found = {"a": {"resolved": rate(1.5, 1000.0)}, "b": {"resolved": rate(1.0, 1000.0)}}
    comparison = analyse(Design(("a", "b"), (RESOLVED,)), [period(found, {"a": 1000, "b": 1000})], 60)
    assert comparison.of("resolved", "b").p == 1


def test_a_period_with_a_single_unit_in_an_arm_is_left_out_of_a_mean() -> None:
    question = replace(RESOLVED, kind=Kind.MEAN)
    whole = period({arm: {"resolved": rate(0.6, 900.0)} for arm in "ab"}, {"a": 900, "b": 900})
    single = period({"a": {"resolved": rate(0.6, 900.0)}, "b": {"resolved": rate(1.0, 1.0)}}, {"a": 900, "b": 900})
    design = Design(("a", "b"), (question,))
    one, two = (analyse(design, periods, 60).of("resolved", "b") for periods in ([whole], [whole, single]))
    assert one == two


def test_a_ratio_over_nothing_is_not_known_yet() -> None:
    question = replace(RESOLVED, kind=Kind.RATIO)
    found = {arm: {"resolved": Sample(Moments(units=500.0))} for arm in "ab"}
    verdict = analyse(Design(("a", "b"), (question,)), [period(found, {"a": 500, "b": 500})], 60).verdict
    assert verdict.code is Code.KEEP_GOING and verdict.evidence == ()


def test_a_period_that_an_arm_was_not_in_is_left_out_for_it() -> None:
    before = period({"a": {"resolved": rate(0.2, 9000.0)}}, {"a": 9000}, {"a": 1.0, "b": 0.0})
    after = period({arm: {"resolved": rate(0.6, 900.0)} for arm in "ab"}, {"a": 900, "b": 900})
    found = analyse(Design(("a", "b"), (RESOLVED,)), [before, after], 60)
    assert found.of("resolved", "b").control.value == pytest.approx(0.6)
    assert found.units == 10_800


def test_an_adjusted_metric_is_decided_sooner() -> None:
    rng = np.random.default_rng(2)
    found = {}
    for arm, level in (("a", 0.0), ("b", 0.2)):
        before = rng.normal(10, 3, 1000)
        found[arm] = {"order": Sample(Moments.from_arrays(before + level + rng.normal(0, 0.5, 1000), before=before))}
    question = Question("order", Kind.MEAN, Goal.INCREASE, Role.PRIMARY, Margin(0.01, relative=True), adjusted=True)
    seen = [period(found, {"a": 1000, "b": 1000})]
    plain = analyse(Design(("a", "b"), (replace(question, adjusted=False),)), seen, 60)
    assert plain.verdict.code is Code.KEEP_GOING
    assert analyse(Design(("a", "b"), (question,)), seen, 60).verdict.code is Code.WINNER


@pytest.mark.parametrize(
    ("arms", "questions", "alpha", "why"),
    [
        (("a",), (RESOLVED,), 0.05, "at least two arms"),
        (("a", "a"), (RESOLVED,), 0.05, "different names"),
        (("a", "b"), (), 0.05, "at least one metric"),
        (("a", "b"), (RESOLVED, RESOLVED), 0.05, "each once"),
        (("a", "b"), (RESOLVED,), 1.0, "between 0 and 1"),
    ],
)
def test_a_design_that_cannot_be_analysed_is_refused(
    arms: tuple[str, ...], questions: tuple[Question, ...], alpha: float, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Design(arms, questions, alpha=alpha)


def test_two_of_three_arms_are_tuned_for_two_thirds_of_the_units() -> None:
    assert Design(("a", "b", "c"), (RESOLVED,), tuned_units=6000).tuned_pair == 4000
