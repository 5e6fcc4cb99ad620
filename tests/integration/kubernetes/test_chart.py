"""The chart in a cluster: installed, upgraded, rolled back and uninstalled, nothing recreated and nothing left."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from operators.kinds import FINALIZER
from tests.chart.generate import CHART, CHECKOUT
from tests.integration.kubernetes.releases import KINDS, Release
from tests.kubernetes.cluster import Cluster

pytestmark = pytest.mark.timeout(300)

PREVIOUS = "0.0.9"
OF_THE_CLUSTER = "clusterroles,clusterrolebindings,customresourcedefinitions"


@pytest.fixture
def release(cluster: Cluster, namespace: str) -> Release:
    """Not installed yet."""
    return Release(cluster, namespace)


@pytest.fixture
def previous(cluster: Cluster, tmp_path: Path) -> Path:
    """The chart as the version before it, packaged."""
    cluster.helm("package", CHART, "--version", PREVIOUS, "--app-version", PREVIOUS, "--destination", tmp_path)
    return tmp_path / f"tiermesh-{PREVIOUS}.tgz"


def _identities(objects: dict[tuple[str, str], Any]) -> dict[tuple[str, str], str]:
    return {key: one["metadata"]["uid"] for key, one in objects.items()}


def test_an_upgrade_and_a_rollback_keep_what_serves_and_uninstalling_leaves_the_volume(
    release: Release, previous: Path
) -> None:
    alone = {"operator": {"namespaces": [release.namespace]}}
    release.helm("install", previous, values=alone)
    first = release.objects()
    assert first[("Deployment", f"{release.full}-control-plane")]["spec"]["strategy"]["type"] == "Recreate"
    shared = {
        "database": {"existingSecret": "database"},
        "mlflow": {"url": "http://mlflow"},
        "controlPlane": {"replicas": 2},
        "router": {"settings": {"logLevel": "DEBUG"}},
    }
    release.helm("upgrade", CHART, values={**alone, **shared})
    second = release.objects()
    plane = second[("Deployment", f"{release.full}-control-plane")]
    assert (plane["spec"]["strategy"]["type"], plane["spec"]["replicas"]) == ("RollingUpdate", 2)
    assert _identities(first).items() <= _identities(second).items()
    secret = ("Secret", f"{release.full}-tokens")
    assert first[secret]["data"] == second[secret]["data"]
    release.helm("rollback", "1")
    third = release.objects()
    assert _identities(first) == _identities(third)
    assert all(third[key]["spec"] == one["spec"] for key, one in first.items() if key[0] in ("Deployment", "Service"))
    release.helm("uninstall")
    assert set(release.objects()) == {("PersistentVolumeClaim", f"{release.full}-control-plane")}
    assert release.objects(OF_THE_CLUSTER) == {}


def test_all_of_the_bundled_and_monitored_mesh_is_taken_and_nothing_of_it_is_left(release: Release) -> None:
    values = {
        "database": {"bundled": {"enabled": True}},
        "redis": {"bundled": {"enabled": True}},
        "mlflow": {"bundled": {"enabled": True}},
        "controlPlane": {"replicas": 2},
        "monitoring": {"serviceMonitor": {"enabled": True}, "rules": {"enabled": True}},
        "expose": {
            "kind": "gateway",
            "routerHosts": ["mesh.example.com"],
            "tls": {"existingSecret": "mesh-tls"},
            "gateway": {"className": "envoy", "grpc": True},
        },
    }
    release.helm("install", CHART, values=values)
    custom = "servicemonitors,prometheusrules,gateways,httproutes,grpcroutes"
    everything = f"{KINDS},{custom},{OF_THE_CLUSTER}"
    before = release.objects(everything)
    assert {"ServiceMonitor", "PrometheusRule", "Gateway", "HTTPRoute", "GRPCRoute"} <= {kind for kind, _ in before}
    release.helm("upgrade", CHART, values={**values, "router": {"podAnnotations": {"a": "b"}}})
    assert _identities(before) == _identities(release.objects(everything))
    passwords = ("Secret", f"{release.full}-database")
    assert before[passwords]["data"] == release.objects()[passwords]["data"]
    release.kubectl("wait", "deployments", "--all", "--for=condition=Available", "--timeout=60s")
    release.helm("uninstall")
    assert release.objects(everything) == {}


def test_definitions_are_upgraded_kept_taken_up_again_and_deleted_where_they_are_not_kept(
    release: Release, tmp_path: Path
) -> None:
    chart = _with_definition(tmp_path, release.namespace)
    definition = f"crd/models.{release.namespace}.dev"
    values = {
        "crds": {"install": True},
        "operator": {"enabled": False},
        "controlPlane": {"persistence": {"keep": False}},
    }
    release.helm("install", chart, values=values)
    file = chart / "files" / "crds" / "models.yaml"
    file.write_text(file.read_text().replace("tmm\n", f"tmm{release.namespace[-4:]}\n"))
    release.helm("upgrade", chart, values=values)
    assert release.get(definition)["spec"]["names"]["shortNames"] == [f"tmm{release.namespace[-4:]}"]
    release.helm("uninstall")
    kept = release.get(definition)
    assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    release.helm("install", chart, values={**values, "crds": {"install": True, "keep": False}})
    assert release.get(definition)["metadata"]["uid"] == kept["metadata"]["uid"]
    release.helm("uninstall")
    gone = release.cluster.run("kubectl", "wait", definition, "--for=delete", "--timeout=30s")
    assert gone.returncode == 0 or "NotFound" in gone.stderr


def test_definitions_that_somebody_else_installs_stay_and_an_upgrade_takes_them_back_where_a_rollback_cannot(
    release: Release, tmp_path: Path
) -> None:
    chart = _with_definition(tmp_path, release.namespace)
    definition = f"crd/models.{release.namespace}.dev"
    without = {"operator": {"enabled": False}, "controlPlane": {"persistence": {"keep": False}}}
    release.helm("install", chart, values={**without, "crds": {"install": True}})
    kept = release.get(definition)["metadata"]["uid"]
    release.helm("upgrade", chart, values={**without, "crds": {"install": False}})
    rollback = release.cluster.run("helm", "rollback", release.name, "1", "-n", release.namespace)
    assert "original object CustomResourceDefinition" in rollback.stderr  # Helm's own: docs/install.md has the way
    release.helm("upgrade", chart, values={**without, "crds": {"install": True}})
    assert release.get(definition)["metadata"]["uid"] == kept
    manifest = release.cluster.helm("get", "manifest", release.name, "-n", release.namespace)
    assert f"name: {definition.removeprefix('crd/')}" in manifest
    release.helm("uninstall")
    release.kubectl("delete", definition, "--wait=false")


def _with_definition(folder: Path, name: str) -> Path:
    """The chart with one definition of a group that no other test has."""
    chart = Path(shutil.copytree(CHART, folder / "chart"))
    for file in (chart / "files" / "crds").iterdir():
        if file.name != "models.yaml":
            file.unlink()
    file = chart / "files" / "crds" / "models.yaml"
    file.write_text(file.read_text().replace("tiermesh.dev", f"{name}.dev"))
    return chart


def _manifest(release: Release, template: str, values: Any) -> list[Any]:
    """What one template of the chart renders."""
    return list(
        yaml.safe_load_all(release.helm("template", CHART, "--show-only", f"templates/{template}.yaml", values=values))
    )


def _leave(release: Release, folder: Path, keep: bool) -> subprocess.CompletedProcess[str]:
    """What the job before the end does, with the rights of its own account."""
    values = {
        "operator": {"namespaces": [release.namespace]},
        "crds": {"install": False, "keep": keep},
        "uninstall": {"timeoutSeconds": 10},
    }
    *accounts, job = _manifest(release, "uninstall", values)
    release.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(accounts))
    pod = job["spec"]["template"]["spec"]
    kubeconfig = release.kubeconfig(pod["serviceAccountName"], folder)
    _, *arguments = pod["containers"][0]["args"]
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "not kept"])
def test_before_the_end_the_operator_stops_and_nothing_waits_for_it(
    release: Release, tmp_path: Path, keep: bool
) -> None:
    release.helm("install", CHART, values={"operator": {"namespaces": [release.namespace], "replicas": 2}})
    release.kubectl("apply", "-f", CHECKOUT / "examples" / "shop")
    held = {"model/faq": [FINALIZER], "route/shop": [FINALIZER, "example.com/another"]}
    for name, finalizers in held.items():
        patch = {"metadata": {"finalizers": finalizers}}
        release.kubectl("patch", name, "--type", "merge", "-p", json.dumps(patch))
    done = _leave(release, tmp_path, keep)
    assert done.returncode == 0, done.stderr
    assert release.get(f"deployment/{release.full}-operator")["spec"]["replicas"] == 0
    left = {one["metadata"]["name"]: one["metadata"].get("finalizers") for one in release.get("models,routes")["items"]}
    another = {"shop": ["example.com/another"]}
    assert left == ({"faq": None, "assistant": None, **another} if keep else another)
    release.kubectl("patch", "route/shop", "--type", "merge", "-p", '{"metadata": {"finalizers": null}}')


def test_a_job_whose_rights_do_not_suffice_says_which(release: Release, tmp_path: Path) -> None:
    release.kubectl("create", "serviceaccount", "nobody")
    kubeconfig = release.kubeconfig("nobody", tmp_path)
    command = [
        "-m",
        "operators.uninstall",
        f"--operator={release.namespace}/operator",
        f"--namespace={release.namespace}",
    ]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "cannot patch resource" in done.stderr) == (1, True)
