"""A generating model as a Ray Serve deployment."""

import asyncio
import logging
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from starlette.applications import Starlette

from control_plane.spec.documents import Model
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Engine as EngineName
from control_plane.spec.models import Generation, ModelSpec, Passages
from control_plane.spec.names import path_segment, qualified
from model_repo import sources
from model_repo.faq.deployment import FAQ
from model_repo.generation.app import Generator, served
from model_repo.generation.engine import Engine
from model_repo.generation.prompts import Prompts, Search

_log = logging.getLogger(__name__)

_SEARCH_SECONDS = 5
"""Passages help; they are not worth a longer wait."""


@serve.ingress()
class GeneratorDeployment:
    """One replica: an engine and its prompts."""

    def __init__(self, document: dict[str, Any]) -> None:
        model = Model.model_validate(document)
        spec = model.spec
        generation = spec.generation or Generation()
        weights, *folders = (
            sources.folder(each.uri, None, each.sha256, each.allow_pickle) for each in sources.wanted(spec)
        )
        adapters = {adapter.name: folder for adapter, folder in zip(spec.adapters, folders, strict=True)}
        search = _search(generation.passages, model.metadata.namespace) if generation.passages else None
        prompts = Prompts.load(weights, generation, search)
        self._engine = load(spec, weights, adapters)
        self._generator = Generator(served(model.metadata.qualified_name, spec), self._engine, prompts)

    def __serve_build_asgi_app__(self) -> Starlette:
        return self._generator.application()

    async def check_health(self) -> None:
        """Ray Serve asks from time to time, and replaces the replica where this raises."""
        await self._engine.check()

    def __del__(self) -> None:
        if engine := getattr(self, "_engine", None):
            engine.close()


def load(spec: ModelSpec, weights: Path, adapters: Mapping[str, Path] = MappingProxyType({})) -> Engine:
    """The engine that the document names; plain transformers where vLLM is not installed.

    Raises TiermeshError(SETUP) where there are adapters and no vLLM to serve them.
    """
    if spec.engine is EngineName.VLLM and find_spec("vllm"):
        from model_repo.generation import vllm_engine

        return vllm_engine.load(weights, spec, adapters)
    if adapters:
        message = "The package 'vllm' is not installed, and plain transformers serve no adapters."
        raise TiermeshError(Code.SETUP, message, "Install the extra 'vllm', or remove `adapters`.")
    from model_repo.generation import transformers_engine

    return transformers_engine.load(weights, spec)


def _search(passages: Passages, namespace: str) -> Search:
    application = path_segment(qualified(namespace, passages.model))
    handle = serve.get_deployment_handle(FAQ, app_name=application)

    async def search(question: str) -> list[str]:
        try:
            async with asyncio.timeout(_SEARCH_SECONDS):
                found: list[str] = await handle.search.remote(question, passages.count)
                return found
        except (TimeoutError, RayServeException, RayError) as error:
            _log.warning("answering without passages: %s", error)
            return []

    return search
