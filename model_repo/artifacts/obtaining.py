"""From a source and its checksum to a folder of weights that holds exactly what was promised."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from control_plane.spec.documents import field_errors
from control_plane.spec.manifests import Manifest
from model_repo.artifacts import fetching, folders, unpacking
from model_repo.artifacts.errors import too_large, unusable
from model_repo.artifacts.store import Store

Tell = Callable[[str], None]
"""Told what is being done, for whoever waits."""

_MIB = 2**20
_MOST_MANIFEST_BYTES = 4 * _MIB


@dataclass(frozen=True, slots=True)
class Obtaining:
    """Where artifacts go, how large they may be, and who hears of the progress."""

    store: Store
    most_bytes: int
    tell: Tell = lambda _: None

    def from_url(self, url: str, sha256: str) -> Path:
        """What an archive or a manifest at a URL stands for; `sha256` is the checksum of that archive or manifest.

        A manifest's files lie beside it, at their paths. Raises TiermeshError: SETUP where it is not what the
        checksum says, is unsafe or too large; UNAVAILABLE where it cannot be fetched.
        """
        with fetching.client() as http:
            return self.store.bring(sha256, lambda staged: self._staged(http, url, sha256, staged))

    def from_file(self, file: Path, sha256: str) -> Path:
        """The same for an archive on this machine."""

        def unpacked(staged: Path) -> Path:
            self.tell(f"checking {file}")
            _check(file, f"file://{file}", sha256)
            return self._unpacked(file, staged)

        return self.store.bring(sha256, unpacked)

    def checked(self, folder: Path, uri: str, sha256: str) -> Path:
        """The same folder, where it holds what its checksum says. Raises TiermeshError(SETUP)."""
        self.tell(f"checking {uri}")
        found = folders.manifest_of(folder).sha256
        if found != sha256:
            raise _differs(uri, sha256, found)
        return folder

    def _staged(self, http: httpx2.Client, url: str, sha256: str, staged: Path) -> Path:
        head = staged / "fetched"
        if not _is(head, sha256):
            fetching.fetch(http, url, head, self.most_bytes, self._progress(url, None))
            try:
                _check(head, url, sha256)
            except Exception:
                head.unlink()  # going on with it would only bring the same again
                raise
        if unpacking.is_archive(head):
            return self._unpacked(head, staged)
        return self._collected(http, url, _manifest(head, url), staged)

    def _unpacked(self, archive: Path, staged: Path) -> Path:
        content = staged / "content"
        shutil.rmtree(content, ignore_errors=True)
        self.tell("unpacking")
        unpacking.unpack(archive, content, self.most_bytes)
        return content

    def _collected(self, http: httpx2.Client, url: str, manifest: Manifest, staged: Path) -> Path:
        if manifest.size > self.most_bytes:
            raise too_large(url, self.most_bytes)
        content, parts, done = staged / "content", staged / "parts", 0
        parts.mkdir(exist_ok=True)
        base = httpx2.URL(url)
        for path, promised in manifest.files.items():
            target, part = content / path, parts / promised.sha256
            if not _is(target, promised.sha256):
                heard = self._progress(url, manifest.size, done)
                fetching.fetch(http, str(base.join(quote(path))), part, promised.size, heard)
                try:
                    _check(part, path, promised.sha256)
                except Exception:
                    part.unlink()
                    raise
                target.parent.mkdir(parents=True, exist_ok=True)
                part.rename(target)
            done += promised.size
        self.tell("checking")
        for path, target in list(folders.files(content)):
            if path not in manifest.files:
                target.unlink()  # left by an earlier process: no file may stand here unpromised
        return self.checked(content, url, manifest.sha256)

    def _progress(self, url: str, whole: int | None, done: int = 0) -> fetching.Heard:
        def heard(here: int) -> None:
            have = f"{(done + here) / _MIB:.0f}"
            share = f" {(done + here) / whole:.0%} ({have} of {whole / _MIB:.0f} MiB)" if whole else f" {have} MiB"
            self.tell(f"fetching {url}{share}")

        return heard


def _manifest(file: Path, url: str) -> Manifest:
    cure = "Point `source` at a .tar, .tar.gz or .zip, or at a manifest: {files: {PATH: {sha256, size}}}."
    if file.stat().st_size > _MOST_MANIFEST_BYTES:
        raise unusable(url, "it is neither an archive nor a manifest", cure)
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        with suppress(ValueError):
            json.loads(file.read_bytes())
            wrong = field_errors(error)[0]
            raise unusable(url, f"its manifest is not valid: {wrong.field}: {wrong.message}", cure) from error
        raise unusable(url, "it is neither an archive nor a manifest", cure) from error


def _is(file: Path, sha256: str) -> bool:
    return file.is_file() and folders.checksum(file) == sha256


def _check(file: Path, what: str, sha256: str) -> None:
    found = folders.checksum(file)
    if found != sha256:
        raise _differs(what, sha256, found)


def _differs(what: str, promised: str, found: str) -> Exception:
    why = f"its sha256 is {found}, and {promised} was promised"
    return unusable(what, why, "Correct the checksum if the content is meant; else find out who changed it.")
