"""decide: what happens to a call. Pure: no I/O, no clock, no model is called.

In two halves, since a cached answer needs only the first.
"""

from collections.abc import Iterable
from dataclasses import replace
from random import random

from control_plane.spec.base import nearest
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Modality, Operation, Tier
from routers import complexity, estimate
from routers.assignment import Assignment, RequestHeaders
from routers.cache import exact
from routers.call import Call
from routers.complexity import Score
from routers.decision import Asked, Decision, Match, Rehearsal
from routers.estimate import Chance, Estimate, Vector
from routers.prompting import Prompted
from routers.reasons import Reason
from routers.runtime import Backend, Route, Runtime
from routers.tenants import DEFAULT
from routers.variants import ARM, NO_HEADERS, assign, rehearsal, variant_of

MAX_NAME_CHARACTERS = 200
"""Of a name that does not exist, in its error: to look for the nearest to one of megabytes takes seconds."""


MAX_NAMES = 100
"""That an error looks through and lists: of ten thousand this would take a second, in which nobody else is answered."""


_SCORED = frozenset(Operation) - {Operation.EMBEDDINGS, Operation.INFER}


def has_score(operation: Operation) -> bool:
    """Whether its complexity plays a part."""
    return operation in _SCORED


def match(call: Call, runtime: Runtime, headers: RequestHeaders = NO_HEADERS) -> Match:
    """Find the Route, the arms and the cache key, and have the call say what these add to it. `headers` may say whom it
    is for.

    Raises TiermeshError: UNKNOWN_MODEL with the names that exist, INVALID_REQUEST with a variable of the prompt.
    """
    route = runtime.routes.get(call.model)
    if route is None:
        raise unknown_model(call.model, runtime)
    armed = route.armed
    if armed is None:
        return _matched(call, runtime, route, ARM, None)
    assignment = assign(armed, call, headers)
    found = _matched(call, runtime, *variant_of(armed, route, assignment), assignment)
    if not armed.rehearses or (copied := rehearsal(armed, call, assignment)) is None:
        return found
    copy = _matched(call, runtime, *variant_of(armed, route, copied), copied)
    return replace(found, rehearsal=Rehearsal(copy.prompted.call if copy.prompted else call, copy))


def _matched(call: Call, runtime: Runtime, route: Route, arm: str, assignment: Assignment | None) -> Match:
    prompted = None
    if route.sampling is not None and route.sampling.takes(call.operation):
        call = route.sampling.apply(call)
        prompted = Prompted(call, call.fields)
    if route.prompt is not None and (with_prompt := route.prompt.apply(call)) is not None:
        call, prompted = with_prompt.call, with_prompt
    reasons = route.reasons if assignment is None and prompted is None else why(route, call.operation, assignment)
    tenant = DEFAULT if runtime.keys is None else runtime.tenants.get(call.tenant, DEFAULT)
    uncached = why_uncached(call, bool(call.fields.get("tools")), route)
    if uncached is None:
        key = exact.key(call, route.revision, arm)
        return Match(route, runtime.number, arm, key, reasons, tenant, prompted, assignment)
    return Match(route, runtime.number, arm, None, (*reasons, uncached), tenant, prompted, assignment)


def why(route: Route, operation: Operation, assignment: Assignment | None) -> tuple[Reason, ...]:
    """The steps that led to a Route, its arms, and what they have the call say."""
    reasons = route.reasons
    if assignment is not None:
        reasons += tuple([seen.ruling.reason for seen in assignment])
    if route.sampling is not None and route.sampling.takes(operation):
        reasons += (route.sampling.reason,)
    if route.prompt is not None and route.prompt.takes(operation):
        reasons += (route.prompt.reason,)
    return reasons


def choose(call: Call, matched: Match, chance: Chance = random, vector: Vector = ()) -> Decision:
    """Score the request, choose the tier and the Models to try. By `chance` some explore, where a contract is watched;
    `vector` is the embedding of what it says, where its Route's learned router needs one.

    Raises TiermeshError: INVALID_REQUEST where no Model of the Route can do the operation or read what is sent,
    UNKNOWN_MODEL where none has the version.
    """
    fields = call.fields if matched.prompted is None else matched.prompted.asked
    if not has_score(call.operation):
        return choose_by(call, None, matched)
    gains, router = matched.route.gains, matched.route.router
    if gains is None or router is None:
        return choose_by(call, complexity.score(fields), matched)
    decision = choose_by(call, estimate.of(fields, gains, router, chance, vector), matched)
    # What chance chose is for this request alone: kept, it would be given to others too.
    return replace(decision, match=replace(matched, cache_key=None)) if explores(decision) else decision


def explores(decision: Decision) -> bool:
    """Whether chance chose its tier."""
    return decision.reasons[-1].code == "explores"


def choose_by(call: Asked, score: Score | Estimate | None, matched: Match) -> Decision:
    """The same for a score that is known. Raises as `choose`."""
    route = matched.route
    tier, candidates, reason = _choose(call, route, score)
    if fallbacks := route.fallbacks[call.operation]:
        candidates += _others(call, score, fallbacks, candidates)
    if not candidates:
        raise _nobody(call, route)
    return Decision(matched, tier, score, candidates, (*matched.reasons, reason))


