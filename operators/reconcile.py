"""Reconcile: what is to be done about a custom resource. Pure and idempotent: the same look gives the same answer, and
when that is done, another look gives nothing.
"""

from dataclasses import replace
from typing import Any

from control_plane.spec.beside import BESIDE, Place, written
from control_plane.spec.documents import Document, Model, Route, dump
from control_plane.spec.errors import TiermeshError
from control_plane.spec.served import references
from operators import departure
from operators.conditions import Condition, State, Type, kept
from operators.kinds import Object, child_key
from operators.observed import Observed, Patch, Standing
from operators.progress import PROGRESS
from operators.render import Readiness, Rendered, answers_nowhere, differs, readiness, render_model, render_route
from operators.resource import Resource, digest
from operators.status import with_status

_RENDERED = Rendered()
_UNCHECKED = "The checksum of the registry's version is not checked here: KServe and Triton take weights as they lie."


def reconcile(resource: Resource, observed: Observed, manager: str) -> Patch:
    """One look at one custom resource; `manager` is who alone changes its document in the control plane."""
    if resource.deleting_since is not None:
        return departure.depart(resource, observed)
    if resource.suspended:
        suspended = Condition(Type.READY, State.UNKNOWN, "Suspended", "It is left alone while spec.suspend is true.")
        return with_status(resource, observed, Patch(), [suspended], resource.status)
    try:
        document = resource.document()
    except TiermeshError as error:
        refused = Condition(Type.ACCEPTED, State.FALSE, "Invalid", _said(error))
        patch = Patch(hold=not resource.held)
        return with_status(resource, observed, patch, [refused, _not(refused)], resource.status)
    rendered = _render(document, observed)
    if isinstance(document, Model) and _runs_nowhere(document, rendered, observed):
        # Without an address it is of no use to routers. What ran before goes on, and so does its document.
        missing = Condition(Type.DEPLOYED, State.FALSE, "Missing", " ".join(rendered.missing))
        patch = Patch(hold=not resource.held)
        return with_status(resource, observed, patch, [missing, _not(missing)], resource.status)
    runs = readiness(rendered, observed.children)
    if observed.problem is not None and observed.standing is None and answers_nowhere(rendered, observed.children):
        refused = Condition(Type.DEPLOYED, State.FALSE, "WriteRefused", observed.problem)
        patch = Patch(hold=not resource.held, apply=_to_apply(resource, document, rendered, observed))
        return with_status(resource, observed, patch, [refused, _not(refused)], resource.status)
    name, tried = _tried(document, observed)
    meant = _upwards(document, rendered, manager, _places(document, name, tried, observed))
    if tried.missing or tried.objects:
        both = (*rendered.objects, *tried.objects), (*rendered.missing, *tried.missing)
        rendered = replace(rendered, objects=both[0], missing=both[1])
    patch = Patch(
        hold=not resource.held,
        apply=_to_apply(resource, document, rendered, observed),
        prune=_to_prune(rendered, runs, observed),
        # To say where another version runs takes to know whether there is one.
        send=None if observed.served is None and _is_followed(document) else meant,
    )
    standing = observed.standing
    if standing is None or standing.digest != digest(meant):
        return patch  # it is on its way, and nobody can say yet what becomes of it
    found = _conditions(resource, observed, standing, rendered, runs)
    return with_status(resource, observed, patch, found, _facts(resource, observed, standing, rendered, runs))


def _said(error: TiermeshError) -> str:
    fields = "; ".join(f"{one.field}: {one.message}" for one in error.errors)
    return fields or str(error)


def _render(document: Document, observed: Observed) -> Rendered:
    if isinstance(document, Model):
        resolved = _resolved(document, observed)
        rendered = render_model(resolved, observed.policy, observed.offers, observed.site, observed.beside)
        if rendered.objects and resolved.spec.fetched_by_others and resolved is not document:
            return replace(rendered, missing=(*rendered.missing, _UNCHECKED))
        return rendered
    if isinstance(document, Route):
        return render_route(document, observed.offers, observed.site)
    return _RENDERED


def _resolved(model: Model, observed: Observed) -> Model:
    """With what its references stand for, where that is known."""
    return (observed.served and observed.served.resolved(model)) or model


def _is_known(document: Document, observed: Observed) -> bool:
    """Whether each of its references to the model registry stands for a version: before that nothing can run."""
    if not isinstance(document, Model) or not references(document):
        return True
    return observed.served is not None and observed.served.resolved(document) is not None


def _is_followed(document: Document) -> bool:
    """Whether versions of the registry are run for it here."""
    return isinstance(document, Model) and not document.spec.addressed and any(references(document))


def _tried(document: Document, observed: Observed) -> tuple[str, Rendered]:
    """The other version of a Model that a Rollout tries, by name, and what runs it."""
    other = observed.served.beside(document) if observed.served and isinstance(document, Model) else None
    if other is None or not _is_followed(document):
        return "", _RENDERED
    return other.metadata.name, render_model(other, observed.policy, observed.offers, observed.site, observed.beside)


def _places(document: Document, name: str, tried: Rendered, observed: Observed) -> dict[str, Place] | None:
    """Where the other versions of a Model run; None where nobody here would run one."""
    if not _is_followed(document):
        return None
    running = readiness(tried, observed.children).ready
    return {name: Place(url=tried.url, running=running)} if tried.url and tried.objects else {}


def _runs_nowhere(model: Model, rendered: Rendered, observed: Observed) -> bool:
    """Whether the cluster lacks what runs it; not of a Model whose versions only the control plane can look up."""
    if rendered.objects or not rendered.missing:
        return False
    return _is_known(model, observed) or (model.spec.elsewhere and rendered.url is None)


