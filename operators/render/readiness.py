"""Whether the live objects run what was rendered, as their own controllers say."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from operators.render.rendered import Object, Readiness, Rendered

_MOST_CHARACTERS = 300
"""Of what a controller says: some quote whole logs."""


def readiness(rendered: Rendered, live: Sequence[Object]) -> Readiness:
    """How far the cluster is with what was rendered; `live` are the children, in any order and with others among them.

    Ready means that what is asked for now runs, not that something before it still does.
    """
    if not rendered.objects:
        return Readiness(not rendered.missing, " ".join(rendered.missing))
    there = {_identity(child): child for child in live}
    readings: list[Readiness] = []
    for asked in rendered.objects:
        child = there.get(_identity(asked))
        if child is None:
            return Readiness(False, f"{_named(asked)} is not there yet.")
        if judge := _JUDGES.get(asked["kind"]):
            readings.append(judge(child))
    unready = [reading.why for reading in readings if not reading.ready]
    replicas = max((reading.replicas for reading in readings), default=0)
    selector = next((reading.selector for reading in readings if reading.selector), "")
    return Readiness(not unready, unready[0] if unready else "", replicas, selector)


def answers_nowhere(rendered: Rendered, live: Sequence[Object]) -> bool:
    """Whether something is not there without which nothing can answer at the address."""
    there = set(map(_identity, live))
    return any(asked["kind"] in _ANSWERING and _identity(asked) not in there for asked in rendered.objects)


def _identity(child: Object) -> tuple[str, str]:
    return child["kind"], child["metadata"]["name"]


def _named(child: Object) -> str:
    return f"{child['kind']} {child['metadata']['name']!r}"


def _deployment(child: Object) -> Readiness:
    status, conditions = _within(child, "status"), _conditions(child)
    available, progressing = conditions.get("Available", {}), conditions.get("Progressing", {})
    asked = _within(child, "spec").get("replicas", 1)
    rolled = progressing.get("reason") == "NewReplicaSetAvailable" or status.get("updatedReplicas", 0) == asked
    ready = _observed(child) and _true(available) and rolled
    stuck = progressing.get("status") == "False" or _true(available)
    why = "" if ready else _why(child, progressing if stuck else available)
    return Readiness(
        ready, why, status.get("availableReplicas", 0), _selector(child, "spec", "selector", "matchLabels")
    )


def _ray_service(child: Object) -> Readiness:
    conditions = _conditions(child)
    upgrading, serving = _true(conditions.get("UpgradeInProgress", {})), _true(conditions.get("Ready", {}))
    active = _within(child, "status", "activeServiceStatus")
    newest = _within(child, "status", "pendingServiceStatus") if upgrading or not serving else active
    applications = _within(newest, "applicationStatuses")
    running = all(application.get("status") == "RUNNING" for application in applications.values())
    ready = _observed(child) and serving and not upgrading and running
    why = "" if ready else _ray_says(child, applications, conditions, still=upgrading and serving)
    workers = _within(active, "rayClusterStatus").get("availableWorkerReplicas", 0)
    # Every group's pods have the same labels.
    groups = _within(child, "spec", "rayClusterConfig").get("workerGroupSpecs") or [{}]
    return Readiness(ready, why, workers, _selector(groups[0], "template", "metadata", "labels"))


def _ray_says(child: Object, applications: Mapping[str, Any], conditions: Mapping[str, Any], *, still: bool) -> str:
    earlier = " The cluster before it still answers." if still else ""
    for name, application in sorted(applications.items()):
        if application.get("status") != "RUNNING":
            last = _last_line(application.get("message"))
            said = f": {last}" if last else ""
            return f"Ray Serve's application {name!r} is {application.get('status') or 'unknown'}{said}.{earlier}"
    return _why(child, conditions.get("UpgradeInProgress" if still else "Ready", {})) + earlier


def _inference_service(child: Object) -> Readiness:
    failed = _last_line(_within(child, "status", "modelStatus", "lastFailureInfo").get("message"))
    return _kserve(child, failed, 0, _selector(child, "spec", "predictor", "labels"))


def _llm_inference_service(child: Object) -> Readiness:
    replicas = _within(child, "status", "workloads", "primary").get("readyReplicas", 0)
    return _kserve(child, "", replicas, _selector(child, "spec", "labels"))


def _kserve(child: Object, failed: str, replicas: int, selector: str) -> Readiness:
    """A part's condition explains more than the whole's, and a failure of the model more than either."""
    conditions = _conditions(child)
    whole = conditions.pop("Ready", {})
    failing = [part for _, part in sorted(conditions.items()) if part.get("status") == "False"]
    ready = _observed(child) and _true(whole)
    why = f"{_named(child)}: {failed}." if failed else _why(child, failing[0] if failing else whole)
    return Readiness(ready, "" if ready else why, replicas, selector)


def _http_route(child: Object) -> Readiness:
    parents = _within(child, "status").get("parents") or []
    for parent in parents:
        for condition in parent.get("conditions") or []:
            if condition.get("status") == "False":
                return Readiness(False, _why(child, condition))
    return Readiness(bool(parents), "" if parents else f"{_named(child)}: no gateway has accepted it yet.")


_JUDGES: Mapping[str, Callable[[Object], Readiness]] = {
    "Deployment": _deployment,
    "RayService": _ray_service,
    "InferenceService": _inference_service,
    "LLMInferenceService": _llm_inference_service,
    "HTTPRoute": _http_route,
}
"""The kinds whose controllers say something; others are there once they are written."""
_ANSWERING = frozenset({"Deployment", "Service", "RayService", "InferenceService", "LLMInferenceService"})


def _within(value: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """A part; an empty one where it is not there, or is null."""
    for name in path:
        value = value.get(name) or {}
    return value


def _observed(child: Object) -> bool:
    """Whether its controller has seen what was written last. One that does not say has."""
    generation = child["metadata"].get("generation", 0)
    return bool(_within(child, "status").get("observedGeneration", generation) >= generation)


def _conditions(child: Object) -> dict[str, Mapping[str, Any]]:
    said: Iterable[Mapping[str, Any]] = _within(child, "status").get("conditions") or []
    return {condition["type"]: condition for condition in said}


def _true(condition: Mapping[str, Any]) -> bool:
    return condition.get("status") == "True"


def _why(child: Object, condition: Mapping[str, Any]) -> str:
    said = _last_line(condition.get("message")) or condition.get("reason") or "it is being started"
    return f"{_named(child)}: {said}."


def _last_line(text: str | None) -> str:
    """The innermost error of a traceback, without the point at its end."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1][:_MOST_CHARACTERS].rstrip(".") if lines else ""


def _selector(child: Mapping[str, Any], *path: str) -> str:
    """As `kubectl -l` takes it. The labels that say what an object belongs to choose nothing."""
    labels = {name: value for name, value in _within(child, *path).items() if "kubernetes.io/" not in name}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
