import pytest

from benchmarks import router
from benchmarks.harness.load import LOADS, Measurement
from benchmarks.report import Bar
from control_plane.spec.errors import TiermeshError
from tests.unit.benchmarks.samples import measurement

FLAT = router.Memory(after_fill_mb=60, after_all_mb=61)


def one_round(*, hits_forwarded: int = 3, nginx_p50_us: float = 200) -> dict[tuple[str, str], Measurement]:
    proxied = [name for name in LOADS if name != "hit"]
    return {
        **{("router", name): measurement(cpu_us=120, p50_us=600, first_us=900) for name in proxied},
        ("router", "hit"): measurement(cpu_us=40, upstream=hits_forwarded),
        **{("nginx", name): measurement(cpu_us=30, p50_us=nginx_p50_us, first_us=450) for name in proxied},
        **{("direct", name): measurement(p50_us=100, first_us=200) for name in ("paced", "first")},
    }


def bars(*rounds: dict[tuple[str, str], Measurement], with_nginx: bool = True) -> dict[tuple[str, str], Bar]:
    return {(bar.what, bar.unit): bar for bar in router.bars(rounds, "router", with_nginx, FLAT)}


def test_each_promise_of_speed_and_size_has_its_bar() -> None:
    promised = {what: (bar.value, bar.limit) for (what, _unit), bar in bars(one_round()).items() if bar.limit}

    assert promised == {
        "proxied chat request, CPU": (pytest.approx(120), 150),
        "exact-cache hit, CPU": (pytest.approx(40), 60),
        "streamed chunk, CPU": (pytest.approx(12), 16),
        "added p50 at 500/s": (pytest.approx(0.5), 0.6),
        "time to first token, p50": (pytest.approx(0.9), 1.1),
        "resident memory after 100,000 requests": (61, 120),
        "its growth since 20,000 requests": (1, 5),
    }


def test_nginx_gives_each_figure_its_ratio() -> None:
    ratios = {what: bar.value for (what, unit), bar in bars(one_round()).items() if unit == "× nginx"}

    assert ratios == {
        "proxied chat request, CPU": pytest.approx(4),
        "streamed chunk, CPU": pytest.approx(4),
        "added p50 at 500/s": pytest.approx(5),
        "time to first token, p50": pytest.approx(2),
    }


def test_cores_that_may_sleep_have_rows_of_their_own_without_a_limit() -> None:
    rows = router.asleep_bars([one_round()], "nginx")

    assert {bar.what: bar.value for bar in rows} == {
        "nginx, cores that may sleep: streamed chunk, CPU": pytest.approx(3),
        "nginx, cores that may sleep: time to first token, p50": pytest.approx(0.45),
    }
    assert not any(bar.limit for bar in rows)


def test_where_nginx_adds_nothing_measurable_there_is_no_ratio_to_it() -> None:
    assert ("added p50 at 500/s", "× nginx") not in bars(one_round(nginx_p50_us=90))


def test_without_nginx_only_its_rows_are_missing() -> None:
    alone = {key: value for key, value in one_round().items() if key[0] != "nginx"}

    assert list(bars(alone, with_nginx=False)) == list(bars(one_round()))[: len(bars(alone, with_nginx=False))]


def test_a_gateway_too_slow_to_be_weighed_has_its_other_bars() -> None:
    weighed = router.bars([one_round()], "router", True, FLAT)
    unweighed = router.bars([one_round()], "router", True, None)

    assert [bar.what for bar in weighed if bar not in unweighed] == [
        "resident memory after 100,000 requests",
        "its growth since 20,000 requests",
    ]


def test_hits_that_reach_the_upstream_are_not_called_hits() -> None:
    with pytest.raises(TiermeshError, match="Of 1000 equal requests, 11 reached the upstream"):
        bars(one_round(), one_round(hits_forwarded=11))


@pytest.mark.parametrize("arguments", [["--url", "http://127.0.0.1:1/"], ["--pid", "1"], ["--rounds", "0"], ["--no"]])
def test_wrong_usage_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        router.main(arguments)

    assert raised.value.code == 2
    assert capsys.readouterr().err
