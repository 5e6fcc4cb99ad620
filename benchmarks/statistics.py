"""`python -m benchmarks.statistics`: how often the statistics of experiments are wrong, and how soon they are right.

    python -m benchmarks.statistics [--quick] [--json | --draw FILE]

Seeded simulations on one core. Each is judged by the functions that judge real experiments.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness import command
from benchmarks.report import Bar, Report
from benchmarks.trials import drawing, fallbacks, large, peeking, regressions

RUNS, QUICK_RUNS = 2000, 100
FALLBACK_RUNS = 1000
SEED = 5
_STEPS = 13


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs: a look, not figures to quote")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="only draw false verdicts, look by look, as SVG")
    options = parser.parse_args(arguments)
    runs = QUICK_RUNS if options.quick else RUNS
    if options.draw:
        options.draw.write_text(drawing.false_verdicts(peeking.peek(peeking.worlds()[0], runs, SEED)), encoding="utf-8")
        return 0
    return command.report(lambda: run(runs), options)


def run(runs: int) -> Report:
    """All of it."""
    bars = [*_peeking(runs), *_regressions(runs), *_fallbacks(min(runs, FALLBACK_RUNS)), _size(runs)]
    return Report("statistics", bars, notes=notes(runs))


def _peeking(runs: int) -> Iterator[Bar]:
    for number, world in enumerate(peeking.worlds()):
        found = peeking.peek(world, runs, SEED + number)
        _progress(number + 1, f"{world.name}: {found.anytime[-1]:.2%} false")
        most = peeking.limit(world.alpha, runs) * 100
        yield Bar(f"false verdicts, {world.name}, anytime-valid", found.anytime[-1] * 100, "%", limit=most)
        yield Bar(f"false verdicts, {world.name}, fixed-horizon at each look", found.fixed[-1] * 100, "%")
        yield Bar(f"false verdicts, {world.name}, fixed-horizon at the end alone", found.once * 100, "%")


def _regressions(runs: int) -> Iterator[Bar]:
    for number, regression in enumerate(regressions.regressions()):
        found = regressions.measure(regression, runs // 2, SEED + number)
        _progress(number + 10, f"{regression.name}: {found.exposed:,.0f} exposed")
        rule, window = found.threshold, f"best window, {found.threshold.window:,}"
        exposed = found.exposed if math.isfinite(found.exposed) else regressions.CHECKS * regressions.CHECK_UNITS
        yield Bar(f"{regression.name}, median units exposed, by evidence", exposed, "units", limit=rule.median_exposed)
        yield Bar(f"{regression.name}, median units exposed, threshold ({window})", rule.median_exposed, "units")
        equal = found.equal.median_exposed
        yield Bar(f"{regression.name}, median units exposed, threshold as rarely false as evidence", equal, "units")
        yield Bar(
            f"{regression.name}, false rollbacks, by evidence", found.false * 100, "%", limit=regressions.ALPHA * 100
        )
        yield Bar(f"{regression.name}, false rollbacks, threshold", rule.false_rollbacks() * 100, "%")
        yield Bar(
            f"{regression.name}, false rollbacks, threshold, ten times as long", rule.false_rollbacks(10) * 100, "%"
        )


def _fallbacks(runs: int) -> Iterator[Bar]:
    found = fallbacks.measure(runs, SEED)
    _progress(_STEPS, f"fallbacks: {found.anytime:.1%} and {found.fixed:.1%} hold the truth")
    what = "10% fall back, interval holds the truth"
    least = 94 if runs == FALLBACK_RUNS else None
    yield Bar(f"{what}, anytime-valid, at all looks", found.anytime * 100, "%", limit=least, better="higher")
    yield Bar(f"{what}, fixed-horizon", found.fixed * 100, "%", limit=least, better="higher")
    yield Bar(f"{what}, fixed-horizon, if those were left out", found.answered * 100, "%")


def _size(runs: int) -> Bar:
    units = large.UNITS if runs == RUNS else large.UNITS // 10
    taken = large.seconds(units, SEED, command.say)
    return Bar(f"analysis of {units:,} units, 5 arms, 8 metrics", taken, "s", limit=2)


def _progress(done: int, told: str) -> None:
    command.say(f"[{'█' * done}{'·' * (_STEPS - done)}] {told}")


def notes(runs: int) -> list[str]:
    """What a reader must know to believe the bars."""
    exposed = regressions.CHECKS * regressions.CHECK_UNITS
    return [
        f"{runs:,} seeded runs; a look after every {peeking.EVERY} of {peeking.UNITS:,} units. Limits: alpha and two "
        "standard errors; alpha is 5%, for the mismatch 1%.",
        f"Regressions: the candidate gets {regressions.SHARE:.0%} of the traffic; a rollout is over after {exposed:,} "
        f"of its units. A threshold rolls back after {regressions.FAILED_CHECKS} failed checks, as Flagger's does.",
        "Its constant is set from the exact distribution of a fine candidate, its false rollbacks to exactly 5% within "
        "a rollout, and its window to the best of five: the evidence knows none of this, and keeps 5% for ever.",
        "Fallbacks: the hard questions fall back most, so those that do not are easier than the control's.",
    ]


if __name__ == "__main__":
    sys.exit(main())
