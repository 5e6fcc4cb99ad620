"""Embeddings that are kept between two evaluations of the same questions: they take most of the time."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from routers.encoder import NanoEncoder, Vectors


class Kept:
    """An encoder that looks into a folder first: one file for each list of texts it was given at once."""

    def __init__(self, encoder: NanoEncoder, folder: Path) -> None:
        """The folder is made where it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._encoder = encoder
        self._folder = folder

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder`."""
        content = "\0".join([self._encoder.name, *texts])
        path = self._folder / f"{hashlib.sha256(content.encode()).hexdigest()}.npy"
        if path.exists():
            kept: Vectors = np.load(path, allow_pickle=False)
            return kept
        vectors = self._encoder.embed(texts)
        half = path.with_suffix(".part.npy")
        np.save(half, vectors)
        half.replace(path)
        return vectors

    def knows(self, text: str) -> bool:
        """See `Encoder`."""
        return self._encoder.knows(text)
