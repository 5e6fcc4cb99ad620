"""Custom resources in a real Kubernetes API, many at once, and what their statuses say."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx2
from lightkube import ApiError, AsyncClient
from lightkube.config.kubeconfig import KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace
from lightkube.types import PatchType

from control_plane.spec.documents import API_VERSION
from control_plane.spec.errors import Code, TiermeshError
from operators.apply import kind_of

_AT_ONCE = 16
_LOOK_SECONDS = 0.5
_LONGEST_SECONDS = 600.0

Body = dict[str, Any]


class Resources:
    """One namespace, as whoever applies and looks sees it."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        config = KubeConfig.from_file(kubeconfig)
        self._client = AsyncClient(config=config, trust_env=False, field_manager="bench", timeout=httpx2.Timeout(60))
        self.namespace = namespace
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()

    async def create_namespace(self) -> None:
        """Make it."""
        await self._client.create(Namespace(metadata=ObjectMeta(name=self.namespace)))

    def body(self, kind: str, name: str, spec: Mapping[str, Any]) -> Body:
        """A custom resource."""
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": dict(spec)}

    async def apply(self, bodies: Iterable[Body]) -> None:
        """Write all, some at a time, as `kubectl apply --server-side` does."""
        await asyncio.gather(*(self._patch(body, body, PatchType.APPLY) for body in bodies))

    async def spoil(self, live: Iterable[Body]) -> None:
        """Write something else over what was rendered: a label of each."""
        patch = {"metadata": {"labels": {"app.kubernetes.io/part-of": "spoilt"}}}
        await asyncio.gather(*(self._patch(one, patch, PatchType.MERGE) for one in live))

    async def delete(self, bodies: Iterable[Body]) -> None:
        """Delete all, some at a time; what is gone already is none that fails."""
        await asyncio.gather(*(self._delete(body) for body in bodies))

    async def _patch(self, body: Body, patch: Body, how: PatchType) -> None:
        found, name = kind_of(body["apiVersion"], body["kind"]), body["metadata"]["name"]
        async with self._gate:
            await self._client.patch(
                found, name, patch, namespace=self.namespace, patch_type=how, force=how is PatchType.APPLY
            )

    async def _delete(self, body: Body) -> None:
        async with self._gate:
            found = kind_of(body["apiVersion"], body["kind"])
            try:
                await self._client.delete(found, body["metadata"]["name"], namespace=self.namespace)
            except ApiError as error:
                if error.status.code != httpx2.codes.NOT_FOUND:
                    raise

    async def listed(self, kind: str, api_version: str = API_VERSION) -> list[Body]:
        """All of a kind."""
        found = self._client.list(kind_of(api_version, kind), namespace=self.namespace)
        return [{"apiVersion": api_version, "kind": kind, **one} async for one in found]

    async def until(self, right: Callable[[list[Body]], bool], *kinds: str, api_version: str = API_VERSION) -> float:
        """Seconds until all of these kinds together are as they should be. Raises TiermeshError where they are not."""
        began = time.monotonic()
        while not right([one for kind in kinds for one in await self.listed(kind, api_version)]):
            if time.monotonic() - began > _LONGEST_SECONDS:
                message = f"After {_LONGEST_SECONDS:g} s the objects are not as they should be."
                raise TiermeshError(Code.SETUP, message, "Look at `kubectl get models -o wide`.")
            await asyncio.sleep(_LOOK_SECONDS)
        return time.monotonic() - began


def is_ready(body: Body) -> bool:
    """Whether a custom resource says that it is."""
    conditions = body.get("status", {}).get("conditions", ())
    current = body.get("status", {}).get("observedGeneration") == body["metadata"].get("generation")
    return current and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def versions(bodies: Iterable[Body]) -> dict[str, str]:
    """What changes with each write."""
    return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in bodies}
