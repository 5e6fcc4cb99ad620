"""Call: one request, whatever protocol it came by."""

from typing import TYPE_CHECKING, Any

import orjson

from control_plane.spec.models import Operation
from routers.protocols.dialect import Dialect
from routers.record import record

if TYPE_CHECKING:
    from routers.protocols.tensors import Tensors


@record
class Call:
    """What a caller asks. The body stays as it came; `fields` is the same body, parsed."""

    operation: Operation
    model: str
    stream: bool
    body: bytes
    fields: dict[str, Any]
    request_id: str
    tenant: str
    fresh: bool
    """The caller wants no cached answer (`cache-control: no-cache` or `no-store`)."""
    dialect: Dialect
    """How its answer is written."""
    version: str = ""
    """Of the Model that may answer; empty for any."""
    tensors: "Tensors | None" = None
    """Of INFER: the body, parsed; there are no `fields` then."""

    def saying(self, fields: dict[str, Any]) -> "Call":
        """The same call with these fields, its body written anew."""
        # Not by _replace, which takes twice as long.
        return Call(
            self.operation,
            self.model,
            self.stream,
            orjson.dumps(fields),
            fields,
            self.request_id,
            self.tenant,
            self.fresh,
            self.dialect,
            self.version,
            self.tensors,
        )
