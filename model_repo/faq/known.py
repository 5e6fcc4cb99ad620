"""Vectors of the questions that a shop knows, kept on disk: to embed three hundred takes 4 s of a core, which a replica
would spend at each start.
"""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from model_repo.faq.encoder import Vectors

_MOST = 16
"""How many files are kept, so that every edit of a shop's knowledge does not leave one for ever."""


def vectors(texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors], encoder: str, folder: Path) -> Vectors:
    """What `embed` says of the texts, asked once for each list of texts and `encoder`, which names what embeds them.

    A file that does not hold one vector a text, as `embed` makes them, is written anew. A folder that cannot be written
    to keeps nothing.
    """
    asked = json.dumps([encoder, *texts]).encode()
    file = folder / f"{hashlib.sha256(asked).hexdigest()}.npy"
    like = embed(())
    with contextlib.suppress(OSError, ValueError):  # not there, cut short, or something else
        kept = np.lib.format.open_memmap(file, mode="r")  # type: ignore[no-untyped-call]  # numpy says none
        if (kept.dtype, kept.shape) == (like.dtype, (len(texts), *like.shape[1:])):
            return np.array(kept)
    found = embed(texts)
    with contextlib.suppress(OSError):
        _write(file, found)
    return found


def _write(file: Path, found: Vectors) -> None:
    """In one step: a reader never sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, suffix=".part") as folder:
        part = Path(folder, file.name)
        np.save(part, found)
        part.replace(file)
    newest = sorted(file.parent.glob("*.npy"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in newest[_MOST:]:
        old.unlink(missing_ok=True)
