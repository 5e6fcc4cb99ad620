"""Where the Lease is kept: a coordination.k8s.io/v1 Lease, written over the version that was read."""

from control_plane.spec.errors import Code, TiermeshError
from operators.apply import Cluster
from operators.kinds import Object
from operators.lease import Holding

_API_VERSION, _KIND = "coordination.k8s.io/v1", "Lease"


class LeaseStore:
    """One Lease."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name

    async def read(self) -> Holding | None:
        """What it says; None where there is none."""
        found = await self._cluster.read(_API_VERSION, _KIND, self._namespace, self._name)
        return None if found is None else _holding(found)

    async def write(self, holding: Holding) -> Holding:
        """Write it over the version that it names. Raises TiermeshError(CONFLICT)."""
        body = self._body(holding)
        write = self._cluster.create if holding.version is None else self._cluster.replace
        try:
            return _holding(await write(body))
        except TiermeshError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            message = f"There is no Lease {self._name!r} any more."  # somebody deleted it
            raise TiermeshError(Code.CONFLICT, message) from error

    def _body(self, holding: Holding) -> Object:
        spec = {
            "holderIdentity": holding.holder,
            "leaseDurationSeconds": holding.seconds,
            "leaseTransitions": holding.transitions,
            "acquireTime": holding.acquired,
            "renewTime": holding.renewed,
        }
        metadata = {"name": self._name, "namespace": self._namespace}
        if holding.version is not None:
            metadata["resourceVersion"] = holding.version
        return {"apiVersion": _API_VERSION, "kind": _KIND, "metadata": metadata, "spec": spec}


def _holding(body: Object) -> Holding:
    spec = body.get("spec") or {}
    return Holding(
        holder=spec.get("holderIdentity") or "",
        seconds=spec.get("leaseDurationSeconds") or 1,
        transitions=spec.get("leaseTransitions") or 0,
        acquired=spec.get("acquireTime"),
        renewed=spec.get("renewTime"),
        version=body["metadata"]["resourceVersion"],
    )
