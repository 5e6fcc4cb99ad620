"""Large: an experiment of ten million units, five arms and eight metrics, as its sufficient statistics."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from control_plane.stats.analyse import analyse
from control_plane.stats.design import Design, Goal, Margin, Question, Role
from control_plane.stats.estimate import Kind
from control_plane.stats.histogram import Histogram
from control_plane.stats.moments import Moments
from control_plane.stats.period import Period, Sample

UNITS, CHUNK = 10_000_000, 500_000
ARMS = ("control", "a", "b", "c", "d")
QUESTIONS = (
    Question("resolved", Kind.PROPORTION, Goal.INCREASE, Role.PRIMARY, Margin(0.01)),
    Question("order", Kind.MEAN, Goal.INCREASE, Role.PRIMARY, Margin(0.01, relative=True), adjusted=True),
    Question("thumbs", Kind.PROPORTION, Goal.INCREASE),
    Question("errors", Kind.PROPORTION, Goal.DECREASE, Role.GUARDRAIL, Margin(0.005)),
    Question("latency", Kind.QUANTILE, Goal.DECREASE, Role.GUARDRAIL, Margin(0.1, relative=True)),
    Question("first-token", Kind.QUANTILE, Goal.DECREASE, quantile=0.5),
    Question("tokens", Kind.RATIO, Goal.DECREASE, Role.GUARDRAIL, Margin(0.05, relative=True)),
    Question("cost", Kind.MEAN, Goal.DECREASE),
)


def period(units: int, seed: int) -> Period:
    """What that many units leave behind, merged from chunks."""
    rng = np.random.default_rng(seed)
    samples: dict[str, dict[str, Sample]] = {}
    for arm in ARMS:
        left = units // len(ARMS)
        while left > 0:
            chunk = _chunk(rng, min(left, CHUNK))
            left -= CHUNK
            known = samples.setdefault(arm, {})
            for metric, sample in chunk.items():
                had = known.get(metric, Sample())
                known[metric] = Sample(had.moments + sample.moments, had.histogram + sample.histogram)
    return Period(dict.fromkeys(ARMS, 1.0), dict.fromkeys(ARMS, float(units // len(ARMS))), samples)


def seconds(units: int, seed: int, say: Callable[[str], None]) -> float:
    """That an analysis takes: the median of five."""
    seen = period(units, seed)
    design = Design(ARMS, QUESTIONS)
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        found = analyse(design, [seen], 86400.0)
        taken.append(time.perf_counter() - start)
    say(f"{units:,} units: {found.words}")
    return median(taken)


def _chunk(rng: np.random.Generator, units: int) -> dict[str, Sample]:
    requests = rng.geometric(0.25, units)
    order = rng.lognormal(3.0, 0.6, units)
    moments = {
        "resolved": Moments.from_arrays(rng.random(units) < 0.6),
        "order": Moments.from_arrays(order, before=order * rng.lognormal(0.0, 0.4, units)),
        "thumbs": Moments.from_arrays(rng.random(units) < 0.1),
        "errors": Moments.from_arrays(rng.random(units) < 0.01),
        "tokens": Moments.from_arrays(requests * rng.lognormal(5.0, 0.3, units), requests),
        "cost": Moments.from_arrays(rng.lognormal(0.0, 1.0, units)),
    }
    histograms = {name: Histogram.from_array(rng.lognormal(0.0, 0.5, units)) for name in ("latency", "first-token")}
    return {name: Sample(found) for name, found in moments.items()} | {
        name: Sample(histogram=found) for name, found in histograms.items()
    }
