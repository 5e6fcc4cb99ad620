"""Schemas: what Kubernetes and the makers of custom resources accept, checked without a server.

Rules in CEL are beyond it: a server checks them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from benchmarks.harness.definitions import of_others

BUILT_IN = ("1.28", "1.36")
"""The oldest and the newest version whose built-in kinds are checked."""


def custom(api_version: str) -> bool:
    """Whether a kind of this version is somebody's own."""
    return "." in api_version.partition("/")[0] and not api_version.startswith("rbac.authorization.k8s.io/")


def check(written: Mapping[str, Any]) -> None:
    """Fails where an object is not as its kind's schema says; skips the test where that schema is not at hand."""
    if not custom(written["apiVersion"]):
        for version in BUILT_IN:
            kubernetes_validate.validate(dict(written), version, strict=True)
        return
    schema = _schemas().get((written["apiVersion"], written["kind"]))
    assert schema, f"no schema of {written['apiVersion']} {written['kind']} is at hand"
    jsonschema.Draft202012Validator(schema).validate(written)


@cache
def _schemas() -> dict[tuple[str, str], dict[str, Any]]:
    found = {}
    for _, definition in of_others():
        names = definition["spec"]["names"]
        for version in definition["spec"]["versions"]:
            key = f"{definition['spec']['group']}/{version['name']}", names["kind"]
            whole = _strict(version["schema"]["openAPIV3Schema"])
            whole["properties"]["metadata"] = {"type": "object"}
            found[key] = whole
    if not found:
        pytest.skip("there are no custom resource definitions: set TIERMESH_TEST_CRDS to a folder of them")
    return found


def _strict(node: Mapping[str, Any], part: bool = False) -> dict[str, Any]:
    """A structural schema as JSON Schema that refuses fields it does not name; `part` is one of several that hold
    together, where fields of the others may stand."""
    kept = {name: value for name, value in node.items() if not name.startswith("x-kubernetes-") and name != "nullable"}
    for name in ("properties", "additionalProperties", "items", "not"):
        if isinstance(kept.get(name), dict):
            kept[name] = (
                {field: _strict(value, part) for field, value in kept[name].items()}
                if name == "properties"
                else _strict(kept[name], part or name == "not")
            )
    for name in ("allOf", "anyOf", "oneOf"):
        if name in kept:
            kept[name] = [_strict(one, part=True) for one in kept[name]]
    for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if kept.get(name) is True:
            kept[name] = kept.pop(bound)
        elif name in kept:
            del kept[name]
    if node.get("x-kubernetes-int-or-string"):
        kept["type"] = ["integer", "string"]
    if node.get("nullable"):
        kept["type"] = [kept["type"], "null"]
    open_ended = node.get("x-kubernetes-preserve-unknown-fields") or node.get("x-kubernetes-embedded-resource")
    if "properties" in kept and not part and not open_ended:
        kept.setdefault("additionalProperties", False)
    return kept
