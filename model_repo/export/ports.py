"""What goes into an exported network and comes out of it. Nothing here needs torch, which takes seconds to import."""

from collections.abc import Callable
from dataclasses import dataclass

INPUTS = ("input_ids", "attention_mask")
OUTPUT = "vector"

Say = Callable[[str], None]
"""Hears what is being done."""


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor that goes into a network or comes out of it.

    `kind` is ONNX's name of its element type (`INT64`, `FLOAT`); a dimension of -1 is any, and the first is the batch.
    """

    name: str
    kind: str
    dimensions: tuple[int, ...]
