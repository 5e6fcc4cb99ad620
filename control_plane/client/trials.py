"""The control plane's Experiments and Rollouts under way, for people's tools."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from control_plane.client.answers import read
from control_plane.client.versions import VersionsClient
from control_plane.spec.courses import Command, RolloutStatus
from control_plane.spec.documents import Document, dump
from control_plane.spec.names import DEFAULT_NAMESPACE
from control_plane.spec.records import Applied
from control_plane.spec.results import Baseline, Plans, Results

_APPLIED = TypeAdapter(Applied)
_PLANS = TypeAdapter(Plans)
_RESULTS = TypeAdapter(Results)
_STATUS = TypeAdapter(RolloutStatus)


class TrialsClient(VersionsClient):
    """A client that also knows what Experiments have shown and how far Rollouts are. Every method raises as `Client`'s
    do."""

    def results(self, name: str, namespace: str = DEFAULT_NAMESPACE) -> Results:
        """What an Experiment has shown so far."""
        return read(_RESULTS, self._call("GET", _path("experiments", name, "results"), params=_within(namespace)))

    def plan(
        self,
        name: str,
        baselines: Iterable[Baseline] = (),
        document: Document | None = None,
        namespace: str = DEFAULT_NAMESPACE,
    ) -> Plans:
        """What it takes to find its minimum effects; of `document`, where it is not applied yet."""
        body: dict[str, Any] = {"baselines": [one.model_dump(mode="json") for one in baselines]}
        if document is not None:
            body["document"] = dump(document)
        path = _path("experiments", name, "plan")
        return read(_PLANS, self._call("POST", path, json=body, params=_within(namespace)))

    def switch(
        self, name: str, start: bool, author: str, reason: str = "", namespace: str = DEFAULT_NAMESPACE
    ) -> Applied:
        """Let an Experiment run, or stop it."""
        path = _path("experiments", name, "start" if start else "stop")
        return read(_APPLIED, self._call("POST", path, json=self._signed(author, reason), params=_within(namespace)))

    def rollout(self, name: str, namespace: str = DEFAULT_NAMESPACE) -> RolloutStatus:
        """How far a Rollout is."""
        return read(_STATUS, self._call("GET", _path("rollouts", name, "status"), params=_within(namespace)))

    def tell(
        self,
        name: str,
        command: Command,
        author: str,
        reason: str = "",
        namespace: str = DEFAULT_NAMESPACE,
        *,
        full: bool = False,
    ) -> RolloutStatus:
        """Tell a Rollout to go on, wait or stop; CONFLICT where that makes no sense now. `full` promotes it past all
        its steps."""
        body: dict[str, Any] = {**self._signed(author, reason), **({"full": True} if full else {})}
        path = _path("rollouts", name, command.value)
        return read(_STATUS, self._call("POST", path, json=body, params=_within(namespace)))


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _within(namespace: str) -> dict[str, str]:
    return {} if namespace == DEFAULT_NAMESPACE else {"namespace": namespace}
