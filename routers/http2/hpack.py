"""HPACK (RFC 7541): header blocks, read with all that a client may use and written with the least that will do."""

from collections import deque

from routers.http2 import huffman

TABLE_BYTES = 4096
"""Of the dynamic table: what a client may use unless it is told otherwise."""
_ENTRY_BYTES = 32
"""What an entry counts for beside its text."""
_MAX_INTEGER = 2**24
_MEMORY = 64
"""Blocks that are remembered: a client's calls of one kind have the same block, byte for byte."""

Header = tuple[bytes, bytes]

_STATIC: tuple[Header, ...] = (
    (b":authority", b""), (b":method", b"GET"), (b":method", b"POST"), (b":path", b"/"), (b":path", b"/index.html"),
    (b":scheme", b"http"), (b":scheme", b"https"), (b":status", b"200"), (b":status", b"204"), (b":status", b"206"),
    (b":status", b"304"), (b":status", b"400"), (b":status", b"404"), (b":status", b"500"), (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"), (b"accept-language", b""), (b"accept-ranges", b""), (b"accept", b""),
    (b"access-control-allow-origin", b""), (b"age", b""), (b"allow", b""), (b"authorization", b""),
    (b"cache-control", b""), (b"content-disposition", b""), (b"content-encoding", b""), (b"content-language", b""),
    (b"content-length", b""), (b"content-location", b""), (b"content-range", b""), (b"content-type", b""),
    (b"cookie", b""), (b"date", b""), (b"etag", b""), (b"expect", b""), (b"expires", b""), (b"from", b""),
    (b"host", b""), (b"if-match", b""), (b"if-modified-since", b""), (b"if-none-match", b""), (b"if-range", b""),
    (b"if-unmodified-since", b""), (b"last-modified", b""), (b"link", b""), (b"location", b""),
    (b"max-forwards", b""), (b"proxy-authenticate", b""), (b"proxy-authorization", b""), (b"range", b""),
    (b"referer", b""), (b"refresh", b""), (b"retry-after", b""), (b"server", b""), (b"set-cookie", b""),
    (b"strict-transport-security", b""), (b"transfer-encoding", b""), (b"user-agent", b""), (b"vary", b""),
    (b"via", b""), (b"www-authenticate", b""),
)  # fmt: skip


class Decoder:
    """Reads the header blocks of one connection, in their order."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` of one block's headers, each counted with 32 bytes for itself."""
        self._max_bytes = max_bytes
        self._table: deque[Header] = deque()
        self._table_bytes = 0
        self._table_limit = TABLE_BYTES
        self._known: dict[bytes, dict[bytes, bytes]] = {}

    def decode(self, block: bytes) -> dict[bytes, bytes]:
        """The headers by name; of a repeated one the last value. Raises ValueError where it is no block."""
        known = self._known.get(block)
        if known is not None:
            return known
        changes, headers, size = False, {}, 0
        reader = _Reader(block)
        while reader.at < len(block):
            first = block[reader.at]
            if 0x20 <= first < 0x40:
                self._resize(reader.integer(5))
                changes = True
                continue
            name, value = self._header(reader, first)
            if 0x40 <= first < 0x80:
                changes = True
                self._add(name, value)
            size += len(name) + len(value) + _ENTRY_BYTES
            if size > self._max_bytes:
                raise ValueError("the headers are too large")
            headers[name] = value
        if not changes and len(self._known) < _MEMORY:
            self._known[block] = headers
        return headers

    def _header(self, reader: "_Reader", first: int) -> Header:
        if first >= 0x80:
            return self._entry(reader.integer(7))
        index = reader.integer(6 if first >= 0x40 else 4)
        name = self._entry(index)[0] if index else reader.string()
        value = reader.string()
        if not name or name != name.lower() or not _FORBIDDEN.isdisjoint(name) or not _FORBIDDEN.isdisjoint(value):
            raise ValueError("a header is not one of HTTP/2")
        return name, value

    def _entry(self, index: int) -> Header:
        if 0 < index <= len(_STATIC):
            return _STATIC[index - 1]
        if 0 < index <= len(_STATIC) + len(self._table):
            return self._table[index - len(_STATIC) - 1]
        raise ValueError("an index points to no header")

    def _add(self, name: bytes, value: bytes) -> None:
        self._known.clear()
        self._table.appendleft((name, value))
        self._table_bytes += len(name) + len(value) + _ENTRY_BYTES
        self._evict()

    def _resize(self, limit: int) -> None:
        if limit > TABLE_BYTES:
            raise ValueError("the table is larger than allowed")
        self._known.clear()
        self._table_limit = limit
        self._evict()

    def _evict(self) -> None:
        while self._table_bytes > self._table_limit:
            name, value = self._table.pop()
            self._table_bytes -= len(name) + len(value) + _ENTRY_BYTES


_FORBIDDEN = frozenset(b"\r\n\0")


class _Reader:
    def __init__(self, block: bytes) -> None:
        self._block = block
        self.at = 0

    def integer(self, bits: int) -> int:
        """Of a prefix of so many bits."""
        mask = (1 << bits) - 1
        found, shift = self._byte() & mask, 0
        if found < mask:
            return found
        while found < _MAX_INTEGER:
            byte = self._byte()
            found += (byte & 0x7F) << shift
            if byte < 0x80:
                return found
            shift += 7
        raise ValueError("a number is too large")

    def string(self) -> bytes:
        if self.at >= len(self._block):
            raise ValueError("a block is cut off")
        coded = self._block[self.at] & 0x80
        length = self.integer(7)
        start, self.at = self.at, self.at + length
        if self.at > len(self._block):
            raise ValueError("a block is cut off")
        data = self._block[start : self.at]
        return huffman.decode(data) if coded else data

    def _byte(self) -> int:
        if self.at >= len(self._block):
            raise ValueError("a block is cut off")
        self.at += 1
        return self._block[self.at - 1]


def literal(name: bytes, value: bytes) -> bytes:
    """A header as text: no table, no code, nothing to keep in step."""
    return b"\0%b%b" % (_string(name), _string(value))


def _string(data: bytes) -> bytes:
    length = len(data)
    if length < 0x7F:
        return b"%c%b" % (length, data)
    found, rest = bytearray([0x7F]), length - 0x7F
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    found.append(rest)
    return bytes(found) + data


STATUS_200 = b"\x88"
"""`:status: 200`, by its place in the static table."""
