"""Evidence: what was measured of a Rollout's guardrails, and what that shows."""

from collections.abc import Sequence

from control_plane import designs
from control_plane.outcomes.reading import read
from control_plane.spec import metrics
from control_plane.spec.arming import key_of
from control_plane.spec.courses import Evidence, Guarded, Standing
from control_plane.spec.documents import Rollout
from control_plane.spec.rollouts import CANDIDATE, RolloutSpec
from control_plane.stats import comparison, words
from control_plane.stats.analyse import Analysis, analyse
from control_plane.stats.period import Period
from control_plane.stats.verdict import Code
from control_plane.store.database import Transaction

_STANDINGS = {comparison.Standing.WORSE: Standing.BROKEN, comparison.Standing.NOT_WORSE: Standing.HOLDS}
_DOUBT = "units do not come in the shares that they should have: what was measured cannot be believed"


def shown(transaction: Transaction, rollout: Rollout) -> Evidence:
    """What is known of a Rollout now."""
    asked = designs.of_rollout(rollout.spec)
    if asked is None:
        return Evidence()
    return evidence(rollout.spec, read(transaction, key_of(rollout), asked.needed))


def evidence(spec: RolloutSpec, periods: Sequence[Period]) -> Evidence:
    """What these numbers show. Pure."""
    asked = designs.of_rollout(spec)
    usable = asked.usable(periods) if asked else []
    if asked is None or not usable:
        return Evidence(guardrails=tuple(Guarded(metric=each.metric) for each in spec.guardrails))
    analysis = analyse(asked.design, usable, 0)
    known = metrics.known(spec.metrics)
    return Evidence(
        guardrails=tuple(_guarded(analysis, known[each.metric].name) for each in spec.guardrails),
        doubt=_DOUBT if analysis.verdict.code is Code.MISMATCH else None,
        units={arm: round(units) for arm, units in analysis.mismatch.seen.items()},
    )


def _guarded(analysis: Analysis, metric: str) -> Guarded:
    try:
        found = analysis.of(metric, CANDIDATE)
    except KeyError:
        return Guarded(metric=metric)
    standing = _STANDINGS.get(found.standing, Standing.OPEN)
    return Guarded(metric=metric, standing=standing, text=words.evidence(found))
