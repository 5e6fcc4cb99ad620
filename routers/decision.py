"""Decision: what the router does with a call, and why."""

from typing import NamedTuple

from control_plane.spec.models import Tier
from routers.complexity import Score
from routers.prompting import Prompted
from routers.reasons import Reason
from routers.runtime import Backend, Route
from routers.tenants import DEFAULT, Tenant


class Match(NamedTuple):
    """The first half of a decision, all that a cached answer needs: whose answer it is."""

    route: Route
    snapshot: int
    arm: str
    cache_key: bytes | None
    """None where no cached answer may be given or kept."""
    reasons: tuple[Reason, ...]
    tenant: Tenant = DEFAULT
    prompted: Prompted | None = None
    """The call with the Route's prompt, where it has one: what is answered in place of the caller's own."""


class Decision(NamedTuple):
    """The whole: which Models are tried, in order, until one answers."""

    match: Match
    tier: Tier
    score: Score | None
    """None where tiers play no part (embeddings)."""
    candidates: tuple[Backend, ...]
    reasons: tuple[Reason, ...]
