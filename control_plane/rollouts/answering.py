"""Answering: whether the Models that a candidate needs answer yet. They are asked: weights take a while to load."""

from collections.abc import Iterable
from dataclasses import dataclass

import httpx2

from control_plane.spec.compile import served_at
from control_plane.spec.documents import Model

_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Answering:
    """Asks what Ray Serve serves."""

    serve_url: str

    def missing(self, models: Iterable[Model]) -> str | None:
        """Why one of them does not answer yet; None where all do."""
        return next(filter(None, map(self._missing, models)), None)

    def _missing(self, model: Model) -> str | None:
        name = model.metadata.qualified_name
        url = f"{served_at(self.serve_url, name)}/models"
        try:
            answer = httpx2.get(url, timeout=_PATIENCE_SECONDS, trust_env=False)
            why = None if answer.is_success else f"status {answer.status_code}"
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            why = type(error).__name__
        return f"Model {name!r} does not answer at {url} yet ({why})" if why else None
