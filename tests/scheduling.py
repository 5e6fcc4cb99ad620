"""Which tests stay in one process where several run side by side."""

from xdist.scheduler import LoadFileScheduling

TOGETHER = (
    ("tests/contract/",),
    ("tests/e2e/", "tests/integration/kubernetes/"),
    ("tests/integration/console/",),
)
"""Folders whose files share a server that takes long to start: the whole stack, a Kubernetes API."""


def scope(nodeid: str) -> str:
    """What stays together with this test: folders, or its file."""
    together = (folders[0] for folders in TOGETHER if nodeid.startswith(folders))
    return next(together, nodeid.split("::", 1)[0])


class FolderScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """As `--dist loadfile`, and some folders in one piece."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)
