"""Estimate: what a Route's learned router makes of a request, in place of the score. Pure but for chance."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from control_plane.spec.models import Tier
from control_plane.spec.snapshots import CompiledRouter
from routers.complexity import UNSTRUCTURED, read
from routers.learning.gain import GainModel, embedded
from routers.reasons import Reason

Chance = Callable[[], float]
"""A number in [0, 1), drawn evenly."""

Vector = Sequence[float]
HELD = {
    "structure": "tools, a JSON schema or an image, which the light tier cannot do",
    "unembedded": "the text was not embedded, and without that the contract says nothing",
}
"""Why the heavy tier answers whatever the gain."""
HALF = 0.5
"""Each tier's chance, where a request explores."""


class Estimate(NamedTuple):
    """Of one request. The first three are as in `routers.complexity.Score`."""

    value: float
    """The gain on the scale of scores, for whoever ranks requests: 0.5 is none."""
    pushes: dict[str, float]
    holds_image: bool
    gain: float
    """P(heavy right) - P(light right)."""
    held: str | None
    """The reason that gives it to the heavy tier whatever the gain; one of `HELD`."""
    drawn: Tier | None = None
    """The tier that chance gives it, where it explores."""


def of(
    fields: Mapping[str, Any], model: GainModel, router: CompiledRouter, chance: Chance, vector: Vector = ()
) -> Estimate:
    """The estimate for a chat or completion request, by its parsed body, and by the embedding of `text_of` it where the
    model has one."""
    turns, holds_image = read(fields)
    held = None
    if holds_image or fields.get("tools") or fields.get("response_format") not in UNSTRUCTURED:
        held = "structure"
    elif model.embedding and not vector:
        held = "unembedded"
    return made(model.gain(turns, vector), held, holds_image, None if held else _draw(router, chance))


def text_of(fields: Mapping[str, Any]) -> str:
    """What of a request is embedded. Empty: nothing."""
    turns, _ = read(fields)
    return embedded(turns)


def made(gain: float, held: str | None, holds_image: bool, drawn: Tier | None) -> Estimate:
    """From what is written down of it."""
    return Estimate(min(max((1 + gain) / 2, 0.0), 1.0), {}, holds_image, gain, held, drawn)


def _draw(router: CompiledRouter, chance: Chance) -> Tier | None:
    if router.contract is None:
        return None
    share, drawn = router.contract.exploration, chance()
    if drawn >= share:
        return None
    return Tier.HEAVY if drawn < share * HALF else Tier.LIGHT


def is_below(gain: float, router: CompiledRouter) -> bool:
    """Whether the contract lets the light tier answer."""
    return router.threshold is not None and gain < router.threshold


def propensity(tier: Tier, estimate: Estimate, router: CompiledRouter) -> float:
    """The probability with which a request of this estimate was given this tier."""
    explored = 0.0 if router.contract is None or estimate.held else router.contract.exploration
    return explored * HALF + (1 - explored) * (tier is rule(estimate, router)[0])


def rule(estimate: Estimate, router: CompiledRouter) -> tuple[Tier, Reason]:
    """The tier of a request that does not explore, and why."""
    if estimate.held is not None:
        return Tier.HEAVY, Reason(estimate.held, f"{HELD[estimate.held]}: heavy tier")
    if router.threshold is None:
        return Tier.HEAVY, Reason("contract-unshown", "no threshold was shown to keep the contract: heavy tier")
    terms = f"gain {estimate.gain:.3f} {'<' if is_below(estimate.gain, router) else '>='} {router.threshold:.4g}"
    if router.contract is not None:
        terms += f", so that at most {router.contract.max_quality_loss:g} is lost"
    if not is_below(estimate.gain, router):
        return Tier.HEAVY, Reason("at-threshold", f"{terms}: heavy tier")
    if router.broken:
        return Tier.HEAVY, Reason("contract-broken", f"{terms}, which is believed no more: heavy tier")
    return Tier.LIGHT, Reason("below-threshold", f"{terms}: light tier first")


def choose(estimate: Estimate, router: CompiledRouter) -> tuple[Tier, Reason]:
    """The tier of a request that both tiers can answer, and why."""
    tier, reason = rule(estimate, router)
    if estimate.drawn is None:
        return tier, reason
    said = (
        f"the tier is drawn by chance, to watch the contract: {estimate.drawn}; else {tier} (gain {estimate.gain:.3f})"
    )
    return estimate.drawn, Reason("explores", said)
