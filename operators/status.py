"""Status: what a custom resource says of itself, written where it says something else now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from operators.conditions import Condition, Happening, Type, happenings, others, written
from operators.kinds import Object
from operators.observed import Observed, Patch
from operators.resource import Resource

APPLIED, PRUNED = "Applied", "Pruned"
DONE = frozenset({APPLIED, PRUNED})
"""Happenings that say what was done, and are none where it was refused."""


def with_status(
    resource: Resource, observed: Observed, patch: Patch, found: Sequence[Condition], facts: Mapping[str, Any]
) -> Patch:
    """The patch with the status, where that changes, and with what of it is news; `facts` are what it says beside its
    conditions."""
    before = [one for one in resource.conditions if one["type"] in set(Type)]
    status = {name: value for name, value in facts.items() if value is not None}
    status["observedGeneration"] = resource.generation
    found_now = written(found, before, resource.generation, observed.now)
    # A Model that nothing runs any more has no such condition; one that is suspended keeps those that it had.
    kept = others(found, before) if found[0].type is Type.READY else []
    status["conditions"] = [*kept, *found_now]
    news = (*_done(patch), *happenings(found, before))
    same = _compared(status) == _compared(resource.status)
    return replace(patch, status=None if same else status, happenings=news)


def _compared(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without what servers order as they like, and without what others say in it."""
    ours = {one["type"]: one for one in status.get("conditions", ()) if one["type"] in set(Type)}
    return {**status, "conditions": ours}


def _done(patch: Patch) -> list[Happening]:
    found = []
    if patch.apply:
        found.append(Happening(APPLIED, f"{_named(patch.apply)} written."))
    if patch.prune:
        found.append(Happening(PRUNED, f"{_named(patch.prune)} deleted: nothing asks for it any more."))
    return found


def _named(objects: Sequence[Object]) -> str:
    return ", ".join(f"{one['kind']} {one['metadata']['name']!r}" for one in objects)
