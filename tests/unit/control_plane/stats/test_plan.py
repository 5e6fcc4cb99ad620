import math
from dataclasses import replace

import numpy as np
import pytest

from control_plane.stats import plan, proportions
from control_plane.stats.design import Design, Goal, Margin, Question, Role
from control_plane.stats.estimate import Kind
from control_plane.stats.plan import Expected, Needed
from control_plane.stats.proportions import Counts
from tests.unit.control_plane.stats.samples import ERRORS, LATENCY, RESOLVED

ORDER = Question("order", Kind.MEAN, Goal.INCREASE, Role.PRIMARY, Margin(0.05, relative=True))
EXPECTED = {
    "resolved": Expected(0.6),
    "errors": Expected(0.01),
    "latency": Expected(2.3, 0.5),
    "order": Expected(20, 26),
}


def needed(question: Question, power: float = 0.8, **shares: float) -> Needed:
    [found] = plan.units(Design(("a", "b"), (question,)), EXPECTED, shares or {"a": 1, "b": 1}, power)
    return found


@pytest.mark.parametrize("question", [RESOLVED, ERRORS, LATENCY, ORDER])
def test_looking_at_any_time_has_its_price_and_it_is_told(question: Question) -> None:
    found = needed(question)
    assert 1.5 < found.inflation < 5
    assert found.usual < found.most
    assert found.most == pytest.approx(found.fixed * found.inflation)


@pytest.mark.parametrize("question", [RESOLVED, ERRORS, LATENCY, ORDER])
def test_more_power_smaller_effects_and_uneven_arms_take_more_units(question: Question) -> None:
    assert question.margin
    found = needed(question)
    half = replace(question, margin=replace(question.margin, value=question.margin.value / 2))
    for harder in (needed(question, power=0.95), needed(half), needed(question, a=9, b=1)):
        assert harder.most > found.most and harder.fixed > found.fixed


def test_a_fixed_plan_is_that_of_textbooks() -> None:
    z = 1.959964 + 0.841621
    assert needed(RESOLVED).fixed == pytest.approx(z**2 * 2 * (0.6 * 0.4 + 0.62 * 0.38) / 0.02**2, rel=1e-6)
    z = 1.644854 + 0.841621
    assert needed(ERRORS).fixed == pytest.approx(z**2 * 4 * 0.01 * 0.99 / 0.005**2, rel=1e-6)


def test_the_plan_comes_true() -> None:
    """200 experiments with the effect that was planned for: half decided by `usual`, four fifths by `most`."""
    found = needed(RESOLVED)
    rng, looks = np.random.default_rng(3), np.linspace(0.02, 1, 50)
    units = np.diff(np.concatenate([[0], np.round(looks * found.most / 2)])).astype(int)
    y, x = (np.cumsum([rng.binomial(units, p) for _ in range(200)], axis=1) * 1.0 for p in (0.62, 0.6))
    upto = units.cumsum() * 1.0
    decided = proportions.log_e([Counts(x, upto, y, upto, 0.5)], 1) >= math.log(2 / 0.05)
    first = np.where(decided.any(axis=1), upto[decided.argmax(axis=1)] * 2, np.inf)
    assert (first <= found.most).mean() >= 0.78
    assert 0.48 <= (first <= found.usual).mean() <= 0.75


def test_each_further_arm_makes_it_harder_and_only_margins_are_planned() -> None:
    design = Design(("a", "b", "c"), (RESOLVED, replace(ORDER, role=Role.SECONDARY), replace(ERRORS, margin=None)))
    [found] = plan.units(design, EXPECTED, {"a": 1, "b": 1, "c": 1})
    assert found.metric == "resolved"
    assert found.most > needed(RESOLVED).most


def test_days_are_whole() -> None:
    assert plan.days(10_001, 1000) == 11
    assert plan.days(10, 1000) == 1


def test_what_cannot_be_found_by_any_number_takes_forever() -> None:
    found = needed(replace(ERRORS, margin=Margin(1e-9)))
    assert found.most == math.inf
