"""Shelf: the learned routers that Routes name, by name. In memory, else in a folder, else fetched into it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from control_plane.spec import learned
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import SUFFIX
from routers.embedding import ENCODER
from routers.learning import artifact
from routers.learning.gain import GainModel

_LOG = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[str]]
"""The text of an artifact, by its name. Raises TiermeshError."""


class Shelf:
    """What is there under a name has the hash that the name says."""

    def __init__(self, folder: Path | None) -> None:
        """None: there are no artifacts here."""
        self._folder = folder
        self._models: dict[str, GainModel] = {}

    def model(self, name: str) -> GainModel:
        """A learned router. Raises TiermeshError(UNAVAILABLE) where it is not here, or cannot be used."""
        known = self._models.get(name)
        if known is None:
            known = self._models[name] = self._load(name)
        return known

    async def stock(self, names: Collection[str], fetch: Fetch) -> None:
        """Have these in memory, so that nobody waits when a Route asks for one; the others are let go of.

        Raises TiermeshError where `fetch` has no answer for the moment. What cannot be used is logged, and refused once
        a Route asks for it.
        """
        for name in names:
            if name not in self._models:
                try:
                    await self._add(name, fetch)
                except TiermeshError as error:
                    if error.retryable:
                        raise
                    _LOG.error("A learned router cannot be used.", extra={"fields": {"name": name, "why": str(error)}})
        for name in self._models.keys() - names:
            del self._models[name]

    async def _add(self, name: str, fetch: Fetch) -> None:
        path = self._path(name)
        if path is not None and not path.is_file():
            text = await fetch(name)
            learned.read(name, text)
            await asyncio.to_thread(_write, path, text)
        self._models[name] = await asyncio.to_thread(self._load, name)

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{name}{SUFFIX}"

    def _load(self, name: str) -> GainModel:
        path = self._path(name)
        if path is None:
            raise _unusable(name, "there are no artifacts here")
        try:
            found = artifact.load(path)
        except TiermeshError as error:
            raise _unusable(name, str(error)) from error
        if found.encoder not in (None, ENCODER):
            raise _unusable(name, f"this router embeds texts with {ENCODER}, and it was trained with {found.encoder}")
        return found.model()


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}."
        raise TiermeshError(Code.UNAVAILABLE, message, "Give the router a folder that it may write.") from error


def _unusable(name: str, why: str) -> TiermeshError:
    message = f"The learned router {name!r} cannot be used here: {why}"
    return TiermeshError(Code.UNAVAILABLE, message, "Name another in spec.complexity.router, or none.")
