"""What the pages show: documents, and what routers and callers say about them, all through the API.

How differences came about over days cannot be said through it: that is written into the database, as the control plane
writes it.
"""

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from control_plane.publisher import Publisher
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.events import MOST_EVENTS, unit_hash
from control_plane.spec.results import Concluded, Point
from control_plane.store import analyses, artifacts
from control_plane.store.database import Database
from tests.learned import NAME, complexity, summary, text
from tests.unit.control_plane.samples import experiment, parsed, rollout, route, shop

AGE = timedelta(days=3)
METRICS = [
    {"name": "resolved", "kind": "proportion", "of": "outcome", "outcome": "resolved", "goal": "increase",
     "primary": True, "minimumEffect": {"absolute": 0.02}},
]  # fmt: skip
GUARDRAILS = [
    {"metric": "errors", "margin": {"absolute": 0.02}},
    {"metric": "latency-p95", "margin": {"relative": 0.1}},
]


def documents(settings: ControlPlaneSettings, *more: dict[str, Any]) -> None:
    """The shop, and what is given: published some days ago. The control plane does not run yet."""
    settings.home.mkdir(parents=True)
    with closing(Database(settings.database)) as database:
        database.migrate()
        with database.write() as transaction:
            artifacts.add(transaction, NAME, summary(), text())
        publisher = Publisher(database, settings.serve_url, lambda _: None, lambda: datetime.now(UTC) - AGE)
        publisher.apply(parsed(*shop(), *more), "ada", "as it began")


def wording(name: str = "wording", layer: str = "default", field: str = "complexity", **spec: Any) -> dict[str, Any]:
    """A running Experiment with a metric that decides and two guardrails."""
    overrides = {
        "complexity": {"threshold": 0.4},
        "sampling": {"temperature": 0.2},
        "cache": {"exact": {"enabled": False}},
    }
    arms = [{"name": "control", "weight": 50}, {"name": "shorter", "weight": 50, "override": {field: overrides[field]}}]
    said = {"arms": arms, "metrics": METRICS, "guardrails": GUARDRAILS, "traffic": {"layer": layer}}
    return experiment(name, **said | spec)


def guarded(name: str = "heavier", **spec: Any) -> dict[str, Any]:
    """A Rollout that is analysed at 20%, and on the way at a pause."""
    steps = [{"setWeight": 5}, {"pause": {}}, {"setWeight": 20}, {"analysis": {"minutes": 30}}, {"setWeight": 50}]
    return rollout(name, **{"steps": steps, "guardrails": GUARDRAILS[:1]} | spec)


def promising(name: str, **contract: Any) -> dict[str, Any]:
    """A Route with a quality contract."""
    return route(name, complexity=complexity(**contract))


def reported(api: httpx2.Client, name: str, requests: int, light_is_right: float) -> None:
    """So many of its requests explored, two of three below the threshold, and callers said of all how good the answer
    was: the heavy tier's always, the light one's in this share."""
    (said,) = [one for one in api.get("/v1/snapshots/latest").json()["content"]["routes"] if one["name"] == name]
    contract = said["router"]["contract"]
    terms = {"promise": said["router"]["promise"], "outcome": "quality", "maxQualityLoss": contract["maxQualityLoss"]}
    chance, now, events = random.Random(name), datetime.now(UTC).isoformat(), []
    for number in range(requests):
        request, heavy = f"{name}-{number}", chance.random() < 0.5
        right = heavy or chance.random() < light_is_right
        explored = {"kind": "exploration", "below": number % 3 > 0, "tier": "heavy" if heavy else "light"}
        events += [
            {**terms, **explored, "id": request, "at": now, "route": name, "confidence": contract["confidence"]},
            {"kind": "feedback", "id": f"{request}-said", "at": now, "requestId": request, "name": "quality",
             "value": int(right)},
        ]  # fmt: skip
    _send(api, events, f"{chance.getrandbits(128):032x}")


def exposed(
    api: httpx2.Client, trial: str, units: Mapping[str, int], resolved: Mapping[str, float], again: str = ""
) -> None:
    """So many units of each arm asked, and that share of them were helped; others than those of another `again`."""
    chance = random.Random(trial + again)
    now = datetime.now(UTC)
    events = list(_events(chance, now, trial, units, resolved, again))
    _send(api, events, f"{chance.getrandbits(128):032x}")


def _send(api: httpx2.Client, events: list[dict[str, Any]], spool: str) -> None:
    """Send them as a router does."""
    for first in range(0, len(events), MOST_EVENTS):
        body = {"router": "router-1", "spool": spool, "first": first + 1, "events": events[first : first + MOST_EVENTS]}
        answer = api.post("/v1/events", json=body)
        assert answer.is_success, answer.text


def _events(
    chance: random.Random,
    now: datetime,
    trial: str,
    units: Mapping[str, int],
    resolved: Mapping[str, float],
    again: str,
) -> Iterator[dict[str, Any]]:
    for arm, count in units.items():
        name = f"{trial.replace('/', '-')}-{arm}{again}"
        for number in range(count):
            unit = unit_hash(f"{name} {number}")
            at = (now - timedelta(seconds=1)).isoformat()
            yield {
                "kind": "exposure", "id": f"{name}-{number}", "at": at, "route": "shop", "snapshot": 1,
                "assignments": [{"trial": trial, "arm": arm, "unit": unit}],
                "seconds": round(chance.lognormvariate(-0.7, 0.4), 4), "failed": chance.random() < 0.01,
                "fallback": False, "cacheHit": False, "status": 200,
            }  # fmt: skip
            if chance.random() < resolved[arm]:
                yield {
                    "kind": "feedback", "id": f"{name}-{number}-said", "at": now.isoformat(), "unit": unit,
                    "name": "resolved", "value": 1,
                }  # fmt: skip


def course(settings: ControlPlaneSettings, trial: str, arm: str, ends: Mapping[str, tuple[float, float]]) -> None:
    """How differences came about: towards where each metric ends, within an interval that narrows to so much."""
    chance, looks = random.Random(trial + arm), 60
    begun = datetime.now(UTC) - AGE
    walk = dict.fromkeys(ends, 0.0)
    with closing(Database(settings.database)) as database, database.write() as transaction:
        analyses.conclude(transaction, trial, Concluded(code="keep-going", text="Keep going.", at=begun))
        for look in range(1, looks):
            at = begun + AGE * look / looks
            walk = {metric: was + chance.gauss(0, 1) for metric, was in walk.items()}
            points = [_point(at, metric, arm, ends[metric], look / looks, was / look) for metric, was in walk.items()]
            analyses.keep(transaction, trial, at, points)


def _point(at: datetime, metric: str, arm: str, ends: tuple[float, float], share: float, mean: float) -> Point:
    end, least = ends
    reach = least * math.sqrt(math.log(20 / share) / math.log(20) / share)
    middle = end + mean * least * 2
    low = None if share < 0.05 else middle - reach
    role = "primary" if metric == METRICS[0]["name"] else "guardrail"
    return Point(at=at, metric=metric, role=role, arm=arm, difference=middle, low=low, high=middle + reach)
