"""Metrics: every name, one table. Labels take values from documents and closed lists alone, never from callers."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from observability.tallies import Levels, Tally, Timing

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

NAMES = {
    "tiermesh_router_requests_total": "Answers by route, tier, model, cache outcome and HTTP status.",
    "tiermesh_router_request_seconds": "From the request's last byte in to the answer's last byte out.",
    "tiermesh_router_refusals_total": "Requests refused before a decision, by error code.",
    "tiermesh_router_reasons_total": "Answers whose decision had this step, by route and reason code.",
    "tiermesh_router_attempts_total": "Requests sent to models, by model and what they said about it.",
    "tiermesh_router_mirrored_total": "Copies of requests for a shadow model, by route and what became of them.",
    "tiermesh_router_judged_total": "Answers for a judge, by trial, arm and what came of it.",
    "tiermesh_router_semantic_compared_total": "Answers that a judge compared for the cache, by route and verdict.",
    "tiermesh_router_judge_tokens_total": "Tokens that judges took, by model.",
    "tiermesh_router_judge_dollars_total": "What these cost, by the model's price; in no tenant's budget.",
    "tiermesh_router_breaker_open": "1 while a model is left alone after failures, 0 while it is not.",
    "tiermesh_router_endpoints_ejected": "Endpoints of a model that are left out after failures.",
    "tiermesh_router_contract_broken": "1 for a route whose contract is broken: it goes to the heavy tier; else 0.",
    "tiermesh_router_under_way": "Requests of a route that models work on.",
    "tiermesh_router_queued": "Requests of a route that wait for a place.",
    "tiermesh_router_ladder_step": "How far a route is degraded: 0 full, 1 light, 2 cache, 3 canned, 4 refuse.",
    "tiermesh_router_cache_bytes": "Bytes in the exact cache.",
    "tiermesh_router_cache_entries": "Answers in the exact cache.",
    "tiermesh_router_semantic_bytes": "Bytes in the semantic cache.",
    "tiermesh_router_semantic_entries": "Answers in the semantic cache.",
    "tiermesh_router_semantic_error_bound": "Upper confidence bound of wrong semantic hits among all requests.",
    "tiermesh_router_semantic_redis_away": "1 while the Redis that shares the semantic cache is away, 0 while not.",
    "tiermesh_router_semantic_unshared_total": "Records of the semantic cache that did not get to Redis.",
    "tiermesh_router_semantic_unread_total": "Records of the semantic cache in Redis that are none, and were left out.",
    "tiermesh_router_connections": "Callers' connections now open.",
    "tiermesh_router_snapshot": "Number of the snapshot in force.",
    "tiermesh_router_snapshot_errors_total": "Snapshots that could not be fetched or built.",
    "tiermesh_router_quotas_redis_up": "1 while the Redis of the quotas answers, 0 while it does not.",
    "tiermesh_router_quotas_uncounted_total": "Requests let through uncounted because Redis was away.",
    "tiermesh_router_decisions_dropped_total": "Records of decisions that were lost, by why: full, large or refused.",
    "tiermesh_router_decisions_waiting": "Records of decisions that wait for the control plane.",
    "tiermesh_router_events_dropped_total": "Events of experiments that were lost, by why: full, disk or refused.",
    "tiermesh_router_events_waiting": "Events of experiments that wait for the control plane.",
    "tiermesh_router_events_bytes": "Bytes of them on the disk.",
    "tiermesh_router_control_plane_up": "1 while the control plane answers, 0 while it does not.",
}
"""Name -> what it says."""


class RouterMetrics:
    """A router's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._tally("tiermesh_router_requests_total", ("route", "tier", "model", "cache", "status"))
        self._seconds = Timing(*_described("tiermesh_router_request_seconds"), ("route", "tier", "cache"), SECONDS)
        self._refusals = self._counter("tiermesh_router_refusals_total", ("code",))
        self._reasons = self._tally("tiermesh_router_reasons_total", ("route", "code"))
        self._attempts = self._tally("tiermesh_router_attempts_total", ("model", "verdict"))
        self._mirrored = self._counter("tiermesh_router_mirrored_total", ("route", "outcome"))
        self._judged = self._counter("tiermesh_router_judged_total", ("trial", "arm", "outcome"))
        self._compared = self._counter("tiermesh_router_semantic_compared_total", ("route", "verdict"))
        self._judge_tokens = self._counter("tiermesh_router_judge_tokens_total", ("model",))
        self._judge_dollars = self._counter("tiermesh_router_judge_dollars_total", ("model",))
        self.breaker_open = self._levels("tiermesh_router_breaker_open", "model")
        self.endpoints_ejected = self._levels("tiermesh_router_endpoints_ejected", "model")
        self.under_way = self._levels("tiermesh_router_under_way", "route")
        self.queued = self._levels("tiermesh_router_queued", "route")
        self.ladder_step = self._levels("tiermesh_router_ladder_step", "route")
        self.contract_broken = self._gauge_by("tiermesh_router_contract_broken", "route")
        self.cache_bytes = self._gauge("tiermesh_router_cache_bytes")
        self.cache_entries = self._gauge("tiermesh_router_cache_entries")
        self.semantic_bytes = self._gauge("tiermesh_router_semantic_bytes")
        self.semantic_entries = self._gauge("tiermesh_router_semantic_entries")
        self.semantic_error_bound = self._gauge("tiermesh_router_semantic_error_bound")
        self.semantic_redis_away = self._gauge("tiermesh_router_semantic_redis_away")
        self.semantic_unshared = self._counter("tiermesh_router_semantic_unshared_total")
        self.semantic_unread = self._counter("tiermesh_router_semantic_unread_total")
        self.connections = self._gauge("tiermesh_router_connections")
        self.snapshot = self._gauge("tiermesh_router_snapshot")
        self.snapshot_errors = self._counter("tiermesh_router_snapshot_errors_total")
        self.quotas_redis_up = self._gauge("tiermesh_router_quotas_redis_up")
        self.quotas_uncounted = self._counter("tiermesh_router_quotas_uncounted_total")
        self.decisions_dropped = self._counter("tiermesh_router_decisions_dropped_total", ("why",))
        self.decisions_waiting = self._gauge("tiermesh_router_decisions_waiting")
        self.events_dropped = self._counter("tiermesh_router_events_dropped_total", ("why",))
        self.events_waiting = self._gauge("tiermesh_router_events_waiting")
        self.events_bytes = self._gauge("tiermesh_router_events_bytes")
        self.control_plane_up = self._gauge("tiermesh_router_control_plane_up")

    def _tally(self, name: str, labels: tuple[str, ...]) -> Tally:
        return Tally(*_described(name), labels)

    def _levels(self, name: str, label: str) -> Levels:
        return Levels(*_described(name), (label,))

    def _counter(self, name: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(*_described(name), labels, registry=self.registry)

    def _gauge_by(self, name: str, label: str) -> Gauge:
        return Gauge(*_described(name), (label,), registry=self.registry)

    def _gauge(self, name: str) -> Gauge:
        return Gauge(*_described(name), registry=self.registry)

    def request(self, route: str, tier: str, model: str, cache: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._requests.add((route, tier, model, cache, str(status)))
        self._seconds.add((route, tier, cache), seconds)

    def reason(self, route: str, code: str) -> None:
        """Count one answer that had this step in its decision."""
        self._reasons.add((route, code))

    def attempt(self, model: str, verdict: str) -> None:
        """Count one request to a model."""
        self._attempts.add((model, verdict))

    def mirrored(self, route: str, outcome: str) -> None:
        """Count one copy for a shadow model."""
        self._mirrored.labels(route, outcome).inc()

    def judged(self, trial: str, arm: str, outcome: str) -> None:
        """Count one answer for a judge: marked, dropped, failed, unclear (no mark came), unread (no text came)."""
        self._judged.labels(trial, arm, outcome).inc()

    def compared(self, route: str, verdict: str) -> None:
        """Count one comparison of two answers: same or different; what is unclear, dropped or failed is different."""
        self._compared.labels(route, verdict).inc()

    def judge_cost(self, model: str, tokens: int, dollars: float) -> None:
        """Count what a mark or a comparison took."""
        self._judge_tokens.labels(model).inc(tokens)
        self._judge_dollars.labels(model).inc(dollars)

    def refusal(self, code: str) -> None:
        """Count one request that never came to a decision."""
        self._refusals.labels(code).inc()

    def exposition(self) -> Iterator[str]:
        """All metrics in Prometheus' text format, a few lines at a time: with many Routes they are many."""
        yield generate_latest(self.registry).decode()
        for family in (self._requests, self._seconds, self._reasons, self._attempts):
            yield from family.text()
        for levels in (self.breaker_open, self.endpoints_ejected, self.under_way, self.queued, self.ladder_step):
            yield from levels.text()


def _described(name: str) -> tuple[str, str]:
    return name, NAMES[name]
