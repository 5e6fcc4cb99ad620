"""Assets: the console's files, read once, each with the address at which a browser asks for it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""All that there is. Written here: what a machine's own table says of `.js` differs."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    path: str
    """Of its URL."""
    media_type: str
    body: bytes
    etag: str
    """Quoted, as the header has it: another content is another one."""


def load(folder: Path = FOLDER) -> Mapping[str, Asset]:
    """All files of the folder by path: `index.html` at `/`, others below `/console/`."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.startswith("."))
    assets = (_read(file, file.relative_to(folder).as_posix()) for file in files)
    return {asset.path: asset for asset in assets}


def _read(file: Path, name: str) -> Asset:
    body = file.read_bytes()
    path = "/" if name == "index.html" else f"/console/{name}"
    return Asset(path, _TYPES[file.suffix], body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
