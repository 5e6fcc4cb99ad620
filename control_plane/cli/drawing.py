"""Drawing: intervals and steps in characters. Pure."""

from collections.abc import Sequence

from control_plane.spec.courses import Phase, RolloutStatus
from control_plane.spec.results import Compared
from control_plane.spec.rollouts import Step

WIDTH = 25
"""Characters of an interval's bar; odd, so that zero has one of its own in the middle."""


def interval(low: float | None, point: float | None, high: float | None, reach: float) -> str:
    """`······──●───│·····`: an interval from -`reach` to `reach`, with zero in the middle. None is without end."""

    def place(value: float) -> int:
        return min(max(round((value / reach + 1) / 2 * (WIDTH - 1)), 0), WIDTH - 1)

    if not reach or point is None:
        return "·" * (WIDTH // 2) + "│" + "·" * (WIDTH // 2)
    first, last = 0 if low is None else place(low), WIDTH - 1 if high is None else place(high)
    cells = ["─" if first <= index <= last else "·" for index in range(WIDTH)]
    cells[WIDTH // 2] = "┼" if first <= WIDTH // 2 <= last else "│"
    if low is None or low < -reach:
        cells[0] = "◂"
    if high is None or high > reach:
        cells[-1] = "▸"
    cells[place(point)] = "●"
    return "".join(cells)


def reaches(found: Sequence[Compared]) -> dict[str, float]:
    """How far each metric's bars reach, so that those of one metric can be compared by eye."""
    reach: dict[str, float] = {}
    for one in found:
        ends = [abs(each) for each in (one.low, one.difference, one.high) if each is not None]
        reach[one.metric] = max(reach.get(one.metric, 0), *ends, 0)
    return reach


def step(said: Step) -> str:
    """A step in words."""
    if said.set_weight is not None:
        return f"weight {said.set_weight:g}%"
    if said.analysis is not None:
        return f"analysis, {said.analysis.minutes:g} minutes at least"
    if said.mirror is not None:
        return f"mirror {said.mirror.percent:g}% for {said.mirror.minutes:g} minutes"
    minutes = said.pause.minutes if said.pause else None
    return "pause until it is promoted" if minutes is None else f"pause of {minutes:g} minutes"


def steps(status: RolloutStatus) -> list[str]:
    """A line for each step: ✓ done, ▸ under way, · to come, ✗ where it ended."""
    begun, ended = status.phase is not Phase.PENDING, status.phase.over
    lines = []
    for index, said in enumerate(status.steps):
        done = status.phase is Phase.PROMOTED or (begun and index < status.step)
        here = begun and index == status.step
        mark = "✓" if done else "✗" if here and ended else "▸" if here else "·"
        lines.append(f"  {mark} {index + 1}. {step(said)}")
    return lines
