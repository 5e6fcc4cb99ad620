"""decide: what happens to a call. Pure: no I/O, no clock, no model is called.

In two halves, since a cached answer needs only the first.
"""

from control_plane.spec.base import nearest
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation, Tier
from routers import complexity
from routers.cache import exact
from routers.call import Call
from routers.complexity import Score
from routers.decision import Decision, Match
from routers.reasons import Reason
from routers.runtime import Backend, Route, Runtime

ARM = "default"
"""The one arm of a Route without experiments."""


def match(call: Call, runtime: Runtime) -> Match:
    """Find the Route, the arm and the cache key.

    Raises TiermeshError(UNKNOWN_MODEL) with the names that exist.
    """
    route = runtime.routes.get(call.model)
    if route is None:
        raise unknown_model(call.model, runtime)
    uncached = _uncached(call, route)
    if uncached is None:
        return Match(route, runtime.number, ARM, exact.key(call, route.revision, ARM), route.reasons)
    return Match(route, runtime.number, ARM, None, (*route.reasons, uncached))


def choose(call: Call, matched: Match) -> Decision:
    """Score the request, choose the tier and the Models to try.

    Raises TiermeshError(INVALID_REQUEST) where no Model of the Route can do the operation.
    """
    route = matched.route
    score, tier, candidates, reason = _choose(call, route)
    if not candidates:
        able = [operation.value for operation in Operation if route.light[operation] or route.heavy[operation]]
        message = f"No Model of {call.model!r} can do {call.operation.value}."
        raise TiermeshError(Code.INVALID_REQUEST, message, f"It can do {', '.join(able)}.", param="model")
    return Decision(matched, tier, score, candidates, (*matched.reasons, reason))


def decide(call: Call, runtime: Runtime) -> Decision:
    """Both halves: what happens to a call that no cache answers."""
    return choose(call, match(call, runtime))


def unknown_model(model: str, runtime: Runtime) -> TiermeshError:
    """The error that names the models there are."""
    known = sorted(runtime.routes)
    near = nearest(model, known)
    hint = f"Did you mean {near!r}? " if near else ""
    hint += f"Models here: {', '.join(known) or 'none yet; apply a Route'}."
    return TiermeshError(Code.UNKNOWN_MODEL, f"There is no model {model!r}.", hint, param="model")


def _choose(call: Call, route: Route) -> tuple[Score | None, Tier, tuple[Backend, ...], Reason]:
    light = route.light[call.operation]
    heavy = route.heavy[call.operation]
    if call.operation is Operation.EMBEDDINGS:
        # Vectors of different encoders cannot be compared: another Model is no fallback.
        able = light + heavy
        tier = able[0].tier if able else Tier.LIGHT
        return None, tier, able[:1], Reason("embeddings", "the first Model that can embed answers")
    score = complexity.score(call.fields)
    if not light or not heavy:
        tier = Tier.LIGHT if light else Tier.HEAVY
        return (
            score,
            tier,
            light or heavy,
            Reason("only-tier", f"only the {tier.value} tier can do {call.operation.value}"),
        )
    if score.value < route.threshold:
        reason = Reason("below-threshold", f"score {score.value:.3f} < {route.threshold:g}: light tier first")
        return score, Tier.LIGHT, light + heavy, reason
    reason = Reason("at-threshold", f"score {score.value:.3f} >= {route.threshold:g}: heavy tier")
    return score, Tier.HEAVY, heavy, reason


def _uncached(call: Call, route: Route) -> Reason | None:
    """Why no cached answer may be given or kept; None where one may."""
    if route.cache_ttl_seconds is None:
        return Reason("cache-off", "the Route keeps no answers")
    if call.fresh:
        return Reason("cache-refused", "the caller asked for a fresh answer")
    if call.fields.get("tools"):
        return Reason("cache-tools", "the request carries tools")
    return None
