"""Folders of weights: their manifest, and the way to a disk that does not forget."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from control_plane.spec.documents import field_errors
from control_plane.spec.manifests import Manifest, manifest
from model_repo.artifacts.errors import unusable


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each file below a folder with its path from there. Links to files are followed: a hub's cache is made of them.

    Raises TiermeshError(SETUP) for a link to a folder, behind which nothing would be looked at.
    """
    for parent, inner, names in os.walk(folder):
        inner.sort()
        if linked := next((name for name in inner if Path(parent, name).is_symlink()), None):
            raise unusable(f"file://{folder}", f"{linked!r} in it links to a folder", "Put the folder itself there.")
        for name in sorted(names):
            path = Path(parent, name)
            yield path.relative_to(folder).as_posix(), path


def checksum(file: Path) -> str:
    """sha256 of a file, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def manifest_of(folder: Path) -> Manifest:
    """The manifest of what a folder holds now: reads all of it.

    Raises TiermeshError(SETUP) where it holds no file, or one with a name that no manifest takes.
    """
    found = {name: (checksum(path), path.stat().st_size) for name, path in files(folder)}
    try:
        return manifest(found)
    except ValidationError as error:
        wrong = field_errors(error)[0]
        why = f"the folder has no manifest: {wrong.field}: {wrong.message}"
        raise unusable(f"file://{folder}", why, "Name the folder with the weights alone.") from error


def sync(folder: Path) -> None:
    """Wait until the folder and all in it would survive a power cut."""
    for _, path in files(folder):
        _sync(path)
    for parent, _, _ in os.walk(folder):
        _sync(Path(parent))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
