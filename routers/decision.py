"""Decision: what the router does with a call, and why. One list of reasons feeds header, log and explanation."""

from typing import NamedTuple

from control_plane.spec.models import Tier
from routers.complexity import Score
from routers.runtime import Backend, Route

REASONS = {
    "route": "the request's model names this Route",
    "below-threshold": "the score is under the Route's threshold: the light tier is tried first",
    "at-threshold": "the score reaches the Route's threshold: the heavy tier answers",
    "only-tier": "one tier alone can do this operation",
    "embeddings": "embeddings have no tiers: the first Model that can do them answers",
    "cache-off": "the Route keeps no answers",
    "cache-refused": "the caller asked for a fresh answer",
    "cache-tools": "requests with tools are never kept",
    "cache-hit": "the same question was answered before",
    "coalesced": "the same question is being answered right now",
    "light-abstained": "a light Model was not sure enough and abstained",
    "failed": "a Model failed before its first byte: the next one answers",
}
"""Every reason code there is, and what it means."""


class Reason(NamedTuple):
    """One step of a decision: a code of `REASONS`, and the facts behind it."""

    code: str
    text: str


class Match(NamedTuple):
    """The first half of a decision, all that a cached answer needs: whose answer it is."""

    route: Route
    snapshot: int
    arm: str
    cache_key: bytes | None
    """None where no cached answer may be given or kept."""
    reasons: tuple[Reason, ...]


class Decision(NamedTuple):
    """The whole: which Models are tried, in order, until one answers."""

    match: Match
    tier: Tier
    score: Score | None
    """None where tiers play no part (embeddings)."""
    candidates: tuple[Backend, ...]
    reasons: tuple[Reason, ...]
