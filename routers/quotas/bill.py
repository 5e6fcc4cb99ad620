"""Bill: what one answer of a model may take, takes and has taken. Pure: a `routers.quotas.tab.Tab` pays it."""

from collections.abc import Callable
from typing import Any

from control_plane.spec.models import Operation
from control_plane.spec.snapshots import CompiledPrice
from routers.call import Call
from routers.quotas import costs
from routers.quotas.costs import Use
from routers.quotas.metering import Meter, Usage, of_stream, usage


class Bill:
    """For a tenant whose tokens or money are limited."""

    __slots__ = ("_answer_bytes", "_hard", "_meter", "_usage", "call", "pass_on", "reserved")

    def __init__(self, call: Call, prices: list[CompiledPrice], hard: bool) -> None:
        """`prices` are those of all Models that may answer. Raises TiermeshError(INVALID_REQUEST) as `costs.most`."""
        self._hard = hard
        self._usage: Usage | None = None
        self._answer_bytes = 0
        self._meter: Meter | None = None
        more: dict[str, Any] = _limits(call, prices) if hard else {}
        if asking := of_stream(call):
            self._meter, asks = asking
            more |= asks
        self.pass_on: Callable[[bytes], bytes] = _whole if self._meter is None else self._meter.read
        """Takes the next whole events of a stream; gives them as they go on to the caller."""
        self.call = _rewritten(call, more) if more or hard else call
        """What Models read. It asks for the usage of a stream. Under a hard quota it says how long the answer may be,
        and is the parsed request written anew: what a Model reads is what was reserved for."""
        use_of = costs.most if hard else costs.estimate
        uses = [use_of(self.call, price) for price in prices]
        self.reserved = uses[0] if len(uses) == 1 else costs.largest(uses)

    def whole(self, body: bytes) -> None:
        """A whole answer came."""
        self._usage = usage(body)
        self._answer_bytes = len(body)

    @property
    def usage(self) -> Usage | None:
        """What the Model said of it."""
        return self._meter.usage if self._meter is not None and self._meter.usage else self._usage

    def taken(self, answered_by: CompiledPrice | None) -> Use:
        """What the answer took, of the Model that gave it; None where one was asked and nobody knows what it did."""
        said = self.usage
        if said is not None and answered_by is not None:
            return costs.use(answered_by, said.prompt, said.answer)
        if self._hard:
            return self.reserved
        # About one token an event.
        answer = self._meter.events if self._meter is not None else -(-self._answer_bytes // costs.BYTES_A_TOKEN)
        return costs.use(answered_by or CompiledPrice(), costs.prompt_estimate(self.call), answer)


def _whole(events: bytes) -> bytes:
    return events


def _limits(call: Call, prices: list[CompiledPrice]) -> dict[str, Any]:
    """The fields that keep the answer within what is reserved: none where the request limits itself."""
    names = costs.LIMITS.get(call.operation)
    if names is None:
        return {}
    for name in names:
        if call.fields.get(name) is not None:
            return {}
    # Every server knows this name. One that wants the other says so, where an unknown one would be ignored.
    return {"max_tokens": max(price.output_tokens for price in prices)}


def _rewritten(call: Call, more: dict[str, Any]) -> Call:
    return call if call.operation is Operation.INFER else call.saying({**call.fields, **more})
