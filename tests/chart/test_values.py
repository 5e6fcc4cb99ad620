"""A misspelt value is refused, one that cannot work is too, and nothing about values is written twice by hand."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from tests.chart.generate import CHECKOUT, DOCUMENT, SCHEMA, defaults, document, schema
from tests.chart.rendering import refusal
from tests.chart.settings import COMPONENTS, camel

PEERLESS = "networkPolicy.controlPlaneFrom"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"routers": {}}, "additional properties 'routers' not allowed"),
        ({"router": {"replica": 3}}, "at '/router': additional properties 'replica' not allowed"),
        ({"router": {"replicas": "3"}}, "at '/router/replicas': got string, want integer"),
        ({"router": {"settings": {"cacheMaxByte": 1}}}, "additional properties 'cacheMaxByte' not allowed"),
        ({"router": {"settings": {"graceSeconds": -1}}}, "minimum: got -1, want 0"),
        ({"controlPlane": {"settings": {"logLevel": "LOUD"}}}, "at '/controlPlane/settings/logLevel'"),
        ({"controlPlane": {"settings": {"kafkaPassword": "x"}}}, "additional properties 'kafkaPassword' not allowed"),
        ({"router": {"resources": {"request": {"cpu": 1}}}}, "additional properties 'request' not allowed"),
        ({"router": {"tolerations": [{"keys": "a"}]}}, "additional properties 'keys' not allowed"),
        ({"router": {"extraEnv": [{"name": "TIERMESH_ROUTER_PORT", "value": "1"}]}}, "at '/router/extraEnv/0/name'"),
        ({"database": {"url": "mysql://db/mesh"}}, "at '/database/url'"),
        ({"expose": {"kind": "gatway"}}, "at '/expose/kind'"),
        ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy'"),
        ({"operator": {"namespaces": ["Shop"]}}, "at '/operator/namespaces/0'"),
    ],
)
def test_a_value_that_is_not_meant_is_refused_by_its_place(values: Mapping[str, Any], message: str) -> None:
    assert message in refusal(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"controlPlane": {"replicas": 2}}, "several need a database and an MLflow server"),
        ({"controlPlane": {"replicas": 2}, "database": {"existingSecret": "a"}}, "and an MLflow server"),
        ({"database": {"existingSecret": "a", "bundled": {"enabled": True}}}, "database: url, existingSecret and"),
        ({"redis": {"url": "redis://a", "existingSecret": "b"}}, "redis: url, existingSecret and bundled.enabled"),
        ({"mlflow": {"url": "http://a", "bundled": {"enabled": True}}}, "mlflow: url and bundled.enabled"),
        ({"router": {"autoscaling": {"minReplicas": 20}}}, "minReplicas is more than maxReplicas"),
        ({"expose": {"kind": "ingress"}}, "expose.routerHosts: name at least one host"),
        ({"expose": {"kind": "ingress", "routerHosts": ["a.b"]}}, "expose.tls: give existingSecret or issuer.name"),
        ({"expose": {"kind": "gateway", "routerHosts": ["a.b"], "tls": {"elsewhere": True}}}, "gateway.className"),
        ({"expose": {"kind": "ingress", "routerHosts": ["a.b"], "controlPlaneHosts": ["c.d"]}}, PEERLESS),
    ],
)
def test_values_that_cannot_work_are_refused_with_the_cure(values: Mapping[str, Any], message: str) -> None:
    assert message in refusal(values)


def test_the_schema_knows_every_setting_and_no_other() -> None:
    assert SCHEMA.read_text() == schema(), "run python -m tests.chart.generate"


def test_the_documentation_lists_every_value() -> None:
    assert DOCUMENT.read_text() == document(), "run python -m tests.chart.generate"


def test_the_documentation_names_no_value_that_is_not_there() -> None:
    said = DOCUMENT.read_text().partition("## Every value")[0] + (CHECKOUT / "docs" / "images.md").read_text()
    blocks = "|".join(defaults())
    named = set(re.findall(rf"[`\s]((?:{blocks})(?:\.[A-Za-z]+)+)", said))
    known = set(_paths(defaults(), ""))
    known |= {f"{key}.settings.{camel(name)}" for key, component in COMPONENTS.items() for name in component.free}
    assert len(named) > 20
    assert named <= known


def test_the_defaults_are_valid_and_none_is_left_out() -> None:
    whole = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator(whole).validate(defaults())
    assert _known(whole, whole) == _named(defaults(), whole, whole)


def test_no_object_of_the_schema_is_open() -> None:
    """Each names its fields and allows no others, or is a map such as labels are."""
    whole = json.loads(SCHEMA.read_text())
    opened = {path for path, one in _objects(whole, "") if "additionalProperties" not in one}
    of_kubernetes = {"nodeAffinity", "podAffinity", "podAntiAffinity", "valueFrom", "items"}
    assert {path.rpartition("/")[2] for path in opened} == of_kubernetes | {"global"}


def _paths(values: Any, before: str) -> Iterator[str]:
    """Every value and every block."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield f"{before}{name}"
            yield from _paths(value, f"{before}{name}.")


def _objects(one: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Everything that is an object's schema."""
    if isinstance(one, dict):
        if one.get("type") == "object":
            yield path, one
        for key, value in one.items():
            yield from _objects(value, f"{path}/{key}")


def _known(one: Any, whole: Any, path: str = "") -> set[str]:
    """Values that the schema knows; what stands in a definition is one value."""
    found = set()
    for name, value in one.get("properties", {}).items():
        inner = _known(value, whole, f"{path}/{name}")
        found |= inner or {f"{path}/{name}"}
    return found


def _named(values: Any, one: Any, whole: Any, path: str = "") -> set[str]:
    """The same of what stands in values.yaml."""
    found = set()
    for name, value in values.items():
        schema = one["properties"][name]
        inner = _named(value, schema, whole, f"{path}/{name}") if "properties" in schema else set()
        found |= inner or {f"{path}/{name}"}
    return found
