"""`python -m benchmarks.contracts`: how soon a broken quality contract is found out, and how often one is slandered.

    python -m benchmarks.contracts [--quick] [--json]

Seeded simulations on one core, by the code that judges real reports: 40% of the requests are below the threshold, the
heavy tier is right in 80% of them, and 0.02 may be lost with 95% confidence.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.harness import command
from benchmarks.report import Bar, Report
from control_plane.stats.loss import LossWatch

RUNS, QUICK_RUNS = 25, 3
FALSE_RUNS, QUICK_FALSE_RUNS = 100, 10
FALSE_REPORTS = 5000
MAX_LOSS, CONFIDENCE = 0.02, 0.95
BELOW, HEAVY = 0.4, 0.8
MOST_REPORTS = 20_000


class Course(NamedTuple):
    """A watch until its end."""

    reports: int
    watch: LossWatch


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contracts", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs: a look, not figures to quote")
    options = parser.parse_args(arguments)
    return command.report(lambda: run(options.quick), options)


def run(quick: bool) -> Report:
    """All of it."""
    return Report("contracts", [*_slandered(quick), *_found_out(quick)])


def _slandered(quick: bool) -> Iterator[Bar]:
    runs = QUICK_FALSE_RUNS if quick else FALSE_RUNS
    ended = [watched(MAX_LOSS, FALSE_REPORTS, seed).watch for seed in range(runs)]
    for state in ("broken", "shown"):
        share = 100 * sum(getattr(watch, state) for watch in ended) / runs
        yield Bar(f"called {state} within {FALSE_REPORTS:,} reports, {MAX_LOSS:g} lost", share, "%", limit=5)


def _found_out(quick: bool) -> Iterator[Bar]:
    for loss in (0.1, 0.06, 0.04, 0.0, 0.01):
        state = "broken" if loss > MAX_LOSS else "shown"
        runs = range(QUICK_RUNS if quick else RUNS)
        needed = [watched(loss, MOST_REPORTS, seed, until=state).reports for seed in runs]
        yield Bar(f"median reports until {state}, {loss:g} lost", float(np.median(needed)), "reports")


def watched(loss: float, most: int, seed: int, until: str = "") -> Course:
    """A world in which so much is lost a request, for so many reports at most, or until the state is reached."""
    draw, watch = np.random.default_rng(seed), LossWatch(MAX_LOSS, CONFIDENCE)
    for number in range(most):
        heavy = bool(draw.random() < 0.5)
        right = HEAVY if heavy else HEAVY - loss / BELOW
        watch = watch.told(bool(draw.random() < BELOW), heavy, float(draw.random() < right))
        if until and getattr(watch, until):
            return Course(number + 1, watch)
    return Course(most, watch)


if __name__ == "__main__":
    sys.exit(main())
