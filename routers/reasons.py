"""Reasons: why the router did what it did. One list feeds header, log and explanation."""

from typing import NamedTuple

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
