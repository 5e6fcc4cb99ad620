"""Serving: the Models in force as whoever deploys them is told of them. Each alias is replaced by the version that it
stands for, and beside them are those that serve the versions that Rollouts try.
"""

from collections.abc import Iterable, Iterator

from control_plane.rollouts import changes
from control_plane.spec.courses import Following
from control_plane.spec.documents import Document, Model, Rollout, Route, parse
from control_plane.spec.names import Key
from control_plane.spec.prompts import Pins
from control_plane.spec.served import base_of, pinned
from control_plane.spec.versions import PinnedModel
from control_plane.store import model_pins, revisions
from control_plane.store.database import Transaction
from control_plane.trials import under_way


def models(transaction: Transaction) -> list[Model]:
    """All of them."""
    documents = {one.key: one for kind in ("Model", "Rollout") for one in _read(transaction, kind)}
    for rollout in [one for one in documents.values() if isinstance(one, Rollout) and one.spec.on_change]:
        if (route := _head(transaction, changes.route_of(rollout))) is not None:
            documents[route.key] = route
    found = under_way(transaction, list(documents.values()))
    pins = found.pins(Pins({}, {name: pin.model for name, pin in model_pins.read(transaction).items()}))
    return [pinned(one, pins.models) for one in (*found.documents, *found.awaited) if isinstance(one, Model)]


def beside(transaction: Transaction, rollout: Rollout, following: Iterable[Following]) -> Iterator[Model]:
    """Those that a Rollout needs to carry its changes out."""
    tried = [one for one in following if not one.back and isinstance(one.candidate, PinnedModel)]
    route = _head(transaction, changes.route_of(rollout)) if tried else None
    if isinstance(route, Route):
        names = {base_of(name) for name in route.spec.tiers.light + route.spec.tiers.heavy}
        found = [_head(transaction, Key("Model", name, route.metadata.namespace)) for name in names]
        documents = {one.key: one for one in [route, *found] if one is not None}
        yield from changes.hold(rollout, tried, documents, True).beside.values()


def _head(transaction: Transaction, key: Key) -> Document | None:
    head = revisions.head(transaction, key)
    return None if head is None or head.document is None else parse(head.document)


def _read(transaction: Transaction, kind: str) -> list[Document]:
    heads = revisions.heads(transaction, kind).values()
    return [parse(head.document) for head in heads if head.document is not None]
