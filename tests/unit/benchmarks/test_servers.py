import pytest

from benchmarks import servers
from benchmarks.harness.load import Measurement
from benchmarks.report import Bar
from tests.unit.benchmarks.samples import measurement


def one_round(asgi_cpu_us: float) -> dict[tuple[str, str], Measurement]:
    loads = ("chat", "hit", "stream")
    return {
        **{("protocol", load): measurement(cpu_us=50) for load in loads},
        **{("asgi", load): measurement(cpu_us=asgi_cpu_us) for load in loads},
    }


def ratio_bars(asgi_cpu_us: float) -> list[Bar]:
    return [bar for bar in servers.bars([one_round(asgi_cpu_us)], ["protocol", "asgi"]) if bar.limit]


def test_a_dearer_server_confirms_the_choice() -> None:
    found = ratio_bars(asgi_cpu_us=75)

    assert [bar.value for bar in found] == pytest.approx([1.5] * 3)
    assert all(bar.holds for bar in found)


def test_a_cheaper_server_overturns_the_choice() -> None:
    found = ratio_bars(asgi_cpu_us=40)

    assert [bar.value for bar in found] == pytest.approx([0.8] * 3)
    assert not any(bar.holds for bar in found)
