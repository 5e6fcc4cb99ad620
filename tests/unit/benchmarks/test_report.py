import json

import pytest

from benchmarks.report import Bar, Report, emit, machine_facts

MACHINE: dict[str, str | int | float] = {"processor": "abacus", "cores": 2}
KEPT = Bar("proxied chat request, CPU", 72.31, "µs", limit=150)
BROKEN = Bar("added p50 at 500/s", 0.8, "ms", limit=0.6)


@pytest.mark.parametrize(
    ("bar", "holds"),
    [
        (Bar("cost", 150, "µs", limit=150), True),
        (Bar("cost", 150.1, "µs", limit=150), False),
        (Bar("rate", 11, "/s", limit=10, better="higher"), True),
        (Bar("rate", 9.9, "/s", limit=10, better="higher"), False),
        (Bar("rate", 9.9, "/s"), True),
    ],
)
def test_a_bar_holds_up_to_its_limit_on_its_better_side(bar: Bar, holds: bool) -> None:
    assert bar.holds is holds


def test_a_value_that_is_not_a_number_holds_no_limit() -> None:
    assert not Bar("cost", float("nan"), "µs", limit=150).holds


def test_json_is_one_object_on_standard_output_with_notes_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    code = emit(Report("router", [KEPT, Bar("rate", 5000, "/s")], MACHINE, ["The machine was busy."]), as_json=True)

    out, err = capsys.readouterr()
    assert code == 0
    assert json.loads(out) == {
        "name": "router",
        "machine": MACHINE,
        "bars": [
            {"what": "proxied chat request, CPU", "value": 72.31, "unit": "µs", "limit": 150, "holds": True},
            {"what": "rate", "value": 5000, "unit": "/s", "limit": None, "holds": True},
        ],
    }
    assert err == "The machine was busy.\n"


def test_the_table_shows_each_bar_its_limit_and_whether_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    code = emit(Report("router", [KEPT, BROKEN, Bar("rate", 12345, "/s")], MACHINE, ["Noted."]), as_json=False)

    title, _headings, kept, broken, rate, note = capsys.readouterr().out.splitlines()
    assert code == 1
    assert title == "router (processor abacus, cores 2)"
    assert kept.split() == ["proxied", "chat", "request,", "CPU", "72.3", "µs", "≤", "150", "yes"]
    assert broken.split()[-5:] == ["0.8", "ms", "≤", "0.6", "NO"]
    assert rate.split() == ["rate", "12,345", "/s"]
    assert note == "Noted."


def test_machine_facts_name_processor_cores_and_memory() -> None:
    facts = machine_facts()

    assert facts["processor"]
    assert isinstance(facts["cores"], int) and facts["cores"] >= 1
    assert isinstance(facts["memory_gib"], float) and facts["memory_gib"] > 0
