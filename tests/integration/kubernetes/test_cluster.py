"""The API that these tests use is a real one, and each test has a namespace of its own."""

import json

from tests.kubernetes.cluster import Cluster


def test_kubectl_and_helm_reach_the_cluster(cluster: Cluster, namespace: str) -> None:
    assert cluster.kubectl("get", "namespace", namespace, "-o", "name") == f"namespace/{namespace}\n"
    assert cluster.helm("list", "-n", namespace, "-q") == ""
    refused = cluster.run("kubectl", "get", "namespace", "nowhere")
    assert (refused.returncode, "NotFound" in refused.stderr) == (1, True)


def test_a_custom_resource_of_others_meets_its_real_schema(cluster: Cluster, namespace: str) -> None:
    wrong = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "a"}, "spec": {}}
    refused = cluster.run("kubectl", "apply", "-n", namespace, "-f", "-", text=json.dumps(wrong))
    assert "spec.scaleTargetRef: Required value" in refused.stderr
