"""Custom resources and what is known beside them, as several tests use them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from control_plane.spec.documents import API_VERSION
from control_plane.spec.records import Presence, RouterState
from operators.kinds import FINALIZER, Object
from operators.observed import Observed, Patch, Standing
from operators.reconcile import owned, reconcile
from operators.render import Offers, Site, render_model
from operators.resource import Resource, digest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANAGER = "kubernetes"
ELSEWHERE = {"engine": "openai", "tier": "light", "url": "http://models.example/v1"}
HERE = {
    "engine": "vllm",
    "tier": "heavy",
    "source": "hf://org/name",
    "kubernetes": {"runtime": "deployment"},
}


def resource(kind: str = "Model", name: str = "small", spec: Any = None, **metadata: Any) -> Resource:
    """A custom resource; by default a Model that runs elsewhere, with its finalizer."""
    said = {
        "name": name,
        "namespace": "team",
        "uid": f"uid-{name}",
        "resourceVersion": "7",
        "generation": 1,
        "finalizers": [FINALIZER],
    } | metadata
    return Resource({"apiVersion": API_VERSION, "kind": kind, "metadata": said, "spec": spec or dict(ELSEWHERE)})


def deleted(one: Resource) -> Resource:
    """The same, deleted a second ago."""
    return Resource({**one.body, "metadata": {**one.body["metadata"], "deletionTimestamp": "2026-03-01T11:59:59Z"}})


def after(one: Resource, patch: Patch) -> Resource:
    """The same once the patch was written."""
    status = one.body.get("status") if patch.status is None else patch.status
    finalizers = [*one.finalizers, FINALIZER] if patch.hold else list(one.finalizers)
    metadata = {**one.body["metadata"], "finalizers": finalizers}
    return Resource({**one.body, "metadata": metadata} | ({} if status is None else {"status": status}))


def routers(*served: int | None, refusing: str | None = None) -> Presence:
    """Routers that are alive, and the newest snapshot that each serves."""
    items = [RouterState(name=f"router-{index}", snapshot=number, at=NOW) for index, number in enumerate(served)]
    if refusing is not None:
        items.append(RouterState(name="router-x", snapshot=1, refused=9, error=refusing, at=NOW))
    return Presence(snapshot=9, items=tuple(items))


def look(one: Resource, **known: Any) -> Patch:
    """Reconcile with what is known."""
    return reconcile(one, observed(**known), MANAGER)


def observed(**known: Any) -> Observed:
    """A look; nothing is known that is not said."""
    return Observed(**{"now": NOW, "offers": Offers(), "site": Site(), **known})


def accepted(one: Resource, snapshot: int = 4, changed: bool = True, **known: Any) -> Standing:
    """What the control plane says once it has the document."""
    sent = look(one, **known).send
    assert sent is not None
    return Standing(digest(sent), snapshot, changed)


def running(one: Resource) -> list[Object]:
    """What runs a Model here, as the cluster has it once it runs."""
    document = one.document()
    found = render_model(document, None, Offers(), Site())  # type: ignore[arg-type]  # a Model's
    return [live(owned(each, one)) for each in found.objects]


def live(wanted: Object) -> Object:
    """As the cluster has it once it runs."""
    metadata = {**wanted["metadata"], "uid": f"uid-{wanted['kind']}", "resourceVersion": "3", "generation": 1}
    status = {
        "observedGeneration": 1,
        "updatedReplicas": 1,
        "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True"}],
    }
    return {**wanted, "metadata": metadata, "status": status}


def condition(patch: Patch, type: str) -> tuple[str, str]:
    """State and reason of a condition that is written."""
    assert patch.status is not None
    (found,) = (one for one in patch.status["conditions"] if one["type"] == type)
    return found["status"], found["reason"]


def types(patch: Patch) -> Sequence[str]:
    """The conditions that are written."""
    assert patch.status is not None
    return [one["type"] for one in patch.status["conditions"]]
