"""Promotion: what a Route's document says once a Rollout's candidate is for everybody. Pure."""

import copy
from typing import Any

from control_plane.spec.arms import Override


def promoted(route: dict[str, Any], override: Override) -> dict[str, Any]:
    """The document with what the candidate does otherwise in place of what it said, and everything else as it was
    written."""
    document = copy.deepcopy(route)
    document["spec"] |= override.model_dump(mode="json", exclude_unset=True)
    return document
