"""All that is rendered, put to a real API: its schemas, its CEL rules, its defaults."""

import json
import subprocess
from typing import Any

import pytest

from operators.render import Object, Offers, Site, differs, render_model, render_route
from tests.integration.kubernetes import mesh
from tests.kubernetes.cluster import Cluster
from tests.unit.operators.render.samples import BESIDE, POLICIES, SITE, SPECS, model, route, wishing


@pytest.fixture
def offers(cluster: Cluster) -> Offers:
    """What the cluster serves of all that can be written."""
    return mesh.offers(cluster)


def _asked(cluster: Cluster, objects: list[Object]) -> list[Object]:
    """The objects as the server would store them, in their order; nothing is written."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    answered = cluster.run(
        "kubectl", "apply", "--server-side", "--field-manager=tiermesh-operator", "--dry-run=server", "-o", "json",
        "-f", "-", text=text,
    )  # fmt: skip
    assert answered.returncode == 0, _said(answered)
    stored: list[Object] = json.loads(answered.stdout)["items"]
    return stored


def _said(answered: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(dict.fromkeys(answered.stderr.splitlines()))


def rendered(offers: Offers, namespace: str) -> list[Object]:
    """Each spec with each policy, half of them with all wishes, each Model under a name of its own."""
    found: list[Object] = []
    for number, (spec, asked) in enumerate((spec, asked) for spec in SPECS.values() for asked in POLICIES.values()):
        document = model(wishing(spec) if number % 2 else spec, name=f"m{number}.x", namespace=namespace)
        found += render_model(document, asked, offers, SITE, BESIDE).objects
    bare = Offers({kind: offers.versions[kind] for kind in ("PodDisruptionBudget", "HorizontalPodAutoscaler")})
    document = model(SPECS["faq in a pod"], name="bare", namespace=namespace, replicas={"min": 1, "max": 3})
    found += render_model(document, None, bare, Site(), BESIDE).objects
    return [in_namespace(one, namespace) for one in (*found, *render_route(route(), offers, SITE).objects)]


def test_a_server_takes_every_rendered_object_and_what_it_adds_is_no_drift(
    cluster: Cluster, namespace: str, offers: Offers
) -> None:
    objects = rendered(offers, namespace)
    assert {one["kind"] for one in objects} >= {*offers.versions}
    stored = _asked(cluster, objects)
    for one, live in zip(objects, stored, strict=True):
        assert not differs(one, live), (one, live)
    assert sum(one != live for one, live in zip(objects, stored, strict=True)) == len(objects)  # it does add something


def in_namespace(one: Object, namespace: str) -> dict[str, Any]:
    """A Route's objects are of namespace `shop`."""
    return {**one, "metadata": {**one["metadata"], "namespace": namespace}}


def test_a_rule_that_only_a_server_checks_refuses(cluster: Cluster, namespace: str, offers: Offers) -> None:
    objects = rendered(offers, namespace)
    scaled = next(one for one in objects if one["kind"] == "ScaledObject")
    wrong = {**scaled, "spec": {**scaled["spec"], "minReplicaCount": 9, "maxReplicaCount": 2}}
    with pytest.raises(AssertionError, match="minReplicaCount must be less than or equal to maxReplicaCount"):
        _asked(cluster, [wrong])
