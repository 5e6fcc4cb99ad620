"""Connection: one caller's HTTP/2, from bytes to streams. An asyncio Protocol.

Whatever a caller sends is bounded: a frame, a header block, the streams at once, what is not yet dealt with of each
body and of all of them, and how often it may say what costs more to hear than to say (resets, pings, settings, empty
frames).
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from routers.http2.frames import (
    ACK,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    HEAD_BYTES,
    MAX_FRAME_BYTES,
    MAX_WINDOW,
    PREFACE,
    PRIORITISED,
    ConnectionFault,
    Fault,
    Kind,
    Setting,
    frame,
    unpadded,
)
from routers.http2.hpack import Decoder
from routers.http2.stream import Stream

if TYPE_CHECKING:
    from routers.http2.server import Http2Server

MAX_STREAMS = 1024
"""At once on one connection."""
MAX_NOISE = 1000
"""Frames a second of the kinds that cost a caller next to nothing."""
_ACKNOWLEDGED_BYTES = 1024 * 1024
"""The connection's window is opened again in steps of this."""


class Http2Connection(asyncio.Protocol):
    """One connection and its streams."""

    def __init__(self, server: "Http2Server") -> None:
        self._server = server
        self._decoder = Decoder(server.limits.max_header_bytes)
        self._received = b""
        self.greeted = False
        self._last = 0
        self._block: tuple[int, int, bytes] | None = None
        self._unacknowledged = 0
        self.held_bytes = 0
        """Of all requests, what has come and is not yet dealt with."""
        self._noise = 0
        self._noise_since = 0.0
        self._peer_window = DEFAULT_WINDOW
        self.window = DEFAULT_WINDOW
        self.streams: dict[int, Stream] = {}
        self.congested = False
        self.began_at = server.loop.time()
        self.transport: asyncio.Transport

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)
        settings = {
            Setting.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
            Setting.INITIAL_WINDOW_SIZE: self._server.stream_window,
            Setting.MAX_HEADER_LIST_SIZE: self._server.limits.max_header_bytes,
        }
        payload = b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in settings.items())
        more = (MAX_WINDOW - DEFAULT_WINDOW).to_bytes(4, "big")
        self.write(frame(Kind.SETTINGS, 0, 0, payload) + frame(Kind.WINDOW_UPDATE, 0, 0, more))

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.left(self)
        streams = list(self.streams.values())
        self.streams.clear()
        for stream in streams:
            stream.lost()

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self._drained(list(self.streams.values()))

    def _drained(self, streams: list[Stream]) -> None:
        for stream in streams:
            stream.flush()
            if not stream.congested:
                stream.receiver.on_writable()

    def write(self, data: bytes) -> None:
        """Send frames."""
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        try:
            self._received = received[self._read(received) :]
        except ConnectionFault as error:
            self._end(error.fault)

    def _end(self, fault: Fault) -> None:
        self.goaway(fault)
        self.transport.close()

    def goaway(self, fault: Fault = Fault.NO_ERROR, last: int | None = None) -> None:
        """Say that no stream after the `last` one is taken (by default, none after those there are)."""
        number = self._last if last is None else last
        self.write(frame(Kind.GOAWAY, 0, 0, number.to_bytes(4, "big") + fault.to_bytes(4, "big")))

    def forget(self, stream: Stream) -> None:
        """The answer is whole, or cut off."""
        self.streams.pop(stream.number, None)
        stream.let_go()
        if self._server.draining and not self.streams:
            self.transport.close()

    def finish(self) -> None:
        """Take no more calls, and close once those under way are answered."""
        self.goaway()
        if not self.streams:
            self.transport.close()

    def sweep(self, now: float) -> None:
        """Close it where nothing is asked, cut the calls that arrive too slowly."""
        receive_seconds = self._server.limits.receive_seconds
        if not self.greeted and now - self.began_at > receive_seconds:
            self.transport.abort()
        for stream in list(self.streams.values()):
            slow = not stream.ended_by_caller and not stream.receiver.may_pause
            if slow and now - stream.began_at > receive_seconds:
                stream.reset(Fault.CANCEL)

    # Frames.

    def _read(self, data: bytes) -> int:
        """Deal with all whole frames; returns where the rest begins."""
        at, end = 0, len(data)
        if not self.greeted:
            if not data.startswith(PREFACE):
                if PREFACE.startswith(data):
                    return 0
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "this is not HTTP/2")
            self.greeted, at = True, len(PREFACE)
        while end - at >= HEAD_BYTES:
            length = int.from_bytes(data[at : at + 3], "big")
            if length > MAX_FRAME_BYTES:
                raise ConnectionFault(Fault.FRAME_SIZE_ERROR, "a frame is larger than allowed")
            start = at + HEAD_BYTES
            if end - start < length:
                break
            kind, flags = data[at + 3], data[at + 4]
            number = int.from_bytes(data[at + 5 : start], "big") & MAX_WINDOW
            at = start + length
            if self._block is not None and (kind != Kind.CONTINUATION or number != self._block[0]):
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "a header block is interrupted")
            if (take := _TAKERS.get(kind)) is not None:
                take(self, flags, number, data[start:at])
            if self.transport.is_closing():
                return end
        return at

    def _on_data(self, flags: int, number: int, payload: bytes) -> None:
        stream = self.streams.get(number)
        if not number or (stream is None and number > self._last):
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "data of no stream")
        self._unacknowledged += len(payload)
        if self._unacknowledged >= _ACKNOWLEDGED_BYTES:
            self.write(frame(Kind.WINDOW_UPDATE, 0, 0, self._unacknowledged.to_bytes(4, "big")))
            self._unacknowledged = 0
        data = unpadded(flags, payload)
        if not data and not flags & END_STREAM:
            self._hear_noise()
        if stream is None or stream.ended_by_caller:
            return
        stream.receive(len(payload), len(payload) - len(data))
        if self.held_bytes > self._server.connection_bytes:
            # Were its window closed instead, many large requests would wait for each other without end.
            stream.reset(Fault.ENHANCE_YOUR_CALM)
            stream.receiver.on_reset()
            return
        stream.receiver.on_data(data)
        if flags & END_STREAM:
            self._end_by_caller(stream)

    def _end_by_caller(self, stream: Stream) -> None:
        stream.ended_by_caller = True
        stream.let_go()
        stream.receiver.on_end()

    def _on_headers(self, flags: int, number: int, payload: bytes) -> None:
        block = unpadded(flags, payload)
        if flags & PRIORITISED:
            block = block[5:]
        if flags & END_HEADERS:
            self._take_block(number, flags, block)
        else:
            self._block = (number, flags, block)

    def _on_continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is None:
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "a header block goes on that never began")
        if not payload:
            self._hear_noise()
        _, first_flags, begun = self._block
        block = begun + payload
        if len(block) > self._server.limits.max_header_bytes:
            raise ConnectionFault(Fault.ENHANCE_YOUR_CALM, "a header block is too large")
        self._block = None if flags & END_HEADERS else (number, first_flags, block)
        if self._block is None:
            self._take_block(number, first_flags, block)

    def _take_block(self, number: int, flags: int, block: bytes) -> None:
        try:
            headers = self._decoder.decode(block)
        except ValueError as error:
            raise ConnectionFault(Fault.COMPRESSION_ERROR, str(error)) from error
        stream = self.streams.get(number)
        if stream is None and number > self._last:
            if not number & 1:
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "a caller's streams have odd numbers")
            self._last = number
            stream = self._open(number, headers)
        if stream is not None and flags & END_STREAM and not stream.ended_by_caller:
            self._end_by_caller(stream)

    def _open(self, number: int, headers: dict[bytes, bytes]) -> Stream | None:
        stream = Stream(self, number, self._peer_window, self._server.stream_window, self._server.loop.time())
        if len(self.streams) >= MAX_STREAMS or self._server.draining:
            stream.reset(Fault.REFUSED_STREAM)
            return None
        self.streams[number] = stream
        stream.receiver = self._server.receive(headers, stream)
        return stream if number in self.streams else None

    def _on_reset(self, flags: int, number: int, payload: bytes) -> None:
        if len(payload) != 4 or not 0 < number <= self._last:
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "a reset of no stream")
        self._hear_noise()
        if (stream := self.streams.pop(number, None)) is not None:
            stream.let_go()
            stream.lost()

    def _on_settings(self, flags: int, number: int, payload: bytes) -> None:
        if number or len(payload) % 6:
            raise ConnectionFault(Fault.FRAME_SIZE_ERROR, "settings of the wrong length")
        if flags & ACK:
            return
        self._hear_noise()
        for at in range(0, len(payload), 6):
            name, value = int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big")
            if name == Setting.INITIAL_WINDOW_SIZE:
                self._resize_windows(value)
        self.write(frame(Kind.SETTINGS, ACK, 0))

    def _resize_windows(self, size: int) -> None:
        if size > MAX_WINDOW:
            raise ConnectionFault(Fault.FLOW_CONTROL_ERROR, "a window is too large")
        change, self._peer_window = size - self._peer_window, size
        for stream in self.streams.values():
            stream.window += change
        if change > 0:
            self._drained(list(self.streams.values()))

    def _on_ping(self, flags: int, number: int, payload: bytes) -> None:
        if number or len(payload) != 8:
            raise ConnectionFault(Fault.FRAME_SIZE_ERROR, "a ping of the wrong length")
        self._hear_noise()
        if not flags & ACK:
            self.write(frame(Kind.PING, ACK, 0, payload))

    def _on_window_update(self, flags: int, number: int, payload: bytes) -> None:
        more = int.from_bytes(payload, "big") & MAX_WINDOW
        if len(payload) != 4 or not more:
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "a window that does not grow")
        if number == 0:
            self.window += more
            grown, streams = self.window, list(self.streams.values())
        elif (stream := self.streams.get(number)) is not None:
            stream.window += more
            grown, streams = stream.window, [stream]
        else:
            return
        if grown > MAX_WINDOW:
            raise ConnectionFault(Fault.FLOW_CONTROL_ERROR, "a window is too large")
        self._drained([stream for stream in streams if stream.buffered_bytes])

    def _on_push(self, flags: int, number: int, payload: bytes) -> None:
        raise ConnectionFault(Fault.PROTOCOL_ERROR, "a caller cannot push")

    def _hear_noise(self) -> None:
        now = self._server.loop.time()
        if now - self._noise_since > 1:
            self._noise, self._noise_since = 0, now
        self._noise += 1
        if self._noise > MAX_NOISE:
            raise ConnectionFault(Fault.ENHANCE_YOUR_CALM, "too many frames that say nothing")


_TAKERS: dict[int, Callable[[Http2Connection, int, int, bytes], None]] = {
    Kind.DATA: Http2Connection._on_data,
    Kind.HEADERS: Http2Connection._on_headers,
    Kind.RST_STREAM: Http2Connection._on_reset,
    Kind.SETTINGS: Http2Connection._on_settings,
    Kind.PUSH_PROMISE: Http2Connection._on_push,
    Kind.PING: Http2Connection._on_ping,
    Kind.WINDOW_UPDATE: Http2Connection._on_window_update,
    Kind.CONTINUATION: Http2Connection._on_continuation,
}
"""Kind -> what takes it; the others say nothing that matters here."""
