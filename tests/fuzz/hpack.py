"""Header blocks of HTTP/2: indexes, tables that change, Huffman codes, and what is none of them."""

from random import Random

from hypothesis import strategies as st

from routers.http2 import huffman
from routers.http2.hpack import TABLE_BYTES
from routers.http2.hpack import Decoder as BlockDecoder
from routers.http2.stream import Headers
from tests.fuzz.decoder import Decoder
from tests.fuzz.mutations import SEEDS, TOKENS, scratch

MAX_BYTES = 2000
"""Of one block's headers."""


def _codes(node: huffman.Node, code: str = "") -> dict[int, str]:
    found: dict[int, str] = {}
    for bit, following in zip("01", node, strict=True):
        if isinstance(following, list):
            found |= _codes(following, code + bit)
        elif following is not None:
            found[following] = code + bit
    return found


_CODES = _codes(huffman._ROOT)


def _coded(text: bytes) -> bytes:
    """The Huffman code of a text."""
    bits = "".join([_CODES[byte] for byte in text])
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


def _integer(first: int, bits: int, value: int) -> bytes:
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    written, value = bytearray([first | most]), value - most
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


_NAMES = [b"a", b"te", b":path", b"content-type", b"authorization", b"x-" + b"y" * 40, b"Upper", b"", b"a\n"]
_VALUES = [b"", b"1", b"trailers", b"application/grpc", b"Bearer tm-free-key", b"v" * 200, b"v" * 1900, b"\xff", b"\0"]
_NUMBERS = [0, 1, 2, 15, 30, 31, 61, 62, 63, 70, 126, 127, 128, 300, 4096, 4097, 2**24, 2**31, 2**70]


def _text(random: Random, text: bytes) -> bytes:
    coded = random.random() < 0.5
    text = _coded(text) if coded else text
    length = random.choice(_NUMBERS) if random.randrange(20) == 0 else len(text)
    return _integer(0x80 * coded, 7, length) + text


def _field(random: Random) -> bytes:
    """One entry of a block: by its place, as text of three kinds, or a new size of the table."""
    kind, bits = random.choice(((0x80, 7), (0x40, 6), (0x40, 6), (0x10, 4), (0x00, 4), (0x20, 5)))
    if kind in (0x80, 0x20):
        return _integer(kind, bits, random.choice((*_NUMBERS, *[62] * 9, *[random.randrange(1, 70)] * 9)))
    name = random.choice(_NAMES[: random.choice((5, 9))])
    written = _integer(kind, bits, random.choice(_NUMBERS)) if random.randrange(3) == 0 else b""
    return (written or _integer(kind, bits, 0) + _text(random, name)) + _text(random, random.choice(_VALUES))


def block(seed: int, mutation: int = 0) -> bytes:
    """A header block of up to 30 entries."""
    random = Random(seed)
    return scratch(b"".join([_field(random) for _ in range(random.choice((0, 1, 3, 8, 30)))]), mutation)


_SEED = st.integers(0, 2**32)
_SMALL = st.sampled_from([b"\xbe", b"\xbf", b"\x40\1a\0011", b"\x40\1b\0012", b"\x20", b"\x3f\x21"])
"""The table's newest entries by their places, new ones, and other sizes: what later blocks mean depends on them."""
_BLOCKS = (
    _SMALL | st.builds(block, _SEED, SEEDS) | st.lists(st.sampled_from(TOKENS) | st.binary(max_size=9)).map(b"".join)
)


def _read_blocks(sent: tuple[list[bytes], list[int]]) -> None:
    blocks, again = sent
    decoder, forgetful = BlockDecoder(MAX_BYTES), BlockDecoder(MAX_BYTES)
    for block in [*blocks, *[blocks[index % len(blocks)] for index in again]]:
        found = _decoded(decoder, block)
        forgetful._known.clear()
        assert found == _decoded(forgetful, block), "what came before makes a difference"
        assert sum(len(name) + len(value) + 32 for name, value in decoder._table) == decoder._table_bytes
        assert decoder._table_bytes <= min(decoder._table_limit, TABLE_BYTES)
        if found is None:
            return  # the connection ends
        assert sum(len(name) + len(value) + 32 for name, value in found.items()) <= MAX_BYTES
        assert not any(byte in text for field in found.items() for text in field for byte in b"\r\n\0")


def _decoded(decoder: BlockDecoder, block: bytes) -> Headers | None:
    try:
        return decoder.decode(block)
    except ValueError:
        return None


DECODERS = (
    Decoder("hpack", st.tuples(st.lists(_BLOCKS, min_size=1, max_size=5), st.lists(st.integers(0, 4))), _read_blocks),
)
