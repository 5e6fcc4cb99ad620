"""Packing: numbers as the bytes that the database keeps."""

from array import array
from collections.abc import Mapping, Sequence

_CODE_BYTES = 2
_COUNT = {4: "I", 8: "Q"}
OF_A_UNIT, OF_AN_ARM = 4, 8
"""Bytes of one count of a bin."""


def pack(numbers: Sequence[float]) -> bytes:
    """Floating-point numbers, eight bytes each."""
    return array("d", numbers).tobytes()


def unpack(packed: bytes) -> list[float]:
    """The numbers again."""
    return array("d", packed).tolist()


def pack_bins(bins: Mapping[int, int], count_bytes: int) -> bytes:
    """Codes of bins, and behind them how often each came."""
    return array("H", bins.keys()).tobytes() + array(_COUNT[count_bytes], bins.values()).tobytes()


def unpack_bins(packed: bytes, count_bytes: int) -> dict[int, int]:
    """Code -> count."""
    ends = len(packed) // (_CODE_BYTES + count_bytes) * _CODE_BYTES
    return dict(zip(array("H", packed[:ends]), array(_COUNT[count_bytes], packed[ends:]), strict=True))
