"""`benchmarks.protocols` with a real router and a real caller, for the wink of an eye."""

from benchmarks.harness.load import Window
from benchmarks.harness.processes import Cores
from benchmarks.protocols import run


def test_all_that_is_measured_answers() -> None:
    Cores.available()
    report = run(1, Window(0.1, 0.2))
    assert all(bar.value > 0 for bar in report.bars)
