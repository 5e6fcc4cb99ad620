"""Archives: tar (plain, gzip, bzip2, xz) and zip, unpacked without leaving the folder or filling the disk."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path
from typing import IO

from control_plane.spec.manifests import MOST_FILES, safe_path
from model_repo.artifacts.errors import too_large, unusable

_CHUNK_BYTES = 2**20
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, RuntimeError, ValueError)


def is_archive(file: Path) -> bool:
    """Whether it can be unpacked here; its name does not matter."""
    return zipfile.is_zipfile(file) or tarfile.is_tarfile(file)


def unpack(file: Path, folder: Path, most_bytes: int) -> None:
    """Unpack all regular files below the folder. One folder at the top that holds all the rest is left out.

    Raises TiermeshError(SETUP) for links, devices, names that leave the folder, too many or too large files, and
    archives that are broken. What was unpacked until then stays: the folder is not in use yet.
    """
    folder.mkdir(parents=True)
    left = most_bytes
    try:
        for count, (name, content) in enumerate(_members(file)):
            if count == MOST_FILES:
                raise unusable(file.name, f"it holds more than {MOST_FILES} files", "Pack the weights alone.")
            left = _write(content, folder / _safe(name), left, file.name, most_bytes)
    except _BROKEN as error:
        raise unusable(file.name, f"the archive is broken ({error})", "Pack it again.") from error
    _lift(folder)


def _members(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                kind = stat.S_IFMT(entry.external_attr >> 16)
                if kind not in (0, stat.S_IFREG):
                    raise _odd(entry.filename)
                with archive.open(entry) as content:
                    yield entry.filename, content
        return
    with tarfile.open(file) as packed:
        for member in packed:
            if member.isdir():
                continue
            if not member.isreg():
                raise _odd(member.name)
            opened = packed.extractfile(member)
            assert opened is not None  # a regular file has content
            with opened as content:
                yield member.name, content


def _odd(name: str) -> Exception:
    return unusable(name[:80], "it is a link or device in an archive", "Pack plain files alone.")


def _safe(name: str) -> str:
    try:
        return safe_path(name.removeprefix("./"))
    except ValueError as error:
        raise unusable("archive", str(error), "Pack it with plain relative names.") from error


def _write(content: IO[bytes], target: Path, left: int, name: str, most_bytes: int) -> int:
    """Copies one file; what is left of the bytes that may come."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:  # a name that stands twice is refused
        while chunk := content.read(_CHUNK_BYTES):
            left -= len(chunk)  # what the archive says about its sizes is not trusted
            if left < 0:
                raise too_large(name, most_bytes)
            file.write(chunk)
    return left


def _lift(folder: Path) -> None:
    (only, *others) = list(folder.iterdir()) or [folder]
    if others or only == folder or not only.is_dir():
        return
    aside = folder.with_name(f"{folder.name}.lifted")
    only.rename(aside)
    shutil.rmtree(folder)
    aside.rename(folder)
