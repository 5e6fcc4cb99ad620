"""The service that `bentofile.yaml` names: the light model's own HTTP application, mounted."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import bentoml
from starlette.applications import Starlette

from model_repo.bento.settings import BentoSettings
from model_repo.faq.app import Faq


@asynccontextmanager
async def _loaded(application: Starlette) -> AsyncGenerator[None]:
    """The encoder is loaded when a worker starts, not when the Bento is built."""
    application.mount("/", Faq.load(BentoSettings.load().chosen()).application())
    yield


@bentoml.service(name="tiermesh-faq", workers=1)
@bentoml.asgi_app(Starlette(lifespan=_loaded), name="openai")
class FaqService:
    """One worker: an encoder and a shop's knowledge in memory."""
