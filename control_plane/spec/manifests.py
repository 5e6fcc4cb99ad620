"""Manifest: the files of an artifact and their checksums, and which names may stand there."""

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.snapshots import canonical
from control_plane.spec.uris import Sha256

MOST_FILES = 10_000
"""What has more is no model."""
_LONGEST_PATH = 400
_DRIVES = ":"
"""Windows' drives and streams; no weights need the character."""


def safe_path(path: str) -> str:
    """The same path, where it can only lie inside the folder it is put into.

    Raises ValueError for absolute paths, `..`, backslashes, empty parts and characters that no file of weights needs.
    """
    parts = path.split("/")
    if not path or len(path) > _LONGEST_PATH or "\\" in path or _DRIVES in path or not path.isprintable():
        raise ValueError(f"{path[:80]!r} is no plain relative path")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{path[:80]!r} leaves the folder: write a plain relative path")
    return path


class File(Spec):
    """One file."""

    sha256: Sha256
    size: int = Field(ge=0)
    """Bytes."""


class Manifest(Spec):
    """All files of an artifact, by their paths from its folder, with `/` between the parts."""

    files: dict[Annotated[str, AfterValidator(safe_path)], File] = Field(min_length=1, max_length=MOST_FILES)

    @model_validator(mode="after")
    def _files_are_no_folders(self) -> Self:
        for path in self.files:
            for parent in PurePosixPath(path).parents:
                if str(parent) in self.files:
                    raise ValueError(f"{str(parent)!r} cannot be both a file and a folder")
        return self

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def text(self) -> bytes:
        """The manifest as it is published: equal folders give equal bytes."""
        return canonical(self.model_dump(mode="json"))

    @property
    def sha256(self) -> str:
        """Of that text: the checksum of a folder."""
        return hashlib.sha256(self.text).hexdigest()


def manifest(files: Mapping[str, tuple[str, int]]) -> Manifest:
    """The manifest of files given as path -> (sha256, size in bytes).

    Raises pydantic.ValidationError where one is not fit to stand in it.
    """
    return Manifest.model_validate(
        {"files": {path: {"sha256": digest, "size": size} for path, (digest, size) in files.items()}}
    )
