"""The directory: which models there are, whether they are ready and what they say of themselves."""

from collections.abc import Mapping

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation, Protocol
from routers.pipeline import unknown_model, unknown_version
from routers.protocols import oip_chat
from routers.protocols.oip_calls import Target, takes_tensors
from routers.protocols.tensors import Metadata
from routers.runtime import Backend, Route, Runtime
from routers.tensor_models import TensorModels


class Directory:
    """Answers for Routes. Of a predictive one the Models themselves are asked; a chat is known here."""

    def __init__(self, models: Mapping[Protocol, TensorModels]) -> None:
        self._models = models

    async def ready(self, target: Target, runtime: Runtime) -> bool:
        """Whether a Model of the target takes requests.

        Raises TiermeshError(UNKNOWN_MODEL) where there is no such Route or version.
        """
        route, backends = _found(target, runtime)
        if not takes_tensors(route):
            return True
        for backend in backends:
            for endpoint in backend.endpoints:
                try:
                    if await self._models[backend.protocol].ready(backend, endpoint):
                        return True
                except TiermeshError:  # the next one may answer
                    continue
        return False

    async def metadata(self, target: Target, runtime: Runtime) -> Metadata:
        """What the first Model that answers says, under the Route's name and with the versions that it has.

        Raises TiermeshError: UNKNOWN_MODEL as `ready`, the last Model's own where none answers.
        """
        route, backends = _found(target, runtime)
        versions = sorted({backend.version for backend in backends})
        if not takes_tensors(route):
            return oip_chat.metadata(route.model, versions)
        failure: TiermeshError | None = None
        for backend in backends:
            for endpoint in backend.endpoints:
                try:
                    found = await self._models[backend.protocol].metadata(backend, endpoint)
                except TiermeshError as error:
                    failure = error
                else:
                    return found._replace(name=route.model, versions=versions)
        assert failure is not None  # there is at least one endpoint
        raise failure


def _found(target: Target, runtime: Runtime) -> tuple[Route, tuple[Backend, ...]]:
    route = runtime.routes.get(target.model)
    if route is None:
        raise unknown_model(target.model, runtime)
    operation = Operation.INFER if takes_tensors(route) else Operation.CHAT
    able = route.light[operation] + route.heavy[operation]
    backends = tuple(backend for backend in able if target.version in ("", backend.version))
    if not backends:
        message = f"Model {target.model!r} takes neither tensors nor chats here."
        raise (
            unknown_version(target.model, target.version, able)
            if able
            else TiermeshError(Code.INVALID_REQUEST, message, "Give its Route a Model that does.", param="model")
        )
    return route, backends
