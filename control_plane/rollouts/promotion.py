"""Promotion: what a Route's document says once a Rollout's candidate is for everybody. Pure."""

import copy
from typing import Any

from control_plane.spec.arms import Override


def promoted(route: dict[str, Any], override: Override) -> dict[str, Any]:
    """The document with what the candidate does otherwise in place of what it said, and everything else as it was
    written."""
    document = copy.deepcopy(route)
    said = override.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if "sampling" in said:
        said["sampling"] = document["spec"].get("sampling", {}) | said["sampling"]
    document["spec"] |= said
    return document
