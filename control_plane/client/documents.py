"""Documents over HTTP for programs that keep them in step, and what becomes of them: an asynchronous client."""

from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr, TypeAdapter

from control_plane.client.answers import read
from control_plane.client.reaching import DEFAULT_URL, AsyncClient
from control_plane.spec.courses import RolloutStatus
from control_plane.spec.documents import Model, parse
from control_plane.spec.names import EVERY_NAMESPACE, Key
from control_plane.spec.records import Applied, Presence
from control_plane.spec.results import Results

_APPLIED = TypeAdapter(Applied)
_ITEMS = TypeAdapter(list[dict[str, Any]])
_PRESENCE = TypeAdapter(Presence)
_RESULTS = TypeAdapter(Results)
_STATUS = TypeAdapter(RolloutStatus)


class DocumentsClient(AsyncClient):
    """What a manager of documents asks. Every method raises TiermeshError."""

    def __init__(
        self, manager: str, url: str = DEFAULT_URL, timeout_seconds: float = 30, token: SecretStr | None = None
    ) -> None:
        """`manager` is who alone changes what is written here."""
        super().__init__(url, timeout_seconds, token)
        self._manager = manager
        self._author = {} if token is not None else {"author": manager}

    async def apply(self, documents: Sequence[dict[str, Any]], deleted: Collection[Key], reason: str) -> Applied:
        """Write all documents and delete the others, or do nothing."""
        going = [key._asdict() for key in deleted]
        body = {"documents": documents, "deleted": going, "manager": self._manager, "reason": reason, **self._author}
        return read(_APPLIED, await self._call("POST", "/v1/documents", json=body))

    async def documents(self) -> list[dict[str, Any]]:
        """All that there are, in all namespaces that may be viewed, as they were written."""
        return read(_ITEMS, await self._call("GET", "/v1/documents", params={"namespace": EVERY_NAMESPACE}), "items")

    async def presence(self) -> Presence:
        """The routers that are alive, and the snapshot in force."""
        return read(_PRESENCE, await self._call("GET", "/v1/routers"))

    async def served_models(self) -> list[Model]:
        """The Models as they are to be served: versions in place of references, and those that Rollouts try."""
        found = read(_ITEMS, await self._call("GET", "/v1/registry/served"), "items")
        return [one for one in map(parse, found) if isinstance(one, Model)]

    async def results(self, key: Key) -> Results:
        """What an Experiment has shown so far."""
        return read(_RESULTS, await self._call("GET", _path("experiments", key, "results"), params=_within(key)))

    async def rollout(self, key: Key) -> RolloutStatus:
        """How far a Rollout is."""
        return read(_STATUS, await self._call("GET", _path("rollouts", key, "status"), params=_within(key)))


def _path(plural: str, key: Key, what: str) -> str:
    return f"/v1/{plural}/{quote(key.name, safe='')}/{what}"


def _within(key: Key) -> dict[str, str]:
    return {"namespace": key.namespace}
