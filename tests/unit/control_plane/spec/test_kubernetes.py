"""How a cluster runs a Model is checked where it is written."""

from typing import Any

import pytest
from pydantic import ValidationError

from control_plane.spec.kubernetes import Kubernetes
from control_plane.spec.models import RUNTIMES, Engine


def test_all_of_it_may_be_left_out() -> None:
    assert Kubernetes.model_validate({}).model_dump(exclude_defaults=True) == {}


def test_every_engine_but_openai_has_a_runtime() -> None:
    assert {engine for engine in Engine if not RUNTIMES[engine]} == {Engine.OPENAI}


def test_a_block_says_where_and_as_what_it_runs() -> None:
    said = {
        "runtime": "deployment",
        "image": "registry.test:5000/team/server:1.2@sha256:" + "0" * 64,
        "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "serviceAccount": "reader",
        "envFrom": ["hub"],
        "storage": {"claim": "weights", "cacheGib": 40},
    }
    assert Kubernetes.model_validate(said).model_dump(mode="json", exclude_unset=True) == said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"runtime": "pod"}, "'deployment'"),
        ({"image": "a b"}, "pattern"),
        ({"nodeSelector": {"a/b/c": "x"}}, "pattern"),
        ({"nodeSelector": {"a": "no blanks"}}, "pattern"),
        ({"envFrom": [{"secretRef": {"name": "hub"}}]}, "valid string"),
        ({"tolerations": [{"key": "gpu", "operator": "Exists", "value": "x"}]}, "'Exists' has none"),
        ({"tolerations": [{}]}, "write operator: Exists"),
        ({"tolerations": [{"key": "gpu", "tolerationSeconds": 3}]}, "only effect 'NoExecute'"),
        ({"storage": {"cacheGib": 0}}, "greater than 0"),
        ({"nodeSelctor": {}}, "did you mean 'nodeSelector'?"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why.replace("?", r"\?")):
        Kubernetes.model_validate(said)
