"""Measurements as if they had been taken."""

from benchmarks.harness.load import Measurement, Outcome, Quantiles


def measurement(
    *, cpu_us: float = 100, p50_us: float = 500, first_us: float = 800, noise: float = 0, upstream: int = 1000
) -> Measurement:
    """1,000 requests in a second, with ten events each; `cpu_us` is of one request."""
    outcome = Outcome(
        sent=1000,
        answered=1000,
        refused=0,
        broken=0,
        unfinished=0,
        seconds=1,
        finished=1000,
        events=10_000,
        latency_us=Quantiles(1000, p50_us, p50_us, p50_us),
        lag_us=None,
        first_event_us=Quantiles(1000, first_us, first_us, first_us),
        transit_us=None,
    )
    return Measurement(outcome, cpu_us * 1000 / 1e6, upstream, noise)
