"""Reasons: why the router did what it did. One list feeds header, log and explanation."""

from typing import NamedTuple

REASONS = {
    "route": "the request's model names this Route",
    "prompt": "the Route's prompt stands before what the caller says",
    "arm": "an Experiment or a Rollout gives this unit one of its arms",
    "arm-forced": "the unit is named in the Experiment: it has this arm whatever else holds",
    "no-unit": "the request does not say whom it is for: the Experiment does not take it",
    "not-targeted": "the Experiment is for other requests",
    "held-out": "the Route keeps this unit out of all Experiments",
    "outside-traffic": "the Experiment takes another part of the units",
    "sampling": "the Route or the arm draws answers otherwise than the caller says",
    "below-threshold": "the score, or the estimated gain, is under the threshold: the light tier is tried first",
    "at-threshold": "the score, or the estimated gain, reaches the threshold: the heavy tier answers",
    "structure": "tools, a JSON schema or an image: the heavy tier alone can do them",
    "unembedded": "the text was not embedded in time: the heavy tier answers",
    "contract-unshown": "no threshold was shown to keep the contract: the heavy tier answers",
    "contract-broken": "what comes back shows that the contract is not kept: the heavy tier answers",
    "explores": "the tier is drawn by chance, so that the contract is watched",
    "only-tier": "one tier alone can do this operation",
    "embeddings": "embeddings have no tiers: the first Model that can do them answers",
    "tensors": "tensors have no complexity: the Route's Models are tried in order",
    "cache-off": "the Route keeps no answers",
    "cache-refused": "the caller asked for a fresh answer",
    "cache-tools": "requests with tools are never kept",
    "cache-hit": "the same question was answered before",
    "semantic-hit": "a question that means the same was answered before",
    "semantic-explores": "answered afresh, so that the cache learns whether its answer would have been right",
    "coalesced": "the same question is being answered right now",
    "light-abstained": "a light Model was not sure enough and abstained",
    "failed": "a Model failed before its first content: the next one is asked",
    "fallback": "the Model that answers is one of the Route's fallbacks",
    "retried": "a Model failed before its first content and is asked again",
    "retry-budget": "so many requests are being retried that this one is not",
    "breaker-open": "a Model is left alone for a while after failures",
    "least-bad": "all Models are left alone: the one nearest to its next probe is asked all the same",
    "endpoint-ejected": "some endpoints of the Model are left out for a while after failures",
    "hedged": "the first content was late: a second endpoint of the Model was asked too",
    "hedge-won": "the second endpoint was faster",
    "queued": "the request waited for a place",
    "degraded-light": "under overload the light tier answers what the heavy tier would have",
    "degraded-stale": "under overload an older answer to the same question is given",
    "degraded-canned": "under overload the Route's prepared text is given",
    "shed": "under overload this request is turned away",
}
"""Every reason code there is, and what it means."""


class Reason(NamedTuple):
    """One step of a decision: a code of `REASONS`, and the facts behind it."""

    code: str
    text: str
