"""Variants: a Route as it answers in a combination of arms. Made at the first request that needs one, and kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from control_plane.spec.models import Operation
from control_plane.spec.snapshots import CompiledArm
from routers.assignment import Assignment, RequestHeaders
from routers.call import Call
from routers.prompting import Prompt
from routers.runtime import Armed, Backend, Route, Variant, by_operation
from routers.sampling import Sampling

ARM = "default"
"""Stands where no arm is assigned."""

NO_HEADERS: RequestHeaders = {}


def assign(armed: Armed, call: Call, headers: RequestHeaders) -> Assignment:
    """What a Route's Experiments and Rollouts make of a request."""
    return tuple([trial.see(call, headers) for trial in armed.trials])


def rehearsal(armed: Armed, call: Call, assignment: Assignment) -> Assignment | None:
    """The same for the copy that the candidate of a Rollout is to see, where it is to see one."""
    for place, (trial, seen) in enumerate(zip(armed.trials, assignment, strict=True)):
        if trial.compiled.mirror and seen.ruling.place == 0 and trial.rehearses(call.request_id):
            return (*assignment[:place], seen._replace(ruling=trial.candidate), *assignment[place + 1 :])
    return None


def variant_of(armed: Armed, route: Route, assignment: Assignment) -> Variant:
    """The Route as it answers who was assigned so."""
    places = tuple([seen.ruling.place for seen in assignment])
    variant = armed.variants.get(places)
    if variant is None:
        variant = armed.variants[places] = _variant(armed, route, places)
    return variant


def _variant(armed: Armed, route: Route, places: tuple[int, ...]) -> Variant:
    """As many as there are combinations of arms, and no more."""
    given = [
        (trial.compiled.name, trial.compiled.arms[place])
        for trial, place in zip(armed.trials, places, strict=True)
        if place >= 0
    ]
    label = ",".join(f"{name}={arm.name}" for name, arm in given) or ARM
    changing = [arm for _, arm in given if arm.revision]
    revision = route.revision
    if changing:
        text = "\n".join([revision, *(arm.revision for arm in changing)])
        revision = hashlib.sha256(text.encode()).hexdigest()[:12]
    headers = f"x-tiermesh-route: {route.name}\r\nx-tiermesh-revision: {revision}\r\n"
    made = replace(route, revision=revision, headers=headers, armed=None, base=route)
    for arm in changing:
        made = _overridden(made, arm, armed.models)
    return Variant(made, label)


def _overridden(route: Route, arm: CompiledArm, models: Mapping[str, Backend]) -> Route:
    if arm.light is not None and arm.heavy is not None:
        light, heavy = (by_operation(tuple(models[name] for name in names)) for names in (arm.light, arm.heavy))
        # What none of its Models can do is done as the Route does it, rather than refused.
        able = {operation: bool(light[operation] or heavy[operation]) for operation in Operation}
        route = replace(
            route,
            light={each: light[each] if able[each] else route.light[each] for each in Operation},
            heavy={each: heavy[each] if able[each] else route.heavy[each] for each in Operation},
        )
    if arm.threshold is not None:
        route = replace(route, threshold=arm.threshold)
    if arm.cache is not None:
        exact = arm.cache.exact
        route = replace(route, cache_ttl_seconds=exact.ttl_seconds if exact.enabled else None)
    if arm.prompt is not None:
        route = replace(route, prompt=Prompt(arm.prompt))
    if arm.sampling is not None:
        before = route.sampling.fields if route.sampling else {}
        route = replace(route, sampling=Sampling({**before, **arm.sampling.fields()}))
    return route
