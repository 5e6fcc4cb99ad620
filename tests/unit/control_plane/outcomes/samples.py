"""Events, and what a count of them from scratch says."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from control_plane.spec.events import EventBatch, Exposure, Feedback, unit_hash
from control_plane.spec.metrics import Kind, Measured, Metric, known
from control_plane.stats.histogram import Histogram
from control_plane.stats.moments import Moments
from control_plane.stats.period import Sample

BEGAN = datetime(2026, 11, 22, tzinfo=UTC)
TRIAL, OTHER = "Experiment/shop", "Rollout/team/answers"
SPOOL = "0" * 32


def exposure(
    request: str, second: float, unit: str, arm: str = "control", *, trial: str = TRIAL, **more: Any
) -> dict[str, Any]:
    """A request of a unit, as a router writes it."""
    assigned = {"trial": trial, "arm": arm, "unit": unit_hash(unit), "forced": more.pop("forced", False)}
    said = {
        "kind": "exposure",
        "id": request,
        "at": (BEGAN + timedelta(seconds=second)).isoformat(),
        "route": "shop",
        "snapshot": 1,
        "assignments": [assigned],
        "seconds": 0.5,
        "failed": False,
        "fallback": False,
        "cacheHit": False,
        "status": 200,
    }
    return said | more


def feedback(report: str, second: float, name: str = "order", value: float = 1, **about: Any) -> dict[str, Any]:
    """A report, `request_id=` or `unit=` saying of what."""
    who = {"unit": unit_hash(about["unit"])} if "unit" in about else {"requestId": about["request_id"]}
    at = (BEGAN + timedelta(seconds=second)).isoformat()
    said = {"kind": "feedback", "id": report, "at": at, "name": name, "value": value, **who}
    return said | {key: each for key, each in about.items() if key == "tenant"}


def batch(first: int, *events: dict[str, Any], spool: str = SPOOL) -> EventBatch:
    """What a router sends."""
    return EventBatch.model_validate({"router": "router-1", "spool": spool, "first": first, "events": events})


def _metric(name: str, kind: str, of: str, **more: Any) -> Metric:
    return Metric.model_validate({"name": name, "kind": kind, "of": of, "goal": "increase", **more})


METRICS = known(
    (
        _metric("orders", "mean", "outcome", outcome="order"),
        _metric("ordered", "proportion", "outcome", outcome="order"),
        _metric("orders-a-click", "ratio", "outcome", outcome="order", per={"of": "outcome", "outcome": "click"}),
        _metric("orders-a-request", "ratio", "outcome", outcome="order"),
        _metric("failing", "proportion", "errors"),
        _metric("first-token", "ratio", "first-token"),
    )
)


@dataclass(slots=True)
class _Unit:
    exposures: list[Exposure] = field(default_factory=list)
    arms: list[tuple[datetime, str]] = field(default_factory=list)
    forced: bool = False


def from_scratch(events: Iterable[Exposure | Feedback], trial: str) -> dict[str, dict[str, Sample]]:
    """Arm -> metric -> sample, by the rules and nothing else: every unit and report looked at, no sum kept."""
    units: defaultdict[str, _Unit] = defaultdict(_Unit)
    reports: dict[tuple[str, str], Feedback] = {}
    for event in events:
        if isinstance(event, Feedback):
            reports.setdefault((event.tenant, event.id), event)
            continue
        for each in event.assignments:
            if each.trial == trial and each.forced:
                units[each.unit].forced = True
            elif each.trial == trial:
                units[each.unit].exposures.append(event)
                units[each.unit].arms.append((event.at, each.arm))
    arms: defaultdict[str, list[tuple[_Unit, list[Feedback], list[Feedback]]]] = defaultdict(list)
    for name, unit in units.items():
        if unit.forced:
            continue
        began, arm = min(unit.arms)
        asked = {(each.tenant, each.id) for each in unit.exposures}
        mine = [each for each in reports.values() if each.unit == name]
        during = [each for each in reports.values() if (each.tenant, each.request_id) in asked]
        during += [each for each in mine if each.at >= began]
        arms[arm].append((unit, during, [each for each in mine if each.at < began]))
    return {arm: {name: _sample(each, metric) for name, metric in METRICS.items()} for arm, each in arms.items()}


def _sample(units: list[tuple[_Unit, list[Feedback], list[Feedback]]], metric: Metric) -> Sample:
    moments, values = Moments(), []
    ever = metric.kind is Kind.PROPORTION
    for unit, during, before in units:
        seen = [value for each in unit.exposures if (value := _own(each, metric.of)) is not None]
        if metric.of is Measured.OUTCOME:
            seen = [each.value for each in during if each.name == metric.outcome]
        old = [each.value for each in before if each.name == metric.outcome]
        count = 1.0
        if metric.kind is Kind.RATIO:
            over = metric.over.outcome
            whole = metric.of in (Measured.OUTCOME, Measured.ERRORS, Measured.FALLBACKS, Measured.CACHE_HITS)
            count = float(len(unit.exposures) if whole else len(seen))
            if over is not None:
                count = sum(each.value for each in during if each.name == over)
        if metric.kind is Kind.QUANTILE:
            count, old = float(len(seen)), []
            values += seen
        moments += Moments.of(_made(seen, ever), count, _made(old, ever))
    return Sample(moments, Histogram.of(values))


def _made(values: list[float], ever: bool) -> float:
    return float(any(values)) if ever else sum(values)


def _own(exposure: Exposure, of: Measured) -> float | None:
    tokens = exposure.input_tokens, exposure.output_tokens
    return {
        Measured.LATENCY: exposure.seconds,
        Measured.FIRST_TOKEN: exposure.first_token_seconds,
        Measured.TOKENS: None if tokens == (None, None) else float(sum(each or 0 for each in tokens)),
        Measured.COST: None if exposure.picodollars is None else exposure.picodollars / 1e12,
        Measured.ERRORS: float(exposure.failed),
        Measured.FALLBACKS: float(exposure.fallback),
        Measured.CACHE_HITS: float(exposure.cache_hit),
    }.get(of)
