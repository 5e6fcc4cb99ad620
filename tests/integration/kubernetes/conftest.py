"""A Kubernetes API for the tests of this folder, and a mesh around it."""

from collections.abc import Iterator

import pytest

from tests.integration.kubernetes.mesh import Mesh, Plane
from tests.integration.kubernetes.mesh import plane as running_plane
from tests.kubernetes.cluster import Cluster


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane and a router for all tests."""
    with running_plane(tmp_path_factory.mktemp("plane")) as found:
        yield found


@pytest.fixture
def mesh(cluster: Cluster, namespace: str, plane: Plane) -> Mesh:
    """A namespace of its own in both."""
    return Mesh(cluster, namespace, plane)
