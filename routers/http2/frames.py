"""Frames of HTTP/2: their kinds, their flags, and what goes wrong with them (RFC 9113, sections 4, 6 and 7)."""

from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first."""
HEAD_BYTES = 9
MAX_FRAME_BYTES = 16_384
"""Of a payload: the least that every peer takes, and the most that this one does."""
DEFAULT_WINDOW = 65_535
MAX_WINDOW = MAX_STREAM = 2**31 - 1

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20


class Kind(IntEnum):
    """What a frame is."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Setting(IntEnum):
    """What a peer may set, as far as it matters here."""

    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class Fault(IntEnum):
    """Why a stream or a connection ends early."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    FLOW_CONTROL_ERROR = 3
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class ConnectionFault(Exception):
    """The peer broke the protocol in a way that ends the connection."""

    def __init__(self, fault: Fault, why: str) -> None:
        super().__init__(why)
        self.fault = fault


def frame(kind: Kind, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return b"%b%c%c%b%b" % (len(payload).to_bytes(3, "big"), kind, flags, stream.to_bytes(4, "big"), payload)


def header_frames(flags: int, stream: int, block: bytes) -> bytes:
    """A header block: one frame, and where it is long more behind it."""
    if len(block) <= MAX_FRAME_BYTES:
        return frame(Kind.HEADERS, flags | END_HEADERS, stream, block)
    parts = [block[at : at + MAX_FRAME_BYTES] for at in range(0, len(block), MAX_FRAME_BYTES)]
    more = [frame(Kind.CONTINUATION, 0, stream, part) for part in parts[1:-1]]
    return b"".join(
        [frame(Kind.HEADERS, flags, stream, parts[0]), *more, frame(Kind.CONTINUATION, END_HEADERS, stream, parts[-1])]
    )


def unpadded(flags: int, payload: bytes) -> bytes:
    """A payload without its padding. Raises ConnectionFault where there is more padding than payload."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(Fault.PROTOCOL_ERROR, "a frame is nothing but padding")
    return payload[1 : len(payload) - payload[0]]
