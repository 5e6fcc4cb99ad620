"""What the cluster has, asked of it."""

from collections.abc import Mapping
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from operators.handlers import watched
from operators.offers import discover
from operators.render import Offers

ANSWERS: Mapping[str, Any] = {
    "/apis/ray.io/v1": {"resources": [{"name": "rayservices", "kind": "RayService"}]},
    "/apis/tiermesh.dev/v1alpha1": {
        "resources": [{"name": "models", "kind": "Model"}, {"name": "models/status", "kind": "Model"}]
    },
}


async def test_known_versions_are_asked_for_by_name_and_one_that_is_not_there_is_none() -> None:
    asked = []

    async def get(path: str) -> Mapping[str, Any]:
        asked.append(path)
        if path not in ANSWERS:
            raise TiermeshError(Code.NOT_FOUND, "gone")
        found: Mapping[str, Any] = ANSWERS[path]
        return found

    offers, ours = await discover(get)
    assert (dict(offers.versions), set(ours)) == ({"RayService": "ray.io/v1"}, {"Model"})
    assert "/apis/keda.sh/v1alpha1" in asked


def test_each_kind_is_watched_once_in_the_version_in_which_it_is_written() -> None:
    found = list(watched(Offers({"LLMInferenceService": "serving.kserve.io/v1alpha1"})))
    assert len({(group, name) for group, _, name in found}) == len(found)
    assert ("serving.kserve.io", "v1alpha1", "llminferenceservices") in found
    assert ("", "v1", "services") in found
    assert ("tiermesh.dev", "v1alpha1", "scalingpolicies") in found


def test_what_is_not_to_be_used_is_as_if_the_cluster_lacked_it() -> None:
    offers = Offers({"RayService": "ray.io/v1", "ScaledObject": "keda.sh/v1alpha1"}).without(("ScaledObject",))
    assert "ScaledObject" not in offers and "RayService" in offers
