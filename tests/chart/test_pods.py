"""Pods keep to the restricted standard, start with settings that exist, and show nobody a secret."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from control_plane.spec.errors import TiermeshError
from control_plane.spec.settings import Settings
from tests.chart.rendering import Object, container, of_kind, pods, rendered
from tests.chart.restricted import laxities, violations
from tests.chart.samples import SAMPLES
from tests.chart.settings import COMPONENTS, camel

every_sample = pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES)

OTHERS = frozenset({"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "HTTPS_PROXY"})
"""Variables of our processes that are not ours."""
CONTAINERS = {"controlPlane": "control-plane", "router": "router", "operator": "operator"}
URLS = {"DATABASE_URL": "postgresql+psycopg://mesh:secret@db/mesh", "REDIS_URL": "redis://redis:6379/0"}


def environment(one: Object) -> dict[str, str]:
    """What a container's process finds there; Secrets and the pod's own fields are made up."""
    found = {}
    for variable in one["env"]:
        name = variable["name"]
        secret = next((url for end, url in URLS.items() if name.endswith(end)), "made-up")
        found[name] = variable.get("value", secret)
    return found


def loaded(settings: type[Settings], one: Object, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a container's process starts with."""
    for name, value in environment(one).items():
        monkeypatch.setenv(name, value)
    return settings.load()


@every_sample
def test_every_pod_keeps_to_the_restricted_standard(values: Mapping[str, Any]) -> None:
    found = list(pods(rendered(values)))
    assert found
    for name, pod in found:
        assert (name, [*violations(pod["spec"]), *laxities(pod["spec"])]) == (name, [])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("securityContext", "runAsNonRoot"), False),
        (("securityContext", "seccompProfile"), {"type": "Unconfined"}),
        (("containers", 0, "securityContext", "allowPrivilegeEscalation"), True),
        (("containers", 0, "securityContext", "capabilities"), {"drop": ["ALL"], "add": ["NET_ADMIN"]}),
        (("containers", 0, "securityContext", "readOnlyRootFilesystem"), False),
        (("volumes",), [{"name": "host", "hostPath": {"path": "/"}}]),
        (("enableServiceLinks",), True),
    ],
)
def test_a_pod_that_does_not_would_be_found(path: tuple[Any, ...], value: Any) -> None:
    _, template = next(pods(rendered({})))
    pod = copy.deepcopy(template["spec"])
    *way, last = path
    place = pod
    for step in way:
        place = place[step]
    place[last] = value
    assert len([*violations(pod), *laxities(pod)]) == 1


