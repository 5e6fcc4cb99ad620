"""Departure: how a custom resource goes. Upwards first, so that no router asks for what stops; then it lets go of its
children, which the cluster collects.

Nothing holds it for ever: neither a control plane that does not answer nor a router that does not follow. What could
not be said upwards is said once there is somebody to hear it: see `operators.sweep`.
"""

from datetime import timedelta

from operators.conditions import Condition, Happening, State, Type
from operators.observed import Observed, Patch, Standing
from operators.resource import Resource
from operators.status import with_status

_LOOK_SECONDS = 2.0


def depart(resource: Resource, observed: Observed) -> Patch:
    """One look at a custom resource that somebody deleted."""
    if not resource.held:
        return Patch()
    standing = observed.standing
    if standing is None or standing.digest is not None:
        return Patch(withdraw=True, again_seconds=_LOOK_SECONDS)
    late = _is_late(resource, observed)
    if standing.accepted:
        gone = late or _is_served_nowhere(standing, observed)
        return Patch(release=gone, withdraw=True, again_seconds=None if gone else _LOOK_SECONDS)
    if standing.unreachable is not None and late:
        message = f"{standing.unreachable} It goes all the same, and its document once the control plane answers."
        return Patch(release=True, happenings=(Happening("ReleasedUnsaid", message, warning=True),))
    patch = Patch(withdraw=True, again_seconds=_LOOK_SECONDS)
    return with_status(resource, observed, patch, [_why(standing)], resource.status)


def _is_late(resource: Resource, observed: Observed) -> bool:
    since = resource.deleting_since
    return since is not None and observed.now - since >= timedelta(seconds=observed.patience_seconds)


def _is_served_nowhere(standing: Standing, observed: Observed) -> bool:
    """Whether every router that is alive has a snapshot without it."""
    presence = observed.presence
    return presence is not None and all((one.snapshot or 0) >= (standing.snapshot or 0) for one in presence.items)


def _why(standing: Standing) -> Condition:
    if standing.unreachable is not None:
        return Condition(Type.READY, State.FALSE, "ControlPlaneUnreachable", standing.unreachable)
    return Condition(Type.READY, State.FALSE, "InUse", f"It cannot go yet: {standing.refusal}")
