"""The light model as a Ray Serve deployment."""

from typing import Any

from ray import serve
from starlette.applications import Starlette

from control_plane.spec.documents import Model
from model_repo.faq import languages
from model_repo.faq.app import Faq

FAQ = "faq"
"""The deployment's name within its application: generating models find it by this."""


@serve.ingress()
class FaqDeployment:
    """One replica: an encoder and a shop's knowledge in memory."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._faq = Faq.load(Model.model_validate(document))

    def __serve_build_asgi_app__(self) -> Starlette:
        return self._faq.application()

    async def search(self, text: str, count: int) -> list[str]:
        """The answers of the nearest entries in the asker's language; called by generating models."""
        found = await self._faq.search(text, count)
        return [match.entry.answer(languages.of(text)) for match in found]