def lighten(call: Asked, decision: Decision) -> Decision:
    """The same under overload: the light tier comes first, where there is one that can do it."""
    light = _able(call, decision.score, decision.match.route.light[call.operation])
    if not light or decision.tier is Tier.LIGHT:
        return decision
    rest = tuple(model for model in decision.candidates if model not in light)
    reason = Reason("degraded-light", "the Route is overloaded: light tier first")
    return replace(decision, tier=Tier.LIGHT, candidates=light + rest, reasons=(*decision.reasons, reason))


def _never() -> float:
    """A chance by which nothing explores."""
    return 1.0


def decide(call: Call, runtime: Runtime, headers: RequestHeaders = NO_HEADERS, vector: Vector = ()) -> Decision:
    """Both halves: what happens to a call that no cache answers, if it does not explore."""
    matched = match(call, runtime, headers)
    return choose(matched.prompted.call if matched.prompted else call, matched, _never, vector)


def unknown_model(model: str, runtime: Runtime) -> TiermeshError:
    """The error that names the models there are."""
    model = model[:MAX_NAME_CHARACTERS]
    if len(runtime.routes) > MAX_NAMES:
        hint = f"There are {len(runtime.routes)} models here: GET /v1/models lists them."
        return TiermeshError(Code.UNKNOWN_MODEL, f"There is no model {model!r}.", hint, param="model")
    known = sorted(runtime.routes)
    near = nearest(model, known)
    hint = f"Did you mean {near!r}? " if near else ""
    hint += f"Models here: {', '.join(known) or 'none yet; apply a Route'}."
    return TiermeshError(Code.UNKNOWN_MODEL, f"There is no model {model!r}.", hint, param="model")


def unknown_version(model: str, version: str, able: Iterable[Backend]) -> TiermeshError:
    """The error that names the versions there are."""
    known = sorted({backend.version for backend in able})
    message = f"Model {model!r} has no version {version!r}."
    return TiermeshError(Code.UNKNOWN_MODEL, message, f"It has {', '.join(known)}.", param="version")


def _choose(call: Asked, route: Route, score: Score | Estimate | None) -> tuple[Tier, tuple[Backend, ...], Reason]:
    light = _able(call, score, route.light[call.operation])
    heavy = _able(call, score, route.heavy[call.operation])
    if score is None:
        able = light + heavy
        tier = able[0].tier if able else Tier.LIGHT
        if call.operation is Operation.EMBEDDINGS:
            # Vectors of different encoders cannot be compared: another Model is no fallback.
            return tier, able[:1], Reason("embeddings", "the first Model that can embed answers")
        return tier, able, Reason("tensors", "the Route's Models in order")
    if not light or not heavy:
        tier = Tier.LIGHT if light else Tier.HEAVY
        return tier, light or heavy, Reason("only-tier", f"only the {tier} tier can do {call.operation}")
    if route.router is not None and isinstance(score, Estimate):
        tier, reason = estimate.choose(score, route.router)
        return tier, light + heavy if tier is Tier.LIGHT else heavy, reason
    if score.value < route.threshold:
        reason = Reason("below-threshold", f"score {score.value:.3f} < {route.threshold:g}: light tier first")
        return Tier.LIGHT, light + heavy, reason
    reason = Reason("at-threshold", f"score {score.value:.3f} >= {route.threshold:g}: heavy tier")
    return Tier.HEAVY, heavy, reason


def _others(
    call: Asked, score: Score | Estimate | None, fallbacks: tuple[Backend, ...], before: tuple[Backend, ...]
) -> tuple[Backend, ...]:
    if call.operation is Operation.EMBEDDINGS:
        return ()
    return tuple(model for model in _able(call, score, fallbacks) if model not in before)


def _able(call: Asked, score: Score | Estimate | None, models: tuple[Backend, ...]) -> tuple[Backend, ...]:
    """Those of the version, where one is asked for, that can read images, where there are some."""
    if call.version:
        models = tuple(model for model in models if model.version == call.version)
    if score is not None and score.holds_image and call.operation is Operation.CHAT:
        models = tuple(model for model in models if Modality.IMAGE in model.modalities)
    return models


def _nobody(call: Asked, route: Route) -> TiermeshError:
    """Why none of the Route's Models can answer."""
    name, able = call.model, route.light[call.operation] + route.heavy[call.operation]
    if not able:
        known = [operation.value for operation in Operation if route.light[operation] or route.heavy[operation]]
        message = f"No Model of {name!r} can do {call.operation.value}."
        return TiermeshError(Code.INVALID_REQUEST, message, f"It can do {', '.join(known)}.", param="model")
    if call.version and not _able(call, None, able):
        return unknown_version(name, call.version, able)
    message = f"No Model of {name!r} can read images."
    hint = "Send text alone, or ask for a model with a Model whose modalities name image."
    return TiermeshError(Code.INVALID_REQUEST, message, hint, param="messages")


def why_uncached(call: Asked, tools: bool, route: Route) -> Reason | None:
    """Why no cached answer may be given or kept; None where one may."""
    if route.cache_ttl_seconds is None:
        return Reason("cache-off", "the Route keeps no answers")
    if call.fresh:
        return Reason("cache-refused", "the caller asked for a fresh answer")
    if tools:
        return Reason("cache-tools", "the request carries tools")
    return None
