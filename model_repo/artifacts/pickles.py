"""Pickles: found by what a file holds, since a name promises nothing.

Reading a pickle runs its author's code. A file counts as one where its first bytes are a program for Python's pickle
machine that imports and calls something, or that declares itself one (protocol 2 and later); the machine obeys such a
program whatever follows it. Looked into as well: zip (torch, .npz), tar (old torch), gzip, bzip2, xz and zlib (joblib),
and NumPy's arrays of objects. Names that every loader takes for pickles count whatever the file holds.
"""

import bz2
import io
import lzma
import pickletools
import re
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from control_plane.spec.manifests import MOST_FILES
from model_repo.artifacts import folders
from model_repo.artifacts.errors import unusable

_NAMES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".dill", ".npo"})
_HEAD_BYTES = 64 * 1024
_MOST_PROGRAM_BYTES = 16 * 2**20
"""How far a program is followed to what it calls."""
_NO_ACCIDENT = 100_000
"""So many operations in a row are a program, whatever it does."""
_DEEPEST = 3
"""Of archives in archives; what lies deeper no loader unpacks."""
_NUMPY = b"\x93NUMPY"
_PROTOCOLS = range(2, 6)
_COMPRESSED: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
    b"]\x00\x00": lzma.LZMADecompressor,
    **{bytes([0x78, level]): zlib.decompressobj for level in (0x01, 0x5E, 0x9C, 0xDA)},
}
_NAMED = frozenset({"GLOBAL", "INST"})
_IDENTIFIERS = re.compile(r"[\w.]+ [\w.]+")
_IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
_CALLS = frozenset({"REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})


def refuse(folder: Path, uri: str) -> None:
    """Raises TiermeshError(SETUP) that names the first file with a pickle in it."""
    for name, path in folders.files(folder):
        if why := found(path):
            cure = "Take safetensors, or say allowPickle: true where you trust whoever wrote it with your machine."
            raise unusable(uri, f"{name} {why}", cure)


def found(file: Path) -> str | None:
    """What makes a file one that runs code when it is read, as a phrase about it; None for a harmless one."""
    if file.suffix.lower() in _NAMES:
        return f"is a pickle by its name ({file.suffix})"
    with file.open("rb") as content:
        return _inside(content, _DEEPEST)


def _inside(content: IO[bytes], depth: int) -> str | None:
    head = content.read(_HEAD_BYTES)
    if head.startswith(_NUMPY):
        return "holds an array of Python objects, which is a pickle" if _holds_objects(head) else None
    content.seek(0)
    if is_pickle(content):
        return "is a pickle"
    for magic, decompressor in _COMPRESSED.items():
        if depth and head.startswith(magic):
            content.seek(0)
            if why := _inside(io.BytesIO(_decompressed(decompressor(), content)), depth - 1):
                return f"is compressed, and what it holds {why}"
    for name, member in _members(content):
        if PurePosixPath(name).suffix.lower() in _NAMES:
            return f"holds {name}, a pickle by its name"
        if depth and (why := _inside(member, depth - 1)):
            return f"holds {name}, which {why}"
    return None


def is_pickle(content: IO[bytes]) -> bool:
    """Whether a file begins with a program for the pickle machine."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # at odd escapes of what is no program
        return _is_program(_Program(content))


def _is_program(program: "_Program") -> bool:
    imports, depth, count = False, 0, 0
    marks: list[int] = []
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(cast(IO[bytes], program))):
            if count == _NO_ACCIDENT:
                return True
            name = operation.name
            # Letters of a text can read like operations; what takes from an empty stack is no program.
            if pickletools.markobject in operation.stack_before or name == "POP_MARK":
                depth = marks.pop()
            elif (depth := depth - len(operation.stack_before)) < 0:
                return False
            if name in _NAMED and not _IDENTIFIERS.fullmatch(str(argument)):
                return False
            if name == "INST" or (name in _CALLS and imports):
                return True
            imports = imports or name in _IMPORTS
            if name == "MARK":
                marks.append(depth)
            else:
                depth += len(operation.stack_after)
    except (ValueError, IndexError):  # no program any more
        pass
    return program.declared and count > 0


class _Program:
    """A file as the pickle machine would read it, up to a bound: an argument of it may claim to be 4 GiB long."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self._left = _MOST_PROGRAM_BYTES
        header = content.read(2)
        content.seek(0)
        self.declared = len(header) == 2 and header[0] == 0x80 and header[1] in _PROTOCOLS

    def read(self, count: int) -> bytes:
        return self._taken(self._content.read(min(count, self._left)))

    def readline(self) -> bytes:
        return self._taken(self._content.readline(self._left))

    def tell(self) -> int:
        return self._content.tell()

    def _taken(self, part: bytes) -> bytes:
        self._left -= len(part)
        return part


def _holds_objects(head: bytes) -> bool:
    """Whether NumPy's header describes elements that are Python objects."""
    wide = head[6] > 1
    size = int.from_bytes(head[8:12] if wide else head[8:10], "little")
    start = 12 if wide else 10
    header = head[start : start + size]
    return b"|O" in header or b"'O" in header or b'"O' in header or size > len(head) - start


def _decompressed(decompressor: Any, content: IO[bytes]) -> bytes:
    try:
        return bytes(decompressor.decompress(content.read(_MOST_PROGRAM_BYTES), _MOST_PROGRAM_BYTES))
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return b""


def _members(content: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of an archive; none where it is no archive. What cannot be read is skipped: no loader reads it."""
    try:
        content.seek(0)
        if zipfile.is_zipfile(content):
            with zipfile.ZipFile(content) as archive:
                for entry in archive.infolist()[:MOST_FILES]:
                    if not entry.is_dir():
                        with archive.open(entry) as member:
                            yield entry.filename, member
            return
        content.seek(0)
        if content.read(262)[257:] != b"ustar":
            return
        content.seek(0)
        with tarfile.open(fileobj=content) as packed:
            for _, each in zip(range(MOST_FILES), packed, strict=False):
                if each.isreg() and (opened := packed.extractfile(each)):
                    yield each.name, opened
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError, RuntimeError):
        return
