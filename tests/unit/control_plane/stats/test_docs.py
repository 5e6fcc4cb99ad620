"""The page on statistics says what the code says."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from control_plane.stats import plan
from control_plane.stats.design import Design, Goal, Margin, Question, Role
from control_plane.stats.estimate import Kind
from control_plane.stats.plan import Expected
from control_plane.stats.verdict import Code
from tests.unit.control_plane.stats.samples import ERRORS, RESOLVED

PAGE = (Path(__file__).parents[4] / "docs" / "statistics.md").read_text(encoding="utf-8")


def test_the_example_prints_what_stands_below_it() -> None:
    found = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", PAGE, re.DOTALL)
    assert found
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found[1], "docs/statistics.md", "exec"), {})
    assert printed.getvalue() == found[2]


def test_each_verdict_is_explained() -> None:
    assert all(f"| `{code}` |" in PAGE for code in Code)


@pytest.mark.parametrize(
    ("row", "question", "expected"),
    [
        ("resolved 60% → 62%", RESOLVED, Expected(0.6)),
        (
            "order value +5%",
            Question("m", Kind.MEAN, Goal.INCREASE, Role.PRIMARY, Margin(0.05, True)),
            Expected(1, 1.3),
        ),
        ("errors at 1% not half a point worse", ERRORS, Expected(0.01)),
        (
            "p95 latency not 8% worse",
            Question("m", Kind.QUANTILE, Goal.DECREASE, Role.GUARDRAIL, Margin(0.08, True)),
            Expected(2.3, 0.5),
        ),
    ],
)
def test_what_it_costs_is_what_the_plan_says(row: str, question: Question, expected: Expected) -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {row}"))
    told = [float(cell.replace(",", "").replace("×", "")) for cell in line.split("|")[2:6]]
    [found] = plan.units(Design(("a", "b"), (question,)), {question.metric: expected}, {"a": 1, "b": 1})
    assert told == pytest.approx([found.fixed, found.usual, found.most, found.inflation], rel=0.02)
