"""The report of `benchmarks.protocols`."""

import pytest

from benchmarks.protocols import Round, Taken, bars, notes


def taken(cpu_us: float, noise: float = 0.0) -> Taken:
    """A thousand requests."""
    return Taken(1000, 1.0, cpu_us * 1000 / 1e6, noise)


def rounds(*router_us: float) -> list[Round]:
    """Rounds in which the echo took 200 µs."""
    return [{"echo": taken(200), "router": taken(cpu_us)} for cpu_us in router_us]


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    ratio, router, echo = bars(rounds(100, 300, 240))
    assert [ratio.value, router.value, echo.value] == pytest.approx([1.2, 240, 200])
    assert ratio.limit == 1.5 and ratio.holds


def test_a_router_that_costs_too_much_misses_the_bar() -> None:
    assert not bars(rounds(301))[0].holds


def test_a_busy_machine_is_told_of() -> None:
    busy: list[Round] = [{"echo": taken(200, 0.3), "router": taken(300, 0.3)}]
    assert any("busy" in note for note in notes(busy))
    assert not any("busy" in note for note in notes(rounds(300)))
