"""What the cluster has, asked of it."""

from collections.abc import Mapping
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from operators.handlers import watched
from operators.offers import discover
from operators.render import Offers

ANSWERS: Mapping[str, Any] = {
    "/apis": {
        "groups": [
            {"name": "ray.io", "versions": [{"groupVersion": "ray.io/v1"}]},
            {"name": "tiermesh.dev", "versions": [{"groupVersion": "tiermesh.dev/v1alpha1"}]},
            {"name": "keda.sh", "versions": [{"groupVersion": "keda.sh/v1alpha1"}]},
            {"name": "others.example", "versions": [{"groupVersion": "others.example/v1"}]},
        ]
    },
    "/apis/ray.io/v1": {"resources": [{"name": "rayservices", "kind": "RayService"}]},
    "/apis/tiermesh.dev/v1alpha1": {
        "resources": [{"name": "models", "kind": "Model"}, {"name": "models/status", "kind": "Model"}]
    },
}


async def test_only_known_groups_are_asked_for_and_one_that_is_gone_is_none() -> None:
    asked = []

    async def get(path: str) -> Mapping[str, Any]:
        asked.append(path)
        if path not in ANSWERS:
            raise TiermeshError(Code.NOT_FOUND, "gone")
        found: Mapping[str, Any] = ANSWERS[path]
        return found

    offers, ours = await discover(get)
    assert (dict(offers.versions), set(ours)) == ({"RayService": "ray.io/v1"}, {"Model"})
    assert "/apis/others.example/v1" not in asked


def test_each_kind_is_watched_once_in_the_version_in_which_it_is_written() -> None:
    found = list(watched(Offers({"LLMInferenceService": "serving.kserve.io/v1alpha1"})))
    assert len({(group, name) for group, _, name in found}) == len(found)
    assert ("serving.kserve.io", "v1alpha1", "llminferenceservices") in found
    assert ("", "v1", "services") in found
    assert ("tiermesh.dev", "v1alpha1", "scalingpolicies") in found
