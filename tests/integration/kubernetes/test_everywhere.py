"""An operator of the whole cluster: it works in each namespace, and with what is installed later."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness import every_kind
from tests.integration.kubernetes.mesh import ELSEWHERE, Mesh, until
from tests.kubernetes.cluster import Cluster

DEFINITION = "crd/podmonitors.monitoring.coreos.com"


def _install(cluster: Cluster, definition: str) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", text=definition)
    cluster.kubectl("wait", DEFINITION, "--for=condition=Established", "--timeout=60s")


@contextmanager
def _uninstalled(cluster: Cluster) -> Iterator[str]:
    """A cluster that lacks what somebody else brings; gives the definition that installs it."""
    said = json.loads(cluster.kubectl("get", DEFINITION, "-o", "json"))
    del said["status"]
    text = json.dumps({**said, "metadata": {"name": said["metadata"]["name"]}})
    cluster.kubectl("delete", DEFINITION, "--timeout=60s")
    try:
        yield text
    finally:
        _install(cluster, text)


def test_it_works_in_each_namespace_and_uses_without_a_restart_what_is_installed_later(mesh: Mesh) -> None:
    everywhere = mesh.operator(namespaces="", manager="everywhere", discovery_seconds=1)
    with mesh.beside("other") as other, _uninstalled(mesh.cluster) as definition, everywhere as operator:
        mesh.apply("Model", "rayed", every_kind.MODELS["rayed"])
        other.apply("Model", "small", ELSEWHERE)
        other.ready("Model", "small")
        until(lambda: mesh.condition("Model", "rayed", "Deployed"), lambda one: one[1] == "NotRunning")
        assert "podmonitors" not in mesh.kubectl("api-resources", "-o", "name")
        pid = operator.pid
        _install(mesh.cluster, definition)
        until(mesh.kinds_made, lambda kinds: "PodMonitor" in kinds)
        mesh.kubectl("delete", "podmonitor", "--all")
        until(mesh.kinds_made, lambda kinds: "PodMonitor" in kinds)  # it is followed as all others are
        assert (operator.pid, operator.state()) == (pid, "leads")
        for one in (mesh, other):
            one.kubectl("delete", "models", "--all", "--timeout=60s")
