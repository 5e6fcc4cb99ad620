"""Schemas of Kubernetes' own objects, at each version that the chart is for."""

import functools
import json

import kubernetes_validate
import kubernetes_validate.utils
import pytest

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
