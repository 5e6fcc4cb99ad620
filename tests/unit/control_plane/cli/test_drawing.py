"""Intervals and steps can be read without colours."""

import pytest

from control_plane.cli import drawing
from control_plane.spec.courses import RolloutStatus


@pytest.mark.parametrize(
    ("interval", "drawn"),
    [
        ((-1, 0, 1), "────────────●────────────"),
        ((0.5, 0.75, 1), "············│·····───●───"),
        ((-0.5, -0.25, 0.5), "······───●──┼──────······"),
        ((None, -0.5, 0.25), "◂─────●─────┼───·········"),
        ((0, None, 0), "············│············"),
        ((-3, 0.5, None), "◂───────────┼─────●─────▸"),
    ],
)
def test_an_interval_is_drawn_around_zero(
    interval: tuple[float | None, float | None, float | None], drawn: str
) -> None:
    assert drawing.interval(*interval, reach=1) == drawn


_STEPS = [{"mirror": {"minutes": 5}}, {"setWeight": 5}, {"analysis": {"minutes": 10}}, {"pause": {}}]


@pytest.mark.parametrize(
    ("phase", "step", "marks"),
    [("pending", 0, "····"), ("analysing", 2, "✓✓▸·"), ("rolled-back", 2, "✓✓✗·"), ("promoted", 3, "✓✓✓✓")],
)
def test_steps_are_marked_by_how_far_it_is(phase: str, step: int, marks: str) -> None:
    said = {"name": "x", "namespace": "default", "route": "shop", "phase": phase, "step": step, "steps": _STEPS}
    lines = drawing.steps(RolloutStatus.model_validate(said))
    assert "".join(line.strip()[0] for line in lines) == marks
    assert lines[2].endswith("3. analysis, 10 minutes at least")
