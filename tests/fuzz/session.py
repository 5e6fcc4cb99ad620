"""Session: one decoder, fuzzed for a while."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.decoder import Decoder, place_of

BATCH = 200
"""Examples between two looks at the clock."""
MAX_EXAMPLE_CHARACTERS = 4000


@dataclass
class Finding:
    """What should not happen, the smallest example of it, and how often it did."""

    place: str
    problem: str
    example: str
    times: int = 1


@dataclass
class Report:
    """What came of a session."""

    decoder: str
    examples: int = 0
    seconds: float = 0.0
    """Of the processor's time."""
    findings: dict[str, Finding] = field(default_factory=dict)
    """By their place: one bug is one finding."""


def fuzz(
    decoder: Decoder, seconds: float, first_seed: int = 0, progress: Callable[[Report], object] = lambda report: None
) -> Report:
    """Fuzz for so many seconds of the processor's time, at least one batch. The same seed gives the same examples."""
    report, began, batch = Report(decoder.name), time.process_time(), first_seed
    while not report.examples or report.seconds < seconds:
        _run_batch(decoder, report, batch)
        batch += 1
        report.seconds = time.process_time() - began
        progress(report)
    return report


def _run_batch(decoder: Decoder, report: Report, number: int) -> None:
    last: Any = None

    # Not a test of its own: nothing of it is kept, and how long or large an example is is no concern.
    @seed(number)
    @settings(max_examples=BATCH, database=None, deadline=None, report_multiple_bugs=False, print_blob=False,
              suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink))  # fmt: skip
    @given(decoder.examples)
    def batch(example: Any) -> None:
        nonlocal last
        report.examples += 1
        try:
            decoder.check(example)
        except Exception as error:
            place = place_of(error)
            if place in report.findings:
                report.findings[place].times += 1
                return
            last = example
            raise

    try:
        batch()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        place = place_of(error)
        report.findings[place] = Finding(place, repr(error)[:500], repr(last)[:MAX_EXAMPLE_CHARACTERS])