def _upwards(document: Document, rendered: Rendered, manager: str, beside: dict[str, Place] | None) -> dict[str, Any]:
    """The document as the control plane gets it: with where it runs and other versions do, and who alone changes it."""
    said = dump(document)
    where = {"url": rendered.url, "protocol": rendered.protocol and str(rendered.protocol)}
    said["spec"] = said["spec"] | {field: value for field, value in where.items() if value is not None}
    said["metadata"] = said["metadata"] | {"managedBy": manager}
    if beside is not None:
        said["metadata"]["annotations"] = said["metadata"].get("annotations", {}) | {BESIDE: written(beside)}
    return said


def _to_apply(resource: Resource, document: Document, rendered: Rendered, observed: Observed) -> tuple[Object, ...]:
    if not _is_known(document, observed):
        return ()
    live = {child_key(child): child for child in observed.children}
    wanted = [owned(one, resource) for one in rendered.objects]
    return tuple(one for one in wanted if child_key(one) not in live or differs(one, live[child_key(one)]))


def owned(rendered: Object, resource: Resource) -> Object:
    """A rendered object that goes when its custom resource goes."""
    return {**rendered, "metadata": {**rendered["metadata"], "ownerReferences": [resource.reference]}}


def _to_prune(rendered: Rendered, runs: Readiness, observed: Observed) -> tuple[Object, ...]:
    """What ran before stays until what takes its place is ready."""
    if not runs.ready:
        return ()
    wanted = {child_key(one) for one in rendered.objects}
    return tuple(child for child in observed.children if child_key(child) not in wanted)


def _conditions(
    resource: Resource, observed: Observed, standing: Standing, rendered: Rendered, runs: Readiness
) -> list[Condition]:
    accepted = _accepted(resource, standing)
    found = [accepted]
    if rendered.objects or rendered.missing:
        found.append(_deployed(observed, rendered, runs))
    wrong = next((one for one in found if one.state is not State.TRUE), None)
    found.append(_not(wrong) if wrong else _served(resource, observed, standing))
    return found


def _accepted(resource: Resource, standing: Standing) -> Condition:
    if standing.refusal is not None:
        return Condition(Type.ACCEPTED, State.FALSE, standing.reason, standing.refusal)
    if standing.unreachable is not None:
        before = kept(resource.conditions, Type.ACCEPTED, resource.generation)
        unknown = Condition(Type.ACCEPTED, State.UNKNOWN, "ControlPlaneUnreachable", standing.unreachable)
        return before if before is not None and before.state is State.TRUE else unknown
    return Condition(Type.ACCEPTED, State.TRUE, "Accepted", "The control plane has it.")


def _deployed(observed: Observed, rendered: Rendered, runs: Readiness) -> Condition:
    if observed.problem is not None:
        return Condition(Type.DEPLOYED, State.FALSE, "WriteRefused", observed.problem)
    if not rendered.objects:  # a Route: it is served without
        return Condition(Type.DEPLOYED, State.FALSE, "Missing", " ".join(rendered.missing))
    lacks = " ".join(("", *rendered.missing))
    if runs.ready:
        return Condition(Type.DEPLOYED, State.TRUE, "Deployed", f"It runs.{lacks}")
    return Condition(Type.DEPLOYED, State.FALSE, "NotRunning", f"{runs.why}{lacks}")


def _served(resource: Resource, observed: Observed, standing: Standing) -> Condition:
    if observed.presence is None or standing.unreachable is not None:
        before = kept(resource.conditions, Type.READY, resource.generation)
        unknown = Condition(Type.READY, State.UNKNOWN, "RoutersUnknown", "Nobody says yet which routers serve it.")
        return before or unknown
    if not observed.presence.items:
        return Condition(Type.READY, State.FALSE, "NoRouter", "No router is alive: start one at this control plane.")
    number = _snapshot(resource, standing)
    if waiting := _waiting(observed, number):
        return Condition(Type.READY, State.FALSE, "WaitingForRouters", f"Snapshot {number}: {'; '.join(waiting)}.")
    return Condition(Type.READY, State.TRUE, "Ready", "Every router that is alive serves it.")


def _waiting(observed: Observed, number: int | None) -> list[str]:
    """The routers that do not serve a snapshot yet, and why."""
    presence = observed.presence
    behind = [one for one in presence.items if (one.snapshot or 0) < (number or 0)] if presence else []
    return [
        f"{one.name} refused snapshot {one.refused}: {one.error}" if one.error else f"{one.name} is not there yet"
        for one in behind
    ]


def _snapshot(resource: Resource, standing: Standing) -> int | None:
    """The first known to hold it: what changed nothing is in force since before."""
    before = resource.status.get("snapshot")
    same = resource.status.get("observedGeneration") == resource.generation
    if same and before is not None and not standing.changed and before <= (standing.snapshot or before):
        return int(before)
    return standing.snapshot


def _not(cause: Condition) -> Condition:
    """Not ready, for the reason of another condition."""
    return Condition(Type.READY, cause.state, cause.reason, cause.message)


def _facts(
    resource: Resource, observed: Observed, standing: Standing, rendered: Rendered, runs: Readiness
) -> dict[str, Any]:
    """What a status says beside its conditions."""
    number = _snapshot(resource, standing)
    routers = observed.presence.items if observed.presence else ()
    waiting = [one.name for one in routers if (one.snapshot or 0) < (number or 0)]
    facts: dict[str, Any] = {"snapshot": number, "waitingFor": waiting or None, "url": rendered.url}
    if rendered.objects:
        facts |= {"replicas": runs.replicas, "selector": runs.selector or None}
    if observed.progress is not None:
        return facts | dict(observed.progress)
    return facts | {name: value for name, value in resource.status.items() if name in PROGRESS}
