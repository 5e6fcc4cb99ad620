"""Embedding: texts become vectors in a thread, one after the other, each once for all who need it."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routers.encoder import Encoder, Vectors

ENCODER = "multilingual-e5-small/original"
"""The name of `routers.encoder.NanoEncoder()`, whose packages are for those who use it: vectors of another encoder, or
vocabulary, cannot be compared with its."""
MOST_WAITING = 64
"""Texts in the thread's queue; one more is not embedded."""
MOST_REMEMBERED = 256
"""Vectors of the last texts, 1.5 kB each: the cache and the learned router of a Route ask for the same one."""


class OneEncoder:
    """A `routers.encoder.Encoder` for several threads, which remembers the last texts. Loaded with the first one."""

    def __init__(self, load: "Callable[[], Encoder]") -> None:
        self._load = load
        self._encoder: Encoder | None = None
        self._lock = threading.Lock()
        self._remembered: OrderedDict[str, Vectors] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """See `Encoder`. Raises TiermeshError(SETUP) where it is not installed."""
        with self._lock:
            if len(texts) != 1:
                return self._loaded().embed(texts)
            (text,) = texts
            found = self._remembered.get(text)
            if found is None:
                found = self._remembered[text] = self._loaded().embed(texts)
                if len(self._remembered) > MOST_REMEMBERED:
                    self._remembered.popitem(last=False)
            return found

    def knows(self, text: str) -> bool:
        """See `Encoder`."""
        with self._lock:
            return self._loaded().knows(text)

    def _loaded(self) -> "Encoder":
        self._encoder = self._encoder or self._load()
        return self._encoder


class Embedding:
    """Embeds texts off the event loop, to which it belongs."""

    def __init__(self, encoder: "OneEncoder") -> None:
        self._encoder = encoder
        self._thread = ThreadPoolExecutor(1, "embedding")
        self._waiting = 0

    async def vector(self, text: str) -> Sequence[float]:
        """Of a text; empty where too many wait.

        Raises TiermeshError(SETUP) where it is not installed.
        """
        if not text or self._waiting >= MOST_WAITING:
            return ()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._embed, text)
        finally:
            self._waiting -= 1

    def _embed(self, text: str) -> Sequence[float]:
        found: list[float] = self._encoder.embed([text])[0].tolist()
        return found

    def close(self) -> None:
        """Let go of the thread; what waits is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)
