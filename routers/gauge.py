"""Gauge: counts the tokens of an answer with arms, where no tenant's tab counts them."""

from typing import Protocol

from routers.call import Call
from routers.quotas import metering
from routers.quotas.metering import Meter, Usage


class Counter(Protocol):
    """What sees an answer pass on to its callers, and knows afterwards what it took."""

    @property
    def usage(self) -> Usage | None:
        """None where the Model did not say."""

    def pass_on(self, data: bytes) -> bytes:
        """The next whole events of a stream, as they go on to the caller."""

    def whole(self, body: bytes) -> None:
        """A whole answer came."""


class Gauge:
    """A `Counter` that nobody pays."""

    __slots__ = ("_meter", "_usage", "call")

    def __init__(self, call: Call) -> None:
        self._usage: Usage | None = None
        self._meter: Meter | None = None
        self.call = call
        """What Models read. It asks for the usage of a stream."""
        if call.stream and (asking := metering.of_stream(call)):
            self._meter, asks = asking
            fields = {**call.fields, **asks}
            if fields != call.fields:
                self.call = call.saying(fields)

    @property
    def usage(self) -> Usage | None:
        return self._usage if self._meter is None else self._meter.usage

    def pass_on(self, data: bytes) -> bytes:
        return data if self._meter is None else self._meter.read(data)

    def whole(self, body: bytes) -> None:
        self._usage = metering.usage(body)
