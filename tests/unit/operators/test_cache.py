"""What the cluster was last seen to hold."""

from typing import Any

from control_plane.spec.documents import API_VERSION
from control_plane.spec.names import Key
from operators.cache import Cache
from operators.handlers import concerned
from tests.unit.operators.samples import resource

KEY = Key("Model", "small", "team")


def child(version: int = 1, uid: str = "child", owned: bool = True, **more: Any) -> dict[str, Any]:
    """A Deployment of the Model."""
    owner = {"apiVersion": API_VERSION, "kind": "Model", "name": "small", "uid": "uid-small", "controller": True}
    metadata = {
        "name": "m",
        "namespace": "team",
        "uid": uid,
        "resourceVersion": str(version),
        "managedFields": [{"manager": "x"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes"},
    }
    references = {"ownerReferences": [owner]} if owned else {}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata | references, "spec": {}} | more


def test_what_is_kept_is_as_it_was_seen_without_what_nobody_reads() -> None:
    cache = Cache()
    cache.put(resource().body)
    cache.put(child())
    assert cache.resource(KEY) == resource()
    (kept,) = cache.children("uid-small")
    assert "managedFields" not in kept["metadata"]
    assert kept["metadata"]["annotations"] == {"kept": "yes"}
    assert (list(cache), len(cache)) == ([KEY], 1)


def test_an_older_version_does_not_take_the_place_of_a_newer_one() -> None:
    cache = Cache()
    cache.put(child(3, spec={"says": "new"}))
    cache.put(child(2, spec={"says": "old"}))
    assert cache.children("uid-small")[0]["spec"] == {"says": "new"}


def test_the_answer_to_a_write_does_not_bring_back_what_was_deleted_meanwhile() -> None:
    cache = Cache()
    cache.put(child(1))
    cache.drop(child(2))
    cache.put(child(2))
    assert cache.children("uid-small") == []
    cache.put(child(3, uid="another"))
    cache.drop(child(2))
    assert len(cache.children("uid-small")) == 1


def test_a_child_whose_owner_was_taken_away_is_no_child_and_its_owner_hears_of_it() -> None:
    cache = Cache()
    cache.put(child(1))
    orphan = child(2, owned=False)
    cache.put(orphan)
    assert cache.children("uid-small") == []
    assert list(concerned(orphan, cache)) == [KEY]
    assert list(concerned(child(1), cache)) == [KEY]
    assert list(concerned(child(1, uid="a stranger's", owned=False), cache)) == []


def test_a_policy_is_found_by_its_model_until_it_names_another() -> None:
    cache = Cache()
    policy = resource("ScalingPolicy", "p", {"model": "small"})
    cache.put(policy.body)
    assert cache.policies(KEY) == [policy.key]
    assert list(concerned(policy.body, cache)) == [policy.key, KEY]
    moved = resource("ScalingPolicy", "p", {"model": "other"}, resourceVersion="8")
    cache.put(moved.body)
    assert cache.policies(KEY) == []
    cache.drop(moved.body)
    assert cache.policies(Key("Model", "other", "team")) == []
