import struct
from pathlib import Path

import numpy as np
import pytest

from control_plane.spec.errors import TiermeshError
from model_repo.faq import checkpoint
from model_repo.faq.checkpoint import Shape


def test_a_block_of_four_bit_numbers_is_its_halves_times_its_scale() -> None:
    pairs = bytes(low | (15 - low) << 4 for low in range(16))
    block = np.float16(0.5).tobytes() + pairs
    expected = [(low - 8) / 2 for low in range(16)] + [(7 - low) / 2 for low in range(16)]
    assert checkpoint.unpack(block * 2).unpacked().tolist() == expected * 2


def test_a_file_is_read_field_by_field(tmp_path: Path) -> None:
    plain = np.array([1.5, -2], np.float32).tobytes()
    packed = np.float16(1).tobytes() + bytes([0x98] * 16)
    text = "<s>多".encode()
    head = b"E5S1" + struct.pack("<I7ifi", 1, 384, 12, 6, 1536, 9, 512, 2, 0.5, 32)
    head += struct.pack("<5iQ3I2f", 2, 0, 2, 1, 3, len(text), 0, 3, len(text), 0, -1.5) + text
    head += struct.pack("<iI", 1, 5) + b"12345" + struct.pack("<i", 2)
    names = (b"a", 0, 2, plain), (b"b", 1, 32, packed)
    offset = len(head) + sum(2 + len(name) + struct.calcsize("<BIQQ") for name, *_ in names)
    for name, kind, count, raw in names:
        head += struct.pack("<H", len(name)) + name + struct.pack("<BIQQ", kind, count, offset, len(raw))
        offset += len(raw)
    (tmp_path / "file").write_bytes(head + plain + packed)
    found = checkpoint.read(tmp_path / "file")
    assert found.shape == Shape(384, 12, 6, 1536, 9, 512, 2, 0.5)
    assert found.pieces == (("<s>", 0.0), ("多", -1.5))
    assert found.tensors["a"].unpacked().tolist() == [1.5, -2]
    assert found.tensors["b"].unpacked().tolist() == [0] * 16 + [1] * 16


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(TiermeshError, match="make install"):
        checkpoint.read(tmp_path / "file")
