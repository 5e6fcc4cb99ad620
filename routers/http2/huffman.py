"""The Huffman code of HPACK (RFC 7541, appendix B). It is canonical, so the lengths say all of it."""

# fmt: off
_LENGTHS = (
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,  # the end, which no text may hold
)
# fmt: on

Node = list["Node | int | None"]
"""Where a 0 and where a 1 leads: to another node, or to a symbol."""


def _tree() -> Node:
    root: Node = [None, None]
    code, last = -1, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(_LENGTHS)):
        code, last = code + 1 << length - last, length
        node = root
        for bit in f"{code:0{length}b}"[:-1]:
            following = node[int(bit)]
            if not isinstance(following, list):
                following = node[int(bit)] = [None, None]
            node = following
        node[code & 1] = symbol
    return root


_ROOT = _tree()
_END = 256
_MAX_PADDING = 7


def decode(data: bytes) -> bytes:
    """The text of a Huffman-coded string. Raises ValueError where it is none."""
    found, node, since = bytearray(), _ROOT, 0
    for bit in f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else "":
        following = node[bit == "1"]
        since += 1
        if isinstance(following, list):
            node = following
        elif following is None or following == _END:
            raise ValueError("a string holds a code that stands for nothing")
        else:
            found.append(following)
            node, since = _ROOT, 0
    padding = data[-1] & (1 << since) - 1 if since else 0
    if since > _MAX_PADDING or padding != (1 << since) - 1:
        raise ValueError("a string does not end in a padding of ones")
    return bytes(found)
