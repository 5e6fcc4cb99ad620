"""Following the control plane: its Model documents become the file that `model_repo` follows.

On Kubernetes the operator does this; on a laptop the launcher does. Level-triggered: the documents are listed again
after every wait, so that a missed snapshot, or a change that publishes none, is made good.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from control_plane.client.http import SnapshotFeed
from control_plane.client.versions import VersionsClient
from control_plane.spec.documents import Model
from control_plane.spec.errors import TiermeshError
from launcher.documents import local, render
from launcher.home import Home, write

_WAIT_SECONDS = 5.0
_RETRY_SECONDS = 1.0


@dataclass(slots=True)
class Following:
    """Keeps the models' file equal to what the control plane holds."""

    url: str
    home: Home
    changed: Callable[[], None]
    """Called after each snapshot and each change of the file."""
    tell: Callable[[str], None]
    token: SecretStr | None = None
    """Who asks, where the control plane wants to know."""
    names: frozenset[str] = frozenset()
    """The Models that have to run on this machine."""
    snapshot: int | None = None
    """The newest snapshot whose documents are in the file."""
    _away: bool = False

    async def follow(self) -> None:
        """Follow for ever. While the control plane is away the file stays as it is."""
        feed = SnapshotFeed(self.url, token=self.token)
        try:
            while True:
                await self._step(feed)
        finally:
            await feed.aclose()

    async def catch_up(self) -> None:
        """Hand over what is in force now.

        Raises TiermeshError where the control plane does not answer.
        """
        feed = SnapshotFeed(self.url, token=self.token)
        try:
            snapshot = await feed.latest(None, 0)
            await self._hand_over(snapshot.number if snapshot else None)
        finally:
            await feed.aclose()

    async def _step(self, feed: SnapshotFeed) -> None:
        try:
            snapshot = await feed.latest(self.snapshot, _WAIT_SECONDS)
            await self._hand_over(snapshot.number if snapshot else self.snapshot)
        except TiermeshError as error:
            if not self._away:
                self.tell(f"models stay as they are: {error.message}")
            self._away = True
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            if self._away:
                self.tell("models follow the control plane again")
            self._away = False

    async def _hand_over(self, snapshot: int | None) -> None:
        models = await asyncio.to_thread(self._list)
        text = render(models)
        differs = not self.home.models.exists() or self.home.models.read_text(encoding="utf-8") != text
        if differs:
            write(self.home.models, text)
        names = frozenset(model.metadata.qualified_name for model in local(models))
        news = differs or snapshot != self.snapshot
        self.names, self.snapshot = names, snapshot
        if news:
            self.changed()

    def _list(self) -> list[Model]:
        """The Models as they are to be served. Raises TiermeshError."""
        with VersionsClient(self.url, token=self.token) as client:
            return client.served_models()
