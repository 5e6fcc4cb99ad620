"""Variants: a Route as it answers in a combination of arms. Made at the first request that needs one, and kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from control_plane.spec.models import Operation
from control_plane.spec.snapshots import CompiledArm
from routers.assignment import Assignment, RequestHeaders
from routers.call import Call
from routers.prompting import Prompt
from routers.runtime import Armed, Backend, Route, Variant, by_operation, referee
from routers.sampling import Sampling

ARM = "default"
"""Stands where no arm is assigned."""

MAX_VARIANTS = 1000
"""Of one Route: eight Experiments of three arms have 65,536 combinations. One that is needed again is made again."""
NO_HEADERS: RequestHeaders = {}


def assign(armed: Armed, call: Call, headers: RequestHeaders) -> Assignment:
    """What a Route's Experiments and Rollouts make of a request."""
    return tuple([trial.see(call, headers) for trial in armed.trials])


def rehearsal(armed: Armed, call: Call, assignment: Assignment) -> Assignment | None:
    """The same for the copy that the candidate of a Rollout is to see, where it is to see one."""
    for place, (trial, seen) in enumerate(zip(armed.trials, assignment, strict=True)):
        if trial.compiled.mirror and seen.ruling.place == 0 and trial.rehearses(call.request_id):
            return (*assignment[:place], replace(seen, ruling=trial.candidate), *assignment[place + 1 :])
    return None


def variant_of(armed: Armed, route: Route, assignment: Assignment) -> Variant:
    """The Route as it answers who was assigned so."""
    places = tuple([seen.ruling.place for seen in assignment])
    variant = armed.variants.get(places)
    if variant is None:
        if len(armed.variants) >= MAX_VARIANTS:
            armed.variants.clear()
        variant = armed.variants[places] = _variant(armed, route, places)
    return variant


def _variant(armed: Armed, route: Route, places: tuple[int, ...]) -> Variant:
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
    judges = tuple(judge for judge in armed.judges if places[judge.place] >= 0)
    made = replace(route, revision=revision, headers=headers, armed=None, judges=judges, base=route)
    for arm in changing:
        made = _overridden(made, arm, armed.models)
    if changing and made.router is not None:
        # Its contract is about the Route's own answers: by those of an arm it is not watched.
        made = replace(made, router=made.router.model_copy(update={"contract": None}))
    return Variant(made, label)


def _overridden(route: Route, arm: CompiledArm, models: Mapping[str, Backend]) -> Route:
    changes: dict[str, Any] = {}
    if arm.light is not None and arm.heavy is not None:
        changes |= _tiers(route, *(tuple(models[name] for name in names) for names in (arm.light, arm.heavy)))
    if arm.threshold is not None:
        changes |= {"threshold": arm.threshold, "router": None, "gains": None}
    if arm.cache is not None:
        exact = arm.cache.exact
        changes["cache_ttl_seconds"] = exact.ttl_seconds if exact.enabled else None
        changes["semantic"] = arm.cache.semantic
        changes["referee"] = referee(route.name, arm.cache.semantic, models)
    if arm.prompt is not None:
        changes["prompt"] = Prompt(arm.prompt)
    if arm.sampling is not None:
        before = route.sampling.fields if route.sampling else {}
        changes["sampling"] = Sampling({**before, **arm.sampling.fields()})
    return replace(route, **changes)


def _tiers(route: Route, light: tuple[Backend, ...], heavy: tuple[Backend, ...]) -> dict[str, Any]:
    """These Models in place of the Route's; what none of them can do is done as the Route does it, and not refused."""
    own = {"light": by_operation(light), "heavy": by_operation(heavy)}
    able = [operation for operation in Operation if any(tier[operation] for tier in own.values())]
    before = {"light": route.light, "heavy": route.heavy}
    return {name: {**before[name], **{each: tier[each] for each in able}} for name, tier in own.items()}
