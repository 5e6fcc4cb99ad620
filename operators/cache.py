"""Cache: what the cluster was last seen to hold. Events of watches and answers to writes fill it.

Bodies are kept trimmed and as JSON: a thousand Deployments as dictionaries would take ten times the memory.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from control_plane.spec.names import Key
from operators.kinds import GROUP, ChildKey, Object, child_key, group_of, owner_key, owner_of
from operators.resource import Resource

_KEPT = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "labels",
    "annotations",
    "deletionTimestamp",
    "finalizers",
    "ownerReferences",
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MOST_GONE = 10_000


class _Owned(NamedTuple):
    """Where a child is kept."""

    owner: str
    """Its uid."""
    key: Key
    child: ChildKey


class Cache:
    """Custom resources by key, and children by their owner's uid."""

    def __init__(self) -> None:
        self._resources: dict[Key, bytes] = {}
        self._children: dict[str, dict[ChildKey, bytes]] = {}
        self._owned: dict[str, _Owned] = {}
        self._versions: dict[str, int] = {}
        self._gone: dict[str, None] = {}
        """Uids of what was deleted lately: the answer to a write may come after the end of what it wrote."""
        self._policies: dict[tuple[str, str], set[str]] = {}
        """Namespace and Model -> its ScalingPolicies."""

    def put(self, body: Mapping[str, Any]) -> None:
        """Keep an object, unless it is known newer already."""
        uid, version = body["metadata"]["uid"], int(body["metadata"]["resourceVersion"])
        if uid in self._gone or self._versions.get(uid, 0) >= version:
            return
        self._versions[uid] = version
        if _is_ours(body):
            self._forget_policy(_key(body))
            self._resources[_key(body)] = orjson.dumps(trimmed(body))
            self._note_policy(body)
        else:
            self._put_child(uid, body)

    def drop(self, body: Mapping[str, Any]) -> None:
        """Forget an object that is not there any more."""
        uid = body["metadata"]["uid"]
        self._bury(uid)
        if not _is_ours(body):
            self._drop_child(uid)
        elif (kept := self.resource(_key(body))) is not None and kept.uid == uid:
            self._forget_policy(kept.key)
            del self._resources[kept.key]

    def resource(self, key: Key) -> Resource | None:
        """A custom resource, or None where there is none."""
        text = self._resources.get(key)
        return None if text is None else Resource(orjson.loads(text))

    def children(self, uid: str) -> list[Object]:
        """What a custom resource controls."""
        return [orjson.loads(text) for text in self._children.get(uid, {}).values()]

    def owner(self, uid: str) -> Key | None:
        """The custom resource that a child was last seen to belong to."""
        known = self._owned.get(uid)
        return known and known.key

    def children_of(self, api_version: str, kind: str) -> dict[str, Key]:
        """The uids of all children of a kind, and whom each belongs to."""
        return {uid: one.key for uid, one in self._owned.items() if one.child[:2] == (api_version, kind)}

    def policies(self, model: Key) -> list[Key]:
        """The ScalingPolicies that name a Model, by name."""
        names = self._policies.get((model.namespace, model.name), ())
        return [Key("ScalingPolicy", name, model.namespace) for name in sorted(names)]

    def __iter__(self) -> Iterator[Key]:
        """The keys of all custom resources."""
        return iter([*self._resources])

    def __len__(self) -> int:
        return len(self._resources)

    def _put_child(self, uid: str, body: Mapping[str, Any]) -> None:
        owner = owner_of(body)
        known = self._owned.get(uid)
        if owner is None:
            if known is not None:
                self._children[known.owner].pop(known.child, None)
            return
        self._owned[uid] = _Owned(owner["uid"], owner_key(owner, body["metadata"]["namespace"]), child_key(body))
        self._children.setdefault(owner["uid"], {})[child_key(body)] = orjson.dumps(trimmed(body))

    def drop_child(self, uid: str) -> None:
        """Forget a child that is not there any more."""
        self._bury(uid)
        self._drop_child(uid)

    def _bury(self, uid: str) -> None:
        self._gone[uid] = None
        if len(self._gone) > _MOST_GONE:
            del self._gone[next(iter(self._gone))]
        self._versions.pop(uid, None)

    def _drop_child(self, uid: str) -> None:
        known = self._owned.pop(uid, None)
        siblings = self._children.get(known.owner, {}) if known else {}
        if known and (text := siblings.get(known.child)) and orjson.loads(text)["metadata"]["uid"] == uid:
            del siblings[known.child]
        if known and not siblings:
            self._children.pop(known.owner, None)

    def _note_policy(self, body: Mapping[str, Any]) -> None:
        if body["kind"] == "ScalingPolicy":
            key = _key(body)
            self._policies.setdefault((key.namespace, body["spec"].get("model")), set()).add(key.name)

    def _forget_policy(self, key: Key) -> None:
        if key.kind == "ScalingPolicy" and (before := self.resource(key)) is not None:
            self._policies.get((key.namespace, str(before.spec.get("model"))), set()).discard(key.name)


def trimmed(body: Mapping[str, Any]) -> Object:
    """An object without what nobody here reads; most of it is who wrote which field."""
    metadata = {name: body["metadata"][name] for name in _KEPT if name in body["metadata"]}
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {name: value for name, value in annotations.items() if name != _LAST_APPLIED}
    return {**body, "metadata": metadata}


def _key(body: Mapping[str, Any]) -> Key:
    return Key(body["kind"], body["metadata"]["name"], body["metadata"]["namespace"])


def _is_ours(body: Mapping[str, Any]) -> bool:
    return group_of(body["apiVersion"]) == GROUP
