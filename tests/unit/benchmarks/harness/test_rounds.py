import pytest

from benchmarks.harness import rounds
from benchmarks.harness.gateways import Gateway
from benchmarks.harness.load import Load, Measurement, Window
from benchmarks.harness.processes import Cores
from benchmarks.harness.rounds import Bench
from tests.unit.benchmarks.samples import measurement

THREE = [
    {("router", "chat"): measurement(p50_us=300), ("direct", "chat"): measurement(p50_us=100)},
    {("router", "chat"): measurement(p50_us=900), ("direct", "chat"): measurement(p50_us=450)},
    {("router", "chat"): measurement(p50_us=400), ("direct", "chat"): measurement(p50_us=100, noise=0.4)},
]


def test_figures_are_medians_over_rounds() -> None:
    assert rounds.median(THREE, "router", "chat", Measurement.p50_ms) == pytest.approx(0.4)


def test_cpu_time_is_that_of_the_quietest_round() -> None:
    busy = [{("router", "chat"): measurement(cpu_us=cpu_us)} for cpu_us in (150, 110, 190)]

    assert rounds.least(busy, "router", "chat", Measurement.cpu_us_per_request) == pytest.approx(110)


def test_differences_and_ratios_are_taken_within_a_round_first() -> None:
    # 0.2, 0.45 and 0.3 ms more; 3, 2 and 4 times as much. Between the medians it would be 4 times.
    assert rounds.median_difference(THREE, "router", "direct", "chat", Measurement.p50_ms) == pytest.approx(0.3)
    assert rounds.median_ratio(THREE, "router", "direct", "chat", Measurement.p50_ms) == pytest.approx(3)


def test_a_quiet_machine_needs_no_warning() -> None:
    assert rounds.notes(THREE) == [
        "CPU times are of the quietest round, other figures medians; rounds: 3. Others used 0% of a core, at most 40%."
    ]


def test_a_busy_machine_is_said_to_be_busy() -> None:
    (_figures, warning) = rounds.notes([{("router", "chat"): measurement(noise=0.3)}])

    assert "busy" in warning


def test_gateways_take_turns_and_the_next_round_goes_the_other_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[str, int]] = []

    def measure(load: Load, gateway: Gateway, *_rest: object) -> Measurement:
        taken.append((gateway.name, load.connections))
        return measurement()

    monkeypatch.setattr(rounds, "measure", measure)
    a, b = Gateway("a", 1, 1), Gateway("b", 2, 2)
    plan = {a: {"chat": Load(1), "hit": Load(2)}, b: {"chat": Load(1)}}
    said: list[str] = []
    found = list(rounds.take_rounds(Bench(Cores(0, 1), b, Window(0, 1)), plan, 2, said.append))

    assert taken == [("a", 1), ("b", 1), ("a", 2), ("b", 1), ("a", 1), ("a", 2)]
    assert [set(one) for one in found] == [{("a", "chat"), ("b", "chat"), ("a", "hit")}] * 2
    assert len(said) == 2
