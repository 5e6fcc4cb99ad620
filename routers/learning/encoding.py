"""Embeddings of many texts, by the bundled encoder in a process of its own: routers do not load models.

What has been embedded is kept in a folder and not embedded again.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from control_plane.spec.errors import Code, TiermeshError

ENCODER = "bundled://multilingual-e5-small"
"""Of `python -m model_repo.faq.vectors`."""

Vectors = NDArray[np.float32]


def embed(texts: Sequence[str], folder: Path, progress: Callable[[str, int, int], None]) -> Vectors:
    """One unit vector a text, shape (n, d). Raises TiermeshError(SETUP) where the encoder does not run."""
    kept = _Kept(folder)
    missing = [text for text in dict.fromkeys(texts) if not kept.path(text).exists()]
    if missing:
        _ask(missing, kept, progress)
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


def _ask(texts: Sequence[str], kept: _Kept, progress: Callable[[str, int, int], None]) -> None:
    command = [sys.executable, "-m", "model_repo.faq.vectors"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as encoder:
        assert encoder.stdin is not None and encoder.stdout is not None
        for done, text in enumerate(texts, 1):
            try:
                encoder.stdin.write(json.dumps(text) + "\n")
                encoder.stdin.flush()
                answer = encoder.stdout.readline()
            except BrokenPipeError:
                answer = ""
            if not answer:
                cure = "Run 'make install', or leave --embedding out."
                raise TiermeshError(Code.SETUP, "The bundled encoder does not run.", cure)
            kept.put(text, np.array(json.loads(answer), dtype=np.float32))
            progress("texts embedded", done, len(texts))