@pytest.mark.parametrize("key", COMPONENTS)
@every_sample
def test_every_variable_is_a_setting_that_the_process_takes(
    values: Mapping[str, Any], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key == "operator" and not values.get("operator", {}).get("enabled", True):
        return
    one = container(rendered(values), CONTAINERS[key])
    settings = COMPONENTS[key].settings
    loaded(settings, one, monkeypatch)
    prefix = settings.model_config["env_prefix"]
    strange = {name for name in environment(one) if not name.startswith(prefix)} - {"TIERMESH_HOME"}
    assert strange <= OTHERS


def test_a_variable_that_no_process_knows_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    one = copy.deepcopy(container(rendered({}), "router"))
    one["env"].append({"name": "TIERMESH_ROUTER_SERVICE_HOST", "value": "10.0.0.1"})
    with pytest.raises(TiermeshError, match="no setting TIERMESH_ROUTER_SERVICE_HOST"):
        loaded(COMPONENTS["router"].settings, one, monkeypatch)


EXAMPLES: Mapping[str, Any] = {
    "host": "::",
    "admin_host": "::",
    "oidc_issuer": "https://login.example.com",
    "oidc_audience": "tiermesh",
    "oidc_roles": {"developers": "operator@shop, viewer@*"},
    "protected_aliases": ["production", "champion"],
    "serve_url": "http://serve:8000",
    "kafka_servers": "kafka-1:9092,kafka-2:9092",
    "log_level": "DEBUG",
    "traffic_log": "/var/lib/tiermesh/traffic.jsonl",
    "quotas_without_redis": "allow",
    "ignored": ["ScaledObject"],
    "accelerators": {"H100": {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}},
    "gateway": {"name": "public", "namespace": "gateways", "url": "http://public.gateways.svc"},
    "inference_gateway": {"name": "inner", "namespace": "gateways", "url": "http://inner.gateways.svc"},
    "router": {"service": "mesh-router", "namespace": "mesh", "port": 8080},
    "monitor_labels": {"release": "prometheus"},
}
"""Setting -> a value, where neither a switch nor a number is asked for."""


@pytest.mark.parametrize("key", COMPONENTS)
def test_every_setting_that_values_may_say_reaches_its_process(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    component = COMPONENTS[key]
    kinds = component.schema()["properties"]
    said: dict[str, Any] = {}
    for name in component.free:
        kind = kinds[camel(name)].get("type")
        default = component.settings.model_fields[name].default
        if name in EXAMPLES:
            said[name] = EXAMPLES[name]
        else:
            said[name] = not default if kind == "boolean" else default + 1 if kind in ("integer", "number") else "text"
    one = container(
        rendered({key: {"settings": {camel(name): value for name, value in said.items()}}}), CONTAINERS[key]
    )
    found = loaded(component.settings, one, monkeypatch).model_dump(mode="json")
    for name, value in said.items():
        if not isinstance(value, dict | list):
            assert (name, found[name]) == (name, value)
        else:
            assert set(value) == set(found[name])


@pytest.mark.parametrize("key", COMPONENTS)
def test_no_secret_is_said_in_plain_values(key: str) -> None:
    component = COMPONENTS[key]
    known = component.settings.model_json_schema(by_alias=False)["properties"]
    secret = {name for name, one in known.items() if "writeOnly" in json.dumps(one)}
    assert secret
    assert secret <= component.own


@every_sample
def test_passwords_of_values_stand_in_secrets_alone(values: Mapping[str, Any]) -> None:
    objects = rendered(values)
    for one in objects:
        if one["kind"] != "Secret":
            assert "hunter2" not in json.dumps(one)
    if "hunter2" in json.dumps(values):
        assert of_kind(objects, "Secret")


@every_sample
def test_every_secret_that_a_pod_reads_is_rendered_or_named_in_values(values: Mapping[str, Any]) -> None:
    objects = rendered(values)
    there = {one["metadata"]["name"]: set(one["data"]) for one in of_kind(objects, "Secret")}
    said = json.dumps(values)
    for _, pod in pods(objects):
        for name, key in _secret_keys(pod["spec"]):
            assert key in there[name] if name in there else f'"{name}"' in said


def _secret_keys(pod: Object) -> set[tuple[str, str]]:
    references = [one.get("valueFrom", {}).get("secretKeyRef") for c in pod["containers"] for one in c.get("env", ())]
    mounted = [volume["secret"] for volume in pod.get("volumes", ()) if "secret" in volume]
    return {(one["name"], one["key"]) for one in references if one} | {
        (one["secretName"], item["key"]) for one in mounted for item in one["items"]
    }


@every_sample
def test_the_control_plane_is_given_each_token_that_it_shall_know(values: Mapping[str, Any]) -> None:
    objects = rendered(values)
    one = container(objects, "control-plane")
    granted = json.loads(environment(one)["TIERMESH_CONTROL_PLANE_GIVEN_TOKENS"])
    (volume,) = (v for _, pod in pods(objects) for v in pod["spec"].get("volumes", ()) if v["name"] == "tokens")
    assert {item["path"] for item in volume["secret"]["items"]} == set(granted)
    assert granted["router"] == "router"
    namespaces = values.get("operator", {}).get("namespaces")
    if "operator" in granted:
        expected = [f"operator@{name}" for name in namespaces] + ["viewer@*"] if namespaces else ["operator@*"]
        assert granted["operator"] == ", ".join(expected)


def test_only_those_who_ask_the_kubernetes_api_have_a_token_for_it() -> None:
    for values in SAMPLES.values():
        for name, pod in pods(rendered(values)):
            asks = name.endswith(("-operator", "-uninstall"))
            assert (name, pod["spec"]["automountServiceAccountToken"]) == (name, asks)


@pytest.mark.parametrize(("notice", "grace"), [(5, 30), (0, 0), (2.5, 600)])
def test_a_router_has_the_time_that_its_settings_promise(notice: float, grace: float) -> None:
    objects = rendered({"router": {"settings": {"noticeSeconds": notice, "graceSeconds": grace}}})
    template = next(pod for name, pod in pods(objects) if name.endswith("-router"))
    assert template["spec"]["terminationGracePeriodSeconds"] > notice + grace
