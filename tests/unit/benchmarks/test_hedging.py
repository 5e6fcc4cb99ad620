import json

import pytest

from benchmarks import hedging
from benchmarks.harness.load import Window
from benchmarks.report import Bar
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.errors import TiermeshError
from tests.unit.benchmarks.samples import measurement


def found(p99_us: float, *asked: int) -> hedging.Found:
    """A window in which 1,000 requests were sent."""
    return hedging.Found(measurement(first_us=p99_us), asked or (400, 400, 200))


def one_round(hedged_us: float = 30_000, *asked: int) -> hedging.Round:
    return {
        ("hedged", hedging.HEALTHY): found(20_000),
        ("hedged", hedging.SLOW): found(hedged_us, *asked),
        ("hedged", hedging.STUMBLES): found(30_000),
        ("plain", hedging.HEALTHY): found(25_000),
        ("plain", hedging.SLOW): found(100_000),
        ("plain", hedging.STUMBLES): found(200_000),
    }


def bars(*rounds: hedging.Round) -> dict[str, Bar]:
    return {bar.what: bar for bar in hedging.bars(rounds)}


def test_the_tail_is_compared_with_the_same_routes_healthy_one() -> None:
    found = bars(one_round(30_000), one_round(36_000), one_round(90_000))
    bar = found["p99 to first token, one endpoint slow, hedging"]
    assert bar.value == pytest.approx(1.8)
    assert (bar.limit, bar.holds) == (2, True)
    assert found["p99 to first token, one endpoint slow, no hedging"].value == pytest.approx(4)
    assert found["p99 to first token, each stumbles, hedging"].value == pytest.approx(1.5)
    assert found["p99 to first token, each stumbles, no hedging"].value == pytest.approx(8)
    assert found["p99, one endpoint slow, hedging"].value == pytest.approx(36)


def test_a_tail_that_is_too_long_breaks_its_bar() -> None:
    assert not bars(one_round(41_000))["p99 to first token, one endpoint slow, hedging"].holds


@pytest.mark.parametrize(("asked", "percent", "holds"), [((500, 500, 40), 4, True), ((500, 500, 60), 6, False)])
def test_every_request_upstream_beyond_the_callers_own_is_extra(
    asked: tuple[int, ...], percent: float, holds: bool
) -> None:
    bar = bars(one_round(30_000, *asked))["extra upstream requests, one endpoint slow"]
    assert bar.value == pytest.approx(percent)
    assert (bar.limit, bar.holds) == (5, holds)


def test_an_endpoint_that_nobody_asked_makes_no_figure() -> None:
    unasked = {**one_round(), ("plain", hedging.SLOW): found(20_000, 500, 500, 0)}
    with pytest.raises(TiermeshError, match="was not asked"):
        hedging.bars([unasked])


def test_the_routes_differ_in_hedging_alone_and_share_no_model() -> None:
    routes = compile([parse(json.loads(json.dumps(each))) for each in hedging.documents([1, 2, 3])]).routes
    assert {route.name: route.resilience.hedging.enabled for route in routes} == hedging.ROUTES
    hedged, plain = (route.resilience for route in routes)
    assert hedged.model_copy(update={"hedging": plain.hedging}) == plain
    assert {route.heavy for route in routes} == {("hedged",), ("plain",)}


def test_notes_say_how_it_was_measured() -> None:
    assert any("8 s, 100 streams a second" in note for note in hedging.notes([one_round()], Window(0, 8)))
