"""The Model documents that say what is served here."""

from collections.abc import Hashable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from control_plane.spec.documents import Model, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.settled import Settled, stamp

Models = dict[str, Model]
"""By qualified name: NAMESPACE/NAME, or the plain name in the default namespace."""


def following(path: Path) -> Settled[Models]:
    """What `read` gives of a file or folder that others write to."""
    return Settled(partial(_stamps, path), partial(read, path))


def read(path: Path) -> Models:
    """The Models of a file (YAML or JSON: one, several, or a list) or of a folder's *.yaml, that are served here.

    Other kinds, and Models that run elsewhere, are left out. `file://./PATH` counts from the document's folder.
    Raises TiermeshError(INVALID_DOCUMENT) that names the file.
    """
    models: Models = {}
    for file in _files(path):
        for document in _documents(file):
            if isinstance(document, Model) and document.spec.served_here:
                models[document.metadata.qualified_name] = document
    return models


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def _stamps(path: Path) -> Hashable:
    return tuple(_stamp(file) for file in _files(path))


def _stamp(file: Path) -> Hashable:
    try:
        return file, stamp(file.stat())
    except OSError:
        return None  # `read` says why


def _documents(file: Path) -> Iterator[Any]:
    try:
        for value in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for data in value if isinstance(value, list) else [value]:
                if data is not None:
                    yield parse(_from_folder(data, file.parent))
    except OSError as error:
        raise _invalid(file, f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _invalid(file, f"it is not UTF-8 at byte {error.start}") from error
    except yaml.YAMLError as error:
        raise _invalid(file, f"it is not YAML: {' '.join(str(error).split())}") from error
    except TiermeshError as error:
        raise TiermeshError(error.code, f"{file}: {error.message}", error.hint, errors=error.errors) from error


def _invalid(file: Path, why: str) -> TiermeshError:
    return TiermeshError(Code.INVALID_DOCUMENT, f"The documents in {file} are not used: {why}.", "Correct the file.")


def _from_folder(value: Any, folder: Path) -> Any:
    """The same document with absolute paths."""
    if isinstance(value, dict):
        return {key: _from_folder(item, folder) for key, item in value.items()}
    if isinstance(value, str) and value.startswith(("file://./", "file://../")):
        return f"file://{(folder / value.removeprefix('file://')).resolve()}"
    return value
