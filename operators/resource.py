"""Resource: a custom resource as it was last seen, and the document in it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from control_plane.spec.documents import API_VERSION, Document, parse
from control_plane.spec.names import Key
from control_plane.spec.snapshots import canonical
from operators.kinds import FINALIZER, GROUP, Object

SUSPEND = "suspend"
"""The one field that custom resources have and documents do not."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One custom resource."""

    body: Object

    @property
    def key(self) -> Key:
        """Of the custom resource and of its document."""
        metadata = self.body["metadata"]
        return Key(self.body["kind"], metadata["name"], metadata["namespace"])

    @property
    def uid(self) -> str:
        """Which of all that ever had this key."""
        return str(self.body["metadata"]["uid"])

    @property
    def version(self) -> str:
        """Its resourceVersion."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def generation(self) -> int:
        """Counts changes of its spec."""
        return int(self.body["metadata"].get("generation", 1))

    @property
    def spec(self) -> Mapping[str, Any]:
        """As people wrote it, with defaults."""
        found: Mapping[str, Any] = self.body.get("spec") or {}
        return found

    @property
    def status(self) -> Mapping[str, Any]:
        """As the operator wrote it."""
        found: Mapping[str, Any] = self.body.get("status") or {}
        return found

    @property
    def conditions(self) -> Sequence[Mapping[str, Any]]:
        """Of its status."""
        found: Sequence[Mapping[str, Any]] = self.status.get("conditions") or ()
        return found

    @property
    def suspended(self) -> bool:
        """Whether it is to be left alone."""
        return self.spec.get(SUSPEND) is True

    @property
    def deleting_since(self) -> datetime | None:
        """When somebody deleted it."""
        at = self.body["metadata"].get("deletionTimestamp")
        return None if at is None else datetime.fromisoformat(at)

    @property
    def finalizers(self) -> tuple[str, ...]:
        """Who has to let go of it before it is gone."""
        return tuple(self.body["metadata"].get("finalizers", ()))

    @property
    def held(self) -> bool:
        """Whether this operator has to let go of it."""
        return FINALIZER in self.finalizers

    def document(self, **more: Any) -> Document:
        """What it says, with `more` fields of its spec. Raises TiermeshError(INVALID_DOCUMENT)."""
        metadata = {name: self.body["metadata"][name] for name in ("name", "namespace")}
        if labels := self.body["metadata"].get("labels"):
            metadata["labels"] = labels
        # Those of other tools say nothing about what the document means, and change with each of their runs.
        said = self.body["metadata"].get("annotations", {})
        if ours := {name: value for name, value in said.items() if name.startswith(f"{GROUP}/")}:
            metadata["annotations"] = ours
        spec = {name: value for name, value in self.spec.items() if name != SUSPEND}
        body = {"apiVersion": API_VERSION, "kind": self.key.kind, "metadata": metadata, "spec": {**spec, **more}}
        return parse(body)

    @property
    def reference(self) -> Object:
        """By which its children name it: they go when it goes."""
        return {
            "apiVersion": API_VERSION,
            "kind": self.key.kind,
            "name": self.key.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


def digest(document: Mapping[str, Any]) -> str:
    """By which a document that was sent is known again."""
    return hashlib.sha256(canonical(document)).hexdigest()
