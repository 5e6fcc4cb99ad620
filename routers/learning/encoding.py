"""Embeddings of many texts by the routers' encoder. What has been embedded is kept in a folder."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from routers.embedding import ENCODER
from routers.encoder import NanoEncoder, Vectors


def embed(texts: Sequence[str], folder: Path, progress: Callable[[str, int, int], None]) -> Vectors:
    """One unit vector a text, shape (n, d). Raises TiermeshError(SETUP) where the encoder is not installed."""
    kept = _Kept(folder)
    missing = [text for text in dict.fromkeys(texts) if not kept.path(text).exists()]
    if missing:
        encoder = NanoEncoder()
        for done, text in enumerate(missing, 1):
            kept.put(text, encoder.embed([text])[0])
            progress("texts embedded", done, len(missing))
    return np.array([np.load(kept.path(text)) for text in texts], dtype=np.float32)


class _Kept:
    """Vectors by the hash of encoder and text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, text: str) -> Path:
        """Where the vector of a text is."""
        return self._folder / f"{hashlib.sha256(json.dumps([ENCODER, text]).encode()).hexdigest()}.npy"

    def put(self, text: str, vector: Vectors) -> None:
        """Keep one; a reader never sees half of it."""
        path = self.path(text)
        written = path.with_suffix(".tmp.npy")
        np.save(written, vector)
        written.replace(path)
