"""What breaks a bar of the operator's benchmark."""

from typing import Any

import pytest

from benchmarks import operator
from benchmarks.harness import every_kind
from benchmarks.harness.resources import is_ready, versions
from benchmarks.operator import Found
from operators.kinds import EVERYWHERE
from operators.render import KNOWN

WHOLE: dict[str, Any] = {
    "ready_seconds": 50.0,
    "memory_mb": 140.0,
    "calls_per_look": 0.1,
    "shown_seconds": [0.5, 1.0],
    "repaired_seconds": dict.fromkeys(every_kind.KINDS, 1.0),
    "kills": 50,
}


def broken(**change: Any) -> list[str]:
    return [bar.what for bar in operator.bars(Found(**{**WHOLE, **change}), quick=False) if not bar.holds]


def test_what_keeps_every_promise_breaks_no_bar() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("change", "bar"),
    [
        ({"ready_seconds": 121.0}, "all Ready"),
        ({"memory_mb": 301.0}, "resident memory"),
        ({"rewritten": 1}, "written again"),
        ({"calls_per_look": 1.1}, "API calls"),
        ({"repaired_seconds": {**WHOLE["repaired_seconds"], "Service": 10.1}}, "drift of each Service"),
        ({"shown_seconds": [0.5, 5.1]}, "wrong manifest"),
        ({"shown_seconds": []}, "wrong manifest"),
        ({"kills": 0}, "killed: times"),
        ({"differing": 1}, "differences"),
    ],
)
def test_each_promise_has_a_bar(change: dict[str, Any], bar: str) -> None:
    (what,) = broken(**change)
    assert bar in what


def test_a_kind_that_can_be_rendered_and_was_never_seen_breaks_its_bar() -> None:
    assert set(WHOLE["repaired_seconds"]) == {*EVERYWHERE, *KNOWN}
    seen = {kind: seconds for kind, seconds in WHOLE["repaired_seconds"].items() if kind != "PodMonitor"}
    assert broken(repaired_seconds=seen) == ["drift of each PodMonitor repaired"]


def test_what_was_said_of_an_older_generation_is_not_ready() -> None:
    body: dict[str, Any] = {
        "kind": "Model",
        "metadata": {"name": "a", "generation": 2, "resourceVersion": "9"},
        "status": {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True"}]},
    }
    assert is_ready(body)
    assert not is_ready({**body, "metadata": {**body["metadata"], "generation": 3}})
    assert versions([body]) == {"Model/a": "9"}
