"""Apply: what the operator writes to the cluster. Server-side apply with one field manager, and nothing else's fields.

Raises TiermeshError: NOT_FOUND where what is written is gone, CONFLICT where somebody was faster, FORBIDDEN where the
operator's role does not allow it, INVALID_DOCUMENT where the API server refuses what is said, UNAVAILABLE where it does
not answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from lightkube import ApiError, AsyncClient
from lightkube.config.client_adapter import AsyncClient as http_client
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource, get_generic_resource
from lightkube.types import PatchType

from control_plane.spec.documents import API_VERSION
from control_plane.spec.errors import Code, TiermeshError
from operators.conditions import Happening
from operators.kinds import FIELD_MANAGER, FINALIZER, Object, group_of, plural
from operators.render.names import MANAGED_BY, MANAGER
from operators.resource import Resource

_TIMEOUT_SECONDS = 20.0
_MADE_HERE = f"{MANAGED_BY}={MANAGER}"
_METADATA_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_CODES = {
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    409: Code.CONFLICT,
    422: Code.INVALID_DOCUMENT,
    400: Code.INVALID_DOCUMENT,
}


def kubeconfig() -> KubeConfig:
    """A pod's service account, else KUBECONFIG. Raises TiermeshError(SETUP) where there is neither."""
    try:
        return KubeConfig.from_env()
    except ConfigError as error:
        raise TiermeshError(
            Code.SETUP, f"No cluster is configured: {error}", "Run in a pod, or set KUBECONFIG to a file."
        ) from error


