"""Sampling: how a Route or an arm has Models draw their answers, whatever the caller says of it. Pure."""

from collections.abc import Mapping
from typing import Any

from control_plane.spec.models import Operation
from routers.call import Call
from routers.reasons import Reason

_DRAWN = (Operation.CHAT, Operation.COMPLETIONS)


class Sampling:
    """Fields of a request that a Route or an arm decides."""

    __slots__ = ("fields", "reason")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        words = ", ".join(f"{name} {value}" for name, value in fields.items())
        self.reason = Reason("sampling", f"{words}, whatever the request says")

    def takes(self, operation: Operation) -> bool:
        """Whether anything is drawn."""
        return operation in _DRAWN

    def apply(self, call: Call) -> Call:
        """The call with these fields in the place of its own."""
        fields = {**call.fields, **self.fields}
        if "max_tokens" in self.fields:
            # The same by another name; of both, Models take either.
            fields.pop("max_completion_tokens", None)
        if call.operation is Operation.COMPLETIONS:
            fields.pop("reasoning_effort", None)
        return call.saying(fields)
