"""Sources: where snapshots come from. Two forms, one interface: a control plane, or a file of documents."""

import asyncio
import random
from collections.abc import Hashable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from control_plane.client.files import SUFFIXES, artifacts_beside, read_documents
from control_plane.client.http import SnapshotFeed
from control_plane.spec import learned
from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, Prompt
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import PinnedPrompt, Pins
from control_plane.spec.references import prompts
from control_plane.spec.settled import Settled, stamp
from control_plane.spec.snapshots import Content, Snapshot, digest
from routers.reading import Found, Reader
from routers.shelf import Shelf
from routers.slices import in_slices, lasting

WAIT_SECONDS = 30.0
"""Of one long poll; up to a third more by chance, so that many routers do not come back at once."""
POLL_SECONDS = 1.0
"""Between two looks at a file."""


class Source(Protocol):
    """Where snapshots come from."""

    async def next(self, after: int | None) -> Found | None:
        """A snapshot other than number `after`, or None after a while. Raises TiermeshError."""

    async def acknowledge(self, number: int, error: str | None) -> None:
        """Say that this router serves the snapshot, or why it cannot. Raises TiermeshError."""

    async def close(self) -> None:
        """Let go of connections."""


class ControlPlaneSource:
    """Follows a control plane by long polls."""

    def __init__(self, feed: SnapshotFeed, router: str, reader: Reader, shelf: Shelf) -> None:
        """`shelf` gets the learned routers that snapshots name."""
        self._feed = feed
        self._shelf = shelf
        self._router = router
        self._reader = reader
        self._answered = False

    async def next(self, after: int | None) -> Found | None:
        # The first answer comes at once, also that nothing is published yet.
        wait = WAIT_SECONDS * random.uniform(1, 4 / 3) if self._answered else 0.0
        body = await self._feed.latest_body(after, wait)
        self._answered = True
        if body is None:
            return None
        with lasting():
            found = await in_slices(self._reader.read(body))
        routes = found.snapshot.content.routes
        await self._shelf.stock({route.router.artifact for route in routes if route.router}, self._feed.artifact)
        return found

    async def acknowledge(self, number: int, error: str | None) -> None:
        await self._feed.acknowledge(number, self._router, error)

    async def close(self) -> None:
        await self._feed.aclose()


class FileSource:
    """Follows a file or folder of documents; numbers its snapshots from 1 in each run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = Settled(partial(_stamps, path), partial(_content, path))
        self._looked = False
        self._number = 0
        self._sha256 = ""

    async def next(self, after: int | None) -> Found | None:
        content = await self._look()
        while content is None and not self._number:  # None would say that there is nothing to serve
            content = await self._look()
        return None if content is None else self._found(content)

    async def _look(self) -> Content | None:
        if self._looked:
            await asyncio.sleep(POLL_SECONDS)
        self._looked = True
        return self._content.next()

    def _found(self, content: Content) -> Found | None:
        sha256 = digest(content)
        if sha256 == self._sha256:
            return None
        parent, self._number, self._sha256 = self._number or None, self._number + 1, sha256
        snapshot = Snapshot(
            number=self._number,
            parent=parent,
            sha256=sha256,
            author="file",
            reason=str(self._path),
            createdAt=datetime.now(UTC),
            content=content,
        )
        return Found(snapshot, verified=True)

    async def acknowledge(self, number: int, error: str | None) -> None:
        """Nobody asks."""

    async def close(self) -> None:
        """There is nothing to close."""


def _content(path: Path) -> Content:
    documents = read_documents(path)
    artifacts = artifacts_beside(documents, path)
    routers = {name: learned.read(name, text) for name, text in artifacts.items()}
    return compile(documents, pins=replace(_pins(documents), routers=routers))


def _pins(documents: list[Document]) -> Pins:
    """Without a control plane nobody asks MLflow: a Prompt document is the version that a Route names, or else the
    first."""
    said = {document.metadata.name: document.spec for document in documents if isinstance(document, Prompt)}
    found = {}
    for prompt in (prompt for document in documents for _, prompt in prompts(document)):
        if (spec := said.get(prompt.name)) is not None:
            version = {**spec.said(), "name": prompt.name, "version": prompt.version or 1}
            found[prompt.reference] = PinnedPrompt.model_validate(version)
    return Pins(found)


def _stamps(path: Path) -> Hashable:
    """What changes when the documents do. A log that grows beside them is none."""
    try:
        files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES) if path.is_dir() else [path]
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise TiermeshError(Code.UNAVAILABLE, message, "Check the path and its permissions.") from error
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> Hashable:
    try:
        return file, stamp(file.stat())
    except OSError:  # gone since the folder was listed, or a link to nowhere such as an editor's lock
        return None
