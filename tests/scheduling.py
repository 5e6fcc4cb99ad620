"""Which tests stay in one process where several run side by side."""

from xdist.scheduler import LoadFileScheduling

TOGETHER = (
    "tests/contract/",
    "tests/e2e/",
    "tests/integration/console/",
    "tests/integration/kubernetes/",
)
"""Folders whose files share a server that takes long to start."""


def scope(nodeid: str) -> str:
    """What stays together with this test: its folder, or its file."""
    return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.split("::", 1)[0])


class FolderScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """As `--dist loadfile`, and some folders in one piece."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
