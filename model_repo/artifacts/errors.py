"""What is wrong with an artifact, and what to do about it."""

from control_plane.spec.errors import Code, TiermeshError


def unusable(what: str, why: str, cure: str) -> TiermeshError:
    """The artifact cannot be served as it is."""
    return TiermeshError(Code.SETUP, f"The artifact {what!r} cannot be used: {why}.", cure)


def too_large(what: str, most_bytes: int) -> TiermeshError:
    """It holds more than this machine takes."""
    cure = "Raise TIERMESH_MODELS_MAX_ARTIFACT_GIB if it is meant to be that large."
    return unusable(what, f"it holds more than {most_bytes / 2**30:.3g} GiB", cure)