class Cluster:
    """Writes objects; counts what it asks."""

    def __init__(self, config: KubeConfig) -> None:
        timeout = httpx2.Timeout(_TIMEOUT_SECONDS)
        self._client = AsyncClient(config=config, timeout=timeout, field_manager=FIELD_MANAGER, trust_env=False)
        self._http = http_client(self._client.config, ConnectionParams(timeout=timeout, trust_env=False))
        self.calls = 0
        """How often the API server was asked, watches left out."""

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.close()
        await self._http.aclose()

    async def apply(self, wanted: Object) -> Object:
        """Write an object as it is wanted; returns what is there then."""
        try:
            with self._asking():
                return await self._apply(wanted)
        except TiermeshError as error:
            if error.code is Code.FORBIDDEN and error.message.rstrip().endswith(":"):
                raise TiermeshError(error.code, f"{error.message.rstrip()} {_may_not_create(wanted)}") from error
            raise

    async def _apply(self, wanted: Object, status: bool = False) -> Object:
        found = kind_of(wanted["apiVersion"], wanted["kind"])
        metadata = wanted["metadata"]
        return dict(
            await self._client.patch(
                found.Status if status else found,
                metadata["name"],
                wanted,
                namespace=metadata["namespace"],
                patch_type=PatchType.APPLY,
                force=True,
            )
        )

    async def delete(self, live: Object) -> None:
        """Delete an object that is there, and what hangs on it; one that is gone is none that fails."""
        with self._asking(gone_is_fine=True):
            metadata = live["metadata"]
            found = kind_of(live["apiVersion"], live["kind"])
            await self._client.delete(found, metadata["name"], namespace=metadata["namespace"])

    async def write_status(self, resource: Resource, status: Object) -> Object:
        """Write the status of a custom resource."""
        with self._asking():
            return await self._apply({**_named(resource), "status": status}, status=True)

    async def hold(self, resource: Resource) -> Object:
        """Put the finalizer on a custom resource. The uid keeps one that is gone from being made anew."""
        metadata = {**_named(resource)["metadata"], "finalizers": [FINALIZER]}
        with self._asking():
            return await self._apply({**_named(resource), "metadata": metadata})

    async def release(self, resource: Resource) -> None:
        """Take the finalizer off, whoever wrote it."""
        left = [one for one in resource.finalizers if one != FINALIZER]
        patch = {"metadata": {"finalizers": left or None, "resourceVersion": resource.version}}
        with self._asking(gone_is_fine=True):
            await self._client.patch(
                kind_of(API_VERSION, resource.key.kind),
                resource.key.name,
                patch,
                namespace=resource.key.namespace,
                patch_type=PatchType.MERGE,
            )

    async def tell(self, resource: Resource, happening: Happening, at: str) -> None:
        """Write an Event about a custom resource."""
        about = {"apiVersion": API_VERSION, "kind": resource.key.kind, "uid": resource.uid}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{resource.key.name[:50]}-", "namespace": resource.key.namespace},
            "involvedObject": {**about, "name": resource.key.name, "namespace": resource.key.namespace},
            "reason": happening.reason,
            "message": happening.message[:1000],
            "type": "Warning" if happening.warning else "Normal",
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": FIELD_MANAGER,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }
        await self.create(event)

    async def create(self, body: Object) -> Object:
        """Make an object that was not there. Raises TiermeshError(CONFLICT) where it was."""
        made: Any = kind_of(body["apiVersion"], body["kind"])(**body)
        with self._asking():
            return dict(await self._client.create(made))

    async def replace(self, body: Object) -> Object:
        """Write an object over the version that it names. Raises TiermeshError(CONFLICT) where there is another."""
        made: Any = kind_of(body["apiVersion"], body["kind"])(**body)
        with self._asking():
            return dict(await self._client.replace(made))

    async def read(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """An object as it is; None where there is none."""
        try:
            with self._asking():
                return dict(await self._client.get(kind_of(api_version, kind), name, namespace=namespace))
        except TiermeshError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise

    async def find(self, wanted: Object) -> Object | None:
        """The metadata of what bears the name of an object already, whoever made it. Asks for a list of one: whoever
        may follow a kind may do that."""
        metadata = wanted["metadata"]
        query = f"fieldSelector=metadata.name%3D{metadata['name']}"
        found = await self._metadata(wanted["apiVersion"], wanted["kind"], metadata["namespace"], query)
        return next(iter(found), None)

    async def uids(self, api_version: str, kind: str, namespace: str | None) -> frozenset[str]:
        """Of all that this operator made of a kind; None: in all namespaces."""
        found = await self._metadata(api_version, kind, namespace, f"labelSelector={_MADE_HERE}")
        return frozenset(one["metadata"]["uid"] for one in found)

    async def _metadata(self, api_version: str, kind: str, namespace: str | None, query: str) -> list[Object]:
        root = "apis" if "/" in api_version else "api"
        within = "" if namespace is None else f"namespaces/{namespace}/"
        answer = await self.get(f"/{root}/{api_version}/{within}{plural(kind)}?{query}", _METADATA_ALONE)
        items: list[Object] = answer["items"] or []  # some servers write none as null
        return items

    async def get(self, path: str, accept: str = "application/json") -> Object:
        """What the API server answers as JSON."""
        with self._asking():
            answer = await self._http.get(path, headers={"accept": accept})
            if answer.status_code != httpx2.codes.OK:
                code = _CODES.get(answer.status_code, Code.UNAVAILABLE)
                raise TiermeshError(code, _said(answer) or f"{path} answered {answer.status_code}.")
            found: Object = answer.json()
            return found

    @contextmanager
    def _asking(self, gone_is_fine: bool = False) -> Iterator[None]:
        self.calls += 1
        try:
            yield
        except ApiError as error:
            status = error.status
            if gone_is_fine and status.code == httpx2.codes.NOT_FOUND:
                return
            code = _CODES.get(status.code or 0, Code.UNAVAILABLE)
            raise TiermeshError(code, status.message or f"The API server answered {status.code}.") from error
        except httpx2.HTTPError as error:
            why = str(error) or type(error).__name__
            raise TiermeshError(Code.UNAVAILABLE, f"The API server does not answer: {why}.") from error


def _said(answer: httpx2.Response) -> str:
    """The message of a refusal: it names the right that is missing."""
    try:
        return str(answer.json()["message"])
    except (ValueError, TypeError, KeyError):
        return ""


def _may_not_create(wanted: Object) -> str:
    """What servers before 1.21 leave out where an object may be changed, but not be made."""
    group, namespace = group_of(wanted["apiVersion"]), wanted["metadata"]["namespace"]
    return f'cannot create resource "{plural(wanted["kind"])}" in API group "{group}" in the namespace "{namespace}"'


def _named(resource: Resource) -> dict[str, Any]:
    metadata = {"name": resource.key.name, "namespace": resource.key.namespace, "uid": resource.uid}
    return {"apiVersion": API_VERSION, "kind": resource.key.kind, "metadata": metadata}


def kind_of(api_version: str, kind: str) -> type[GenericNamespacedResource]:
    """The class by which lightkube names a kind."""
    found: type[GenericNamespacedResource] | None = get_generic_resource(api_version, kind)  # type: ignore[no-untyped-call]  # lightkube's
    if found is None:
        group, _, version = api_version.rpartition("/")
        found = create_namespaced_resource(group, version, kind, plural(kind))
    return found
