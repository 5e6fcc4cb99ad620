"""Handlers: kopf watches, the cache keeps what it sees, and the queue hears which custom resource to look at.

Every event means the same, be it a creation, a change, a deletion, or a start of this process. Kopf itself writes
nothing: no annotations, no finalizers, no events.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import kopf

from control_plane.spec.names import Key
from operators.cache import Cache
from operators.kinds import EVERYWHERE, GROUP, KINDS, VERSION, group_of, owner_key, owner_of, plural
from operators.render import KNOWN, Offers
from operators.render.names import MANAGED_BY, MANAGER

SERVER_TIMEOUT_SECONDS = 60
CLIENT_TIMEOUT_SECONDS = 90
"""Without them a watch whose connection died is never noticed."""
_IDLE_SECONDS = 1.0
"""How long kopf keeps a task for an object to which nothing happens."""
_CHILDREN = EVERYWHERE.keys() | KNOWN.keys()
_CHUNK = 200
"""Objects listed at once: a thousand Deployments with all that they say take 30 MB."""


def registry(cache: Cache, look: Callable[[Key], None], offers: Offers) -> kopf.OperatorRegistry:
    """What kopf does: keep the cache, and have `look` called with each custom resource that something happened to.

    Indices are filled before the first event is handled: whoever looks then, finds everything that there is.
    """
    made = kopf.OperatorRegistry()
    kopf.on.login(registry=made)(login)

    async def keep(body: kopf.Body, **_: Any) -> None:
        cache.put(dict(body))

    async def happened(event: Mapping[str, Any], **_: Any) -> None:
        body = event["object"]
        if event["type"] == "DELETED":
            cache.drop(body)
        for key in concerned(body, cache):
            look(key)

    for number, (group, version, name) in enumerate(watched(offers)):
        kopf.index(group, version, name, id=f"keep-{number}", registry=made)(keep)
        kopf.on.event(group, version, name, id=f"happened-{number}", registry=made)(happened)
    return made


def watched(offers: Offers) -> Iterator[tuple[str, str, str]]:
    """Group, version and plural of everything. Kinds that the cluster lacks are watched once it has them."""
    for name in KINDS.values():
        yield GROUP, VERSION, name
    first = {kind: versions[0] for kind, versions in KNOWN.items()}
    for kind, api_version in {**EVERYWHERE, **first, **offers.versions}.items():
        yield group_of(api_version), api_version.rpartition("/")[2], plural(kind)


def concerned(body: Mapping[str, Any], cache: Cache) -> Iterator[Key]:
    """The custom resources to look at when something happened to this object."""
    metadata = body["metadata"]
    if group_of(body["apiVersion"]) == GROUP:
        key = Key(body["kind"], metadata["name"], metadata["namespace"])
        yield key
        if key.kind == "ScalingPolicy" and (model := body["spec"].get("model")):
            yield Key("Model", model, key.namespace)
    elif (owner := owner_of(body)) is not None:
        yield owner_key(owner, metadata["namespace"])
    elif (before := cache.owner(metadata["uid"])) is not None:
        yield before  # somebody took its owner away


def settings(namespaced: bool) -> kopf.OperatorSettings:
    """Kopf's own settings. Children are selected by their label, so that a cluster's other Deployments never come
    here; one that loses the label counts as deleted."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.peering.standalone = True
    made.scanning.disabled = namespaced
    made.watching.server_timeout = SERVER_TIMEOUT_SECONDS
    made.watching.client_timeout = CLIENT_TIMEOUT_SECONDS
    made.watching.chunk_size = _CHUNK
    made.watching.label_selectors[_is_child] = f"{MANAGED_BY}={MANAGER}"
    made.queueing.idle_timeout = _IDLE_SECONDS
    return made


def _is_child(resource: kopf.Resource) -> bool:
    return resource.group != GROUP and resource.kind in _CHILDREN


async def login(**given: Any) -> kopf.ConnectionInfo | None:
    """As a pod's service account, else by KUBECONFIG: the same that writes."""
    return kopf.login_with_service_account(**given) or kopf.login_with_kubeconfig(**given)


def hush() -> None:
    """Kopf logs each object that it sees; our own lines say what is decided."""
    for name in ("kopf", "kopf.objects", "kopf.activities", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
