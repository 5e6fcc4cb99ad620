"""Answering: whether the Models that a candidate needs answer yet. They are asked: weights take a while to load."""

from collections.abc import Iterable
from dataclasses import dataclass

import httpx2

from control_plane.spec.beside import is_run, place
from control_plane.spec.compile import served_at
from control_plane.spec.documents import Model

_PATIENCE_SECONDS = 1.0
"""Ray Serve holds requests to what is just starting; other Rollouts wait for the answer."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Asks what Ray Serve serves; of what others run, they say it."""

    serve_url: str

    def missing(self, models: Iterable[Model]) -> str | None:
        """Why one of them does not answer yet; None where all do."""
        return next(filter(None, map(self._missing, models)), None)

    def _missing(self, model: Model) -> str | None:
        name = model.metadata.qualified_name
        if is_run(model):
            there = place(model, model.metadata.name)
            return None if there and there.running else f"Model {name!r} does not run yet, says whoever runs it"
        url = served_at(self.serve_url, name)
        try:
            secure = url.startswith("https://")  # to read the machine's certificates takes 20 ms
            asked = httpx2.get(f"{url}/models", timeout=_PATIENCE_SECONDS, trust_env=False, verify=secure)
            answers = asked.is_success
        except (httpx2.HTTPError, httpx2.InvalidURL):
            answers = False
        # The same words each time: what is said anew is written into the history.
        return None if answers else f"Model {name!r} does not answer at {url} yet"
