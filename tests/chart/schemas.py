"""Schemas: of Kubernetes' own objects at each version, and of custom ones from their real definitions."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import kubernetes_validate.utils
import pytest

from tests.chart.generate import CHECKOUT
from tests.chart.rendering import Object

CORE = frozenset({"v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2"})


def is_core(one: Object) -> bool:
    """Whether every cluster knows this kind."""
    group = str(one["apiVersion"]).partition("/")[0]
    return one["apiVersion"] in CORE or (group.endswith(".k8s.io") and not is_gateway(one))


def is_gateway(one: Object) -> bool:
    """The Gateway API ends in k8s.io as well, and comes as definitions."""
    return str(one["apiVersion"]).startswith("gateway.networking.k8s.io/")


def check_core(one: Object, version: str) -> None:
    """Fails where this version of Kubernetes does not know the object, or a field of it."""
    _check_core(json.dumps(one, sort_keys=True), version)


@functools.cache
def _check_core(one: str, version: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kubernetes_validate.utils, "schema_contents", _schema_contents)
        kubernetes_validate.validate(json.loads(one), version, strict=True)


# Read for each object anew, they are most of the work.
_schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)


def check_custom(one: Object) -> None:
    """Fails where the object's definition does not know it. Rules in CEL are not evaluated."""
    jsonschema.Draft202012Validator(definitions()[one["apiVersion"], one["kind"]]).validate(one)


@functools.cache
def definitions() -> dict[tuple[str, str], Any]:
    """(apiVersion, kind) -> JSON Schema, of the definitions beside the checkout."""
    folder = Path(os.environ.get("TIERMESH_TEST_CRDS") or CHECKOUT.parent / "shared" / "crds")
    if not folder.exists():
        pytest.skip("there are no definitions of others' resources: set TIERMESH_TEST_CRDS to a folder with them")
    found = {}
    for file in folder.rglob("*.json"):
        spec = json.loads(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = _strict(schema)
    return found


def _strict(schema: Any, open_ended: bool = False) -> Any:
    """A structural schema as JSON Schema that refuses unknown fields, except where it is part of a logical rule."""
    if not isinstance(schema, dict):
        return schema
    found = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    for bound in ("Minimum", "Maximum"):
        if found.pop(f"exclusive{bound}", False):
            found[f"exclusive{bound}"] = found.pop(bound.lower())
    if schema.get("x-kubernetes-int-or-string"):
        found = {"type": ["integer", "string"]}
    if found.pop("nullable", False) and "type" in found:
        found["type"] = [found["type"], "null"]
    if "properties" in found:
        found["properties"] = {name: _strict(one, open_ended) for name, one in found["properties"].items()}
        known = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource")
        if not open_ended and not known:
            names = found["properties"]
            names |= {name: {} for name in ("apiVersion", "kind", "metadata") if name in names}
            found["additionalProperties"] = False
    for key in ("items", "additionalProperties", "not"):
        if key in found:
            found[key] = _strict(found[key], open_ended or key == "not")
    for key in ("allOf", "anyOf", "oneOf"):
        if key in found:
            found[key] = [_strict(one, True) for one in found[key]]
    return found
