"""Documents in files: YAML (one or several documents, or a list) and JSON, one file or a folder of them. Learned
routers lie beside them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from control_plane.spec.documents import Document, in_namespace, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import MAX_BYTES, SUFFIX
from control_plane.spec.names import DEFAULT_NAMESPACE
from control_plane.spec.references import routers
from control_plane.texts import json_values, yaml_values

SUFFIXES = (".yaml", ".yml", ".json")
"""The files of a folder that hold documents."""


def read_documents(path: Path, namespace: str = DEFAULT_NAMESPACE) -> list[Document]:
    """All documents of a file, or of a folder's own files in the order of their names.

    `file://./PATH` URIs become absolute: they count from the folder of the document that names them. Documents that do
    not say a namespace are in the given one.
    Raises TiermeshError: INVALID_REQUEST where nothing can be read, INVALID_DOCUMENT with file, line and document.
    """
    documents = [
        document
        for file in _files(path)
        for document in parse_documents(_text(file), str(file), file.parent, namespace)
    ]
    if not documents:
        raise TiermeshError(Code.INVALID_REQUEST, f"{path} holds no document.", "Name a file with at least one.")
    return documents


def parse_documents(
    text: str, name: str = "-", folder: Path | None = None, namespace: str = DEFAULT_NAMESPACE
) -> list[Document]:
    """The documents in a text: JSON where `name` ends in `.json`, else YAML.

    `name` stands in errors; relative `file://` URIs count from `folder`, by default the working directory.
    Raises TiermeshError(INVALID_DOCUMENT).
    """
    documents: list[Document] = []
    values = json_values(text, name) if name.endswith(".json") else yaml_values(text, name)
    for number, (line, data) in enumerate(values, start=1):
        try:
            placed = in_namespace(data, namespace)
            documents.append(parse(_with_absolute_uris(placed, (folder or Path()).absolute())))
        except TiermeshError as error:
            where = f"{name}, line {line}, document {number}"
            raise TiermeshError(error.code, f"{where}: {error.message}", error.hint, errors=error.errors) from error
    return documents


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if _holds_documents(file))
    if not files:
        raise TiermeshError(
            Code.INVALID_REQUEST,
            f"The folder {path} holds no {', '.join(SUFFIXES)} file.",
            "Folders inside it are not read: name the one that holds the documents.",
        )
    return files


def _holds_documents(file: Path) -> bool:
    return file.suffix in SUFFIXES and not file.name.endswith(SUFFIX) and file.is_file()


def artifacts_beside(documents: Iterable[Document], path: Path) -> dict[str, str]:
    """The texts of the learned routers that documents name, by name, as far as they lie in the same folder.

    Raises TiermeshError(INVALID_REQUEST) where one cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    files = {name: folder / f"{name}{SUFFIX}" for name in sorted(routers(documents))}
    return {name: read_artifact(file) for name, file in files.items() if file.is_file()}


def write_folder(folder: Path, name: str, text: str, artifacts: Mapping[str, str]) -> None:
    """Write documents into the file `name` of a folder, and learned routers beside them, for `read_documents` and
    `artifacts_beside` of the folder. The documents come last: those that are there never name what is not.

    Raises TiermeshError(INVALID_REQUEST) where the folder holds other documents too, which would be read with these,
    or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(file.name for file in folder.iterdir() if _holds_documents(file) and file.name != name)
        if others:
            message = f"{folder} holds {others[0]}, which would be applied with what is written."
            raise TiermeshError(Code.INVALID_REQUEST, message, "Name a folder of its own, or remove that file.")
        beside = {f"{each}{SUFFIX}": artifact for each, artifact in artifacts.items()}
        for file, content in (*beside.items(), (name, text)):
            _replace(folder / file, content)
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Check the path and its permissions.") from error


def _replace(file: Path, content: str) -> None:
    """Nobody ever reads half of it."""
    written = file.with_name(f".{file.name}.part")
    try:
        written.write_bytes(content.encode())
        written.replace(file)
    finally:
        written.unlink(missing_ok=True)


def read_artifact(file: Path) -> str:
    """The text of a learned router. Raises TiermeshError(INVALID_REQUEST) where it cannot be read or is too large."""
    try:
        if file.stat().st_size > MAX_BYTES:
            message = f"{file} has more than {MAX_BYTES} bytes."
            raise TiermeshError(
                Code.INVALID_REQUEST, message, "No artifact of a router is as large: name another file."
            )
    except OSError as error:
        raise _unreadable(file, error) from error
    return _text(file)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TiermeshError(
            Code.INVALID_DOCUMENT, f"{file} is not UTF-8 at byte {error.start}.", "Save it as UTF-8."
        ) from error
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> TiermeshError:
    message = f"{file} cannot be read: {error.strerror}."
    return TiermeshError(Code.INVALID_REQUEST, message, "Check the path and its permissions.")


def _with_absolute_uris(data: Any, folder: Path) -> Any:
    """The document with what its `spec` names on this machine independent of where it is read."""
    spec = data.get("spec") if isinstance(data, dict) else None
    if not isinstance(spec, dict):
        return data
    changed = _with_absolute_source(spec, folder)
    faq = spec.get("faq")
    if isinstance(faq, dict) and "knowledge" in faq:
        changed = {**changed, "faq": {**faq, "knowledge": _absolute(faq["knowledge"], folder)}}
    gate, adapters = spec.get("gate"), spec.get("adapters")
    if isinstance(gate, dict) and "evaluation" in gate:
        changed = {**changed, "gate": {**gate, "evaluation": _absolute(gate["evaluation"], folder)}}
    if isinstance(adapters, list):
        changed = {**changed, "adapters": [_with_absolute_source(adapter, folder) for adapter in adapters]}
    return {**data, "spec": changed}


def _with_absolute_source(value: Any, folder: Path) -> Any:
    sourced = isinstance(value, dict) and "source" in value
    return {**value, "source": _absolute(value["source"], folder)} if sourced else value


def _absolute(uri: Any, folder: Path) -> Any:
    relative = isinstance(uri, str) and uri.startswith(("file://./", "file://../"))
    # Written plainly, not as Path.as_uri() does: it would escape what people wrote in Chinese.
    return f"file://{(folder / uri.removeprefix('file://')).resolve()}" if relative else uri
