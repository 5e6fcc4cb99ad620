"""The control plane's documents beside the cluster's resources."""

from typing import Any

from control_plane.spec.names import Key
from control_plane.spec.records import Applied
from operators.cache import Cache
from operators.sweep import Sweep, astray
from operators.upward import Upward
from tests.unit.operators.samples import MANAGER, look, resource


class _Nobody:
    async def apply(self, *_: Any) -> Applied:
        raise AssertionError("nothing is said here")


def _upward() -> Upward:
    return Upward(_Nobody(), lambda _: None, "test")


def _document(name: str, manager: str | None = MANAGER, namespace: str = "team") -> dict[str, Any]:
    owner = {} if manager is None else {"managedBy": manager}
    return {"kind": "Model", "metadata": {"name": name, "namespace": namespace} | owner, "spec": {}}


def test_documents_of_others_are_left_alone() -> None:
    documents = [_document("left"), _document("anybodys", None), _document("others", "elsewhere")]
    assert astray(documents, MANAGER, Cache(), _upward()).left == (Key("Model", "left", "team"),)


def test_what_was_never_said_is_not_lost() -> None:
    cache, one = Cache(), resource()
    cache.put(one.body)
    assert look(one).send is not None
    assert astray([], MANAGER, cache, _upward()) == ((), ())


async def test_only_what_the_cluster_does_not_have_goes_and_only_where_it_is_looked_at() -> None:
    documents = [_document(name) for name in ("left", "there")] + [_document("far", namespace="far")]

    async def listed() -> list[dict[str, Any]]:
        return documents

    async def is_there(key: Key) -> bool:
        return key.name == "there"

    for kinds, namespaces, gone in (
        (["Model"], ["team"], ["left"]),
        (["Model"], [], ["left", "far"]),
        (["Route"], [], []),
    ):
        upward = _upward()
        sweep = Sweep(listed, is_there, MANAGER, Cache(), upward)
        sweep.restrict(kinds, namespaces)
        await sweep.look()
        assert len(upward) == len(gone)
