"""Strangers: objects that bear the name of one to be written, and are somebody else's. They are never taken over."""

from collections.abc import Mapping
from typing import Any

from operators.kinds import Object
from operators.render.names import MANAGED_BY, MANAGER


def whose(found: Mapping[str, Any], wanted: Object) -> str | None:
    """A sentence about an object that somebody else made or controls; None where `wanted` may be written over it.

    What the operator made and nobody controls any more is taken up again: its owner was taken away, or let go of it.
    """
    metadata = found["metadata"]
    ours = {one["uid"] for one in wanted["metadata"]["ownerReferences"]}
    controller = next((one for one in metadata.get("ownerReferences", ()) if one.get("controller")), None)
    if controller is None and metadata.get("labels", {}).get(MANAGED_BY) == MANAGER:
        return None
    if controller is not None and controller["uid"] in ours:
        return None
    owner = f"{controller['kind']} {controller['name']!r}" if controller else "nobody that is known here"
    return (
        f"{wanted['kind']} {metadata['name']!r} is there already and belongs to {owner}, so that it is left as it is: "
        "delete it, or give this resource another name."
    )
