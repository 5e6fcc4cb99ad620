"""What the chart renders is what Kubernetes and its extensions take, and the objects fit each other."""

import copy
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from observability.control_plane_metrics import ControlPlaneMetrics
from observability.metrics import NAMES
from observability.operator_metrics import OperatorMetrics
from tests.chart.generate import CHART
from tests.chart.rendering import NAMESPACE, VERSIONS, Object, of_kind, pods, read, rendered, template
from tests.chart.samples import SAMPLES
from tests.chart.schemas import check_core, is_core
from tests.kubernetes.programs import program
from tests.kubernetes.schemas import check

every_sample = pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES)


def test_helm_finds_nothing_to_complain_about() -> None:
    done = subprocess.run(
        [program("helm"), "lint", "--strict", str(CHART)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


@every_sample
@pytest.mark.parametrize("version", VERSIONS)
def test_every_core_object_is_valid_in_each_version(values: Mapping[str, Any], version: str) -> None:
    objects = [one for one in rendered(values) if is_core(one)]
    assert len(objects) > 8
    for one in objects:
        check_core(one, version)


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
@every_sample
def test_other_versions_of_kubernetes_get_the_same_objects(values: Mapping[str, Any], version: str) -> None:
    kinds = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in rendered(values, version)]
    assert kinds == [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in rendered(values)]


@every_sample
def test_every_custom_object_meets_its_real_definition(values: Mapping[str, Any]) -> None:
    for one in rendered(values):
        if not is_core(one):
            check(one)


def test_a_misspelt_field_of_a_custom_object_would_be_found() -> None:
    (gateway,) = of_kind(rendered(SAMPLES["for evaluation"]), "Gateway")
    gateway = copy.deepcopy(gateway)
    gateway["spec"]["listeners"][0]["hostnames"] = gateway["spec"]["listeners"][0].pop("hostname")
    with pytest.raises(Exception, match="hostnames"):
        check(gateway)


def _selected(objects: tuple[Object, ...], selector: Mapping[str, str]) -> list[Object]:
    return [pod for _, pod in pods(objects) if selector.items() <= pod["metadata"]["labels"].items()]


@every_sample
def test_services_policies_and_budgets_select_the_pods_they_mean(values: Mapping[str, Any]) -> None:
    objects = rendered(values)
    for service in of_kind(objects, "Service"):
        (pod,) = _selected(objects, service["spec"]["selector"])
        named = {port["name"] for one in pod["spec"]["containers"] for port in one["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= named
    for budget in of_kind(objects, "PodDisruptionBudget"):
        assert len(_selected(objects, budget["spec"]["selector"]["matchLabels"])) == 1
    for policy in of_kind(objects, "NetworkPolicy"):
        (pod,) = _selected(objects, policy["spec"]["podSelector"]["matchLabels"])
        listens = {port["containerPort"] for one in pod["spec"]["containers"] for port in one["ports"]}
        allowed = {port["port"] for rule in policy["spec"]["ingress"] or () for port in rule["ports"]}
        assert allowed <= listens
        peers = [peer for rule in policy["spec"]["ingress"] or () for peer in rule.get("from", ())]
        for peer in peers:
            if "podSelector" in peer:
                assert len(_selected(objects, peer["podSelector"]["matchLabels"])) == 1
    deployed = {one["metadata"]["name"] for one in of_kind(objects, "Deployment")}
    for autoscaler in of_kind(objects, "HorizontalPodAutoscaler"):
        assert autoscaler["spec"]["scaleTargetRef"]["name"] in deployed


@every_sample
def test_prometheus_scrapes_one_port_of_each_component(values: Mapping[str, Any]) -> None:
    objects = rendered(values)
    for monitor in of_kind(objects, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        services = [one for one in of_kind(objects, "Service") if wanted.items() <= one["metadata"]["labels"].items()]
        found = [port["name"] for one in services for port in one["spec"]["ports"]]
        assert found.count(monitor["spec"]["endpoints"][0]["port"]) == 1


def test_every_alert_is_about_a_metric_that_there_is() -> None:
    exposed = ControlPlaneMetrics().render() + OperatorMetrics().render()
    known = set(NAMES) | {line.split()[2] for line in exposed.decode().splitlines() if line.startswith("# TYPE")}
    (rule,) = of_kind(rendered(SAMPLES["for a company"]), "PrometheusRule")
    expressions = [one["expr"] for group in rule["spec"]["groups"] for one in group["rules"]]
    words = "".join(
        character if character.isalnum() or character == "_" else " " for character in " ".join(expressions)
    )
    named = {word for word in words.split() if word.startswith("tiermesh_")}
    assert len(expressions) >= 8
    assert named and named <= known
    assert all(f'namespace="{NAMESPACE}"' in one for one in expressions)


@every_sample
def test_images_come_from_the_registry_that_is_named(values: Mapping[str, Any]) -> None:
    registry = values.get("image", {}).get("registry", "")
    for _, pod in pods(rendered(values)):
        for one in pod["spec"]["containers"]:
            if "tiermesh-" in one["image"]:
                assert one["image"].startswith(f"{registry}/tiermesh-" if registry else "tiermesh-")
                assert (":" in one["image"]) or ("@sha256:" in one["image"])


def test_a_long_name_of_a_release_still_makes_names_that_fit() -> None:
    for long in ({"fullnameOverride": "a" * 63}, {"nameOverride": "b" * 63}):
        names = [one["metadata"]["name"] for one in rendered({**SAMPLES["for evaluation"], **long})]
        assert max(map(len, names)) <= 63


def test_two_releases_share_no_object_of_the_whole_cluster() -> None:
    def of_the_cluster(namespace: str) -> set[tuple[str, str]]:
        done = template({"crds": {"install": False}}, VERSIONS[-1], "--namespace", namespace)
        objects = read(done.stdout)
        return {(one["kind"], one["metadata"]["name"]) for one in objects if "namespace" not in one["metadata"]}

    first, second = of_the_cluster("one"), of_the_cluster("two")
    assert first and not first & second


def test_an_upgrade_recreates_nothing() -> None:
    """What Kubernetes never lets change: selectors. They hold nothing of a version or of values."""
    for one in of_kind(rendered(SAMPLES["for evaluation"]), "Deployment"):
        assert set(one["spec"]["selector"]["matchLabels"]) == {
            "app.kubernetes.io/name",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/component",
        }
