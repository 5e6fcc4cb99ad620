import json
from collections import Counter

import pytest

from benchmarks import faults
from benchmarks.harness.callers import Ending, Tally
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse


def part(restarts: int = 12, **endings: int) -> faults.Part:
    counted = Counter({Ending[name.upper()]: count for name, count in endings.items()})
    return faults.Part(Tally(counted, Counter(steady=40)), restarts)


def broken(killed: faults.Part, rolled: faults.Part) -> list[str]:
    return [bar.what for bar in faults.bars(killed, rolled) if not bar.holds]


def test_streams_that_are_cut_with_an_error_are_what_a_killed_model_may_cost() -> None:
    assert broken(part(whole=11_900, cut=100), part(whole=12_000)) == []


@pytest.mark.parametrize(
    ("killed", "rolled", "found"),
    [
        (part(whole=9, refused=1), part(whole=9), "model killed: errors before the first token"),
        (part(whole=9, lost=1), part(whole=9), "model killed: answers broken without an error"),
        (part(whole=9), part(whole=9, refused=1), "routers restarted: errors before the first token"),
        (part(whole=9), part(whole=9, lost=1), "routers restarted: answers broken without an error"),
        (part(whole=9), part(whole=9, cut=1), "routers restarted: streams cut"),
        (part(restarts=1, whole=9), part(whole=9), "model killed: times"),
        (part(whole=9), part(restarts=1, whole=9), "routers restarted: times"),
    ],
)
def test_whatever_else_a_caller_notices_breaks_a_bar(killed: faults.Part, rolled: faults.Part, found: str) -> None:
    assert broken(killed, rolled) == [found]


def test_progress_says_how_many_failed() -> None:
    assert str(part(whole=1000, refused=1, lost=1, cut=3).tally) == "1,005 asked, 2 failed, 3 cut"


def test_wrong_usage_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        faults.main(["--no"])
    assert raised.value.code == 2
    assert capsys.readouterr().err


def test_the_documents_hold_together() -> None:
    content = compile([parse(json.loads(json.dumps(each))) for each in faults.documents(1, 2)])
    assert content.routes[0].resilience.fallbacks == ("steady",)
