"""Whether the live objects run what was rendered, as their own controllers say."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from operators.render.rendered import Object, Readiness, Rendered


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
    unready = [reading for reading in readings if not reading.ready]
    replicas = max((reading.replicas for reading in readings), default=0)
    selector = next((reading.selector for reading in readings if reading.selector), "")
    return Readiness(not unready, unready[0].why if unready else "", replicas, selector)


def _identity(child: Object) -> tuple[str, str]:
    return child["kind"], child["metadata"]["name"]


def _named(child: Object) -> str:
    return f"{child['kind']} {child['metadata']['name']!r}"


def _deployment(child: Object) -> Readiness:
    status, labels = child.get("status", {}), child["spec"]["selector"]["matchLabels"]
    conditions = _conditions(status)
    available, progressing = conditions.get("Available", {}), conditions.get("Progressing", {})
    asked = child["spec"].get("replicas", 1)
    rolled = progressing.get("reason") == "NewReplicaSetAvailable" or status.get("updatedReplicas", 0) == asked
    ready = _observed(child) and available.get("status") == "True" and rolled
    why = "" if ready else _why(child, progressing if progressing.get("status") == "False" else available)
    return Readiness(ready, why, status.get("availableReplicas", 0), _selector(labels))


def _ray_service(child: Object) -> Readiness:
    status = child.get("status", {})
    conditions = _conditions(status)
    upgrading = conditions.get("UpgradeInProgress", {}).get("status") == "True"
    serving = conditions.get("Ready", {}).get("status") == "True"
    current = status.get("pendingServiceStatus" if upgrading or not serving else "activeServiceStatus", {})
    applications: Mapping[str, Any] = current.get("applicationStatuses") or {}
    running = all(application.get("status") == "RUNNING" for application in applications.values())
    ready = _observed(child) and serving and not upgrading and running
    why = "" if ready else _ray_says(child, applications, conditions, still=upgrading and serving)
    workers = status.get("activeServiceStatus", {}).get("rayClusterStatus", {}).get("availableWorkerReplicas", 0)
    return Readiness(ready, why, workers, _worker_selector(child))


def _ray_says(child: Object, applications: Mapping[str, Any], conditions: Mapping[str, Any], *, still: bool) -> str:
    earlier = " The cluster before it still answers." if still else ""
    for name, application in sorted(applications.items()):
        if application.get("status") != "RUNNING":
            last = _last_line(application.get("message", ""))
            said = f": {last}" if last else ""
            return f"Ray Serve's application {name!r} is {application.get('status', 'unknown')}{said}.{earlier}"
    return _why(child, conditions.get("UpgradeInProgress" if still else "Ready", {})) + earlier


def _worker_selector(child: Object) -> str:
    groups = child["spec"]["rayClusterConfig"].get("workerGroupSpecs") or [{}]
    return _selector(groups[0].get("template", {}).get("metadata", {}).get("labels", {}))


def _kserve(child: Object) -> Readiness:
    status = child.get("status", {})
    conditions = _conditions(status)
    ready = _observed(child) and conditions.get("Ready", {}).get("status") == "True"
    failed = status.get("modelStatus", {}).get("lastFailureInfo", {}).get("message")
    why = f"{_named(child)}: {_last_line(failed)}." if failed else _why(child, _first_failing(conditions))
    return Readiness(ready, "" if ready else why, 0, _selector(_pod_labels(child["spec"])))


def _pod_labels(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """An InferenceService says them of its predictor, an LLMInferenceService of itself."""
    found: Mapping[str, str] = spec.get("predictor", spec).get("labels", {})
    return found


def _first_failing(conditions: Mapping[str, Any]) -> Mapping[str, Any]:
    """What explains most: a part's condition before the whole's."""
    failing = [one for name, one in sorted(conditions.items()) if one.get("status") == "False" and name != "Ready"]
    whole: Mapping[str, Any] = conditions.get("Ready", {})
    return failing[0] if failing else whole


def _http_route(child: Object) -> Readiness:
    for parent in child.get("status", {}).get("parents", []):
        for condition in parent.get("conditions", []):
            if condition.get("status") == "False":
                return Readiness(False, _why(child, condition))
    accepted = bool(child.get("status", {}).get("parents"))
    return Readiness(accepted, "" if accepted else f"{_named(child)}: no gateway has accepted it yet.")


_JUDGES: Mapping[str, Callable[[Object], Readiness]] = {
    "Deployment": _deployment,
    "RayService": _ray_service,
    "InferenceService": _kserve,
    "LLMInferenceService": _kserve,
    "HTTPRoute": _http_route,
}
"""The kinds whose controllers say something; others are there once they are written."""


def _observed(child: Object) -> bool:
    """Whether its controller has seen what was written last. One that does not say has."""
    generation = child["metadata"].get("generation", 0)
    return bool(child.get("status", {}).get("observedGeneration", generation) >= generation)


def _conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {condition["type"]: condition for condition in status.get("conditions", [])}


def _why(child: Object, condition: Mapping[str, Any]) -> str:
    said = _last_line(condition.get("message", "")) or condition.get("reason") or "it is being started"
    return f"{_named(child)}: {said.rstrip('.')}."


def _last_line(text: str) -> str:
    """The innermost error of a traceback, bounded: controllers quote whole logs."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300].rstrip(".") if lines else ""


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
