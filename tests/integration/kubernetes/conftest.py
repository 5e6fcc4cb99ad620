"""A Kubernetes API for the tests of this folder."""

from tests.kubernetes.cluster import cluster as cluster
from tests.kubernetes.cluster import namespace as namespace
