"""The models that are served, kept equal to the documents.

Level-triggered: each look compares what the documents ask for with what was last asked of Ray Serve and closes the gap,
so a missed change is caught by the next look. A model that cannot be served fails alone.
"""

import logging
import math
import time
from dataclasses import dataclass
from typing import Literal

from ray import serve
from ray.serve.schema import ApplicationStatus, ApplicationStatusOverview, ReplicaState

from control_plane.spec.documents import Model
from control_plane.spec.errors import TiermeshError
from control_plane.spec.names import path_segment
from model_repo import capacity, deployments, sources
from model_repo.documents import Models
from model_repo.preparing import Preparing
from model_repo.settings import ModelsSettings
from model_repo.status import ModelStatus, State

_log = logging.getLogger(__name__)

_AGAIN_SECONDS = 30
"""After which a source that could not be reached is tried once more."""


@dataclass(slots=True)
class _Served:
    """A model, and how far it has come."""

    model: Model
    since: float
    phase: Literal["preparing", "deployed", "refused"]
    preparing: Preparing | None = None
    message: str = ""
    took_seconds: float | None = None
    stands: bool = False
    """Whether Ray Serve has an application for it, of this document or of one before."""
    again_at: float | None = None
    """When to prepare once more what failed for a reason that may pass."""

    def outlook(self, application: ApplicationStatusOverview | None) -> tuple[State, str]:
        """Its state and what there is to say about it, given what Ray Serve says."""
        if self.phase == "refused":
            return "failed", self.message
        if self.phase == "preparing" or application is None:
            return "starting", self.message
        if application.status == ApplicationStatus.DEPLOY_FAILED:
            return "failed", _last_words(application)
        deployments = application.deployments.values()
        if application.status == ApplicationStatus.RUNNING and all(
            deployment.replica_states.get(ReplicaState.RUNNING) for deployment in deployments
        ):
            return "running", ""
        return "starting", "replacing its replicas" if self.took_seconds is not None else self.message


class Fleet:
    """Asks Ray Serve for applications, one a model."""

    def __init__(self, settings: ModelsSettings, environment: dict[str, str]) -> None:
        """`environment` is what sources are prepared in: it may say how to reach the network, as replicas may not."""
        self._settings = settings
        self._environment = environment
        self._served: dict[str, _Served] = {}

    def follow(self, wanted: Models) -> None:
        """Start what is new or changed, delete what is gone, and take every model one step on."""
        for name in self._served.keys() - wanted.keys():
            self._delete(name)
        for name, model in wanted.items():
            served = self._served.get(name)
            if served is None or served.model != model or (served.again_at or math.inf) <= time.monotonic():
                self._prepare(model, wanted, served)
        for served in self._served.values():
            if served.preparing is not None:
                served.message = served.preparing.news() or served.message
                if served.preparing.ended:
                    self._prepared(served, served.preparing)

    def statuses(self) -> dict[str, ModelStatus]:
        """How each model is doing."""
        applications = serve.status().applications
        found = {}
        for name, served in self._served.items():
            state, message = served.outlook(applications.get(path_segment(name)))
            if state == "running" and served.took_seconds is None:
                served.took_seconds = time.monotonic() - served.since
            seconds = time.monotonic() - served.since if served.took_seconds is None else served.took_seconds
            found[name] = ModelStatus(state, message, round(seconds, 1))
        return found

    def close(self) -> None:
        """Stop preparing. What is deployed ends with Ray."""
        for served in self._served.values():
            if served.preparing is not None:
                served.preparing.kill()

    def _prepare(self, model: Model, wanted: Models, before: _Served | None) -> None:
        """Fetch, check or convert the weights in a child process."""
        name = model.metadata.qualified_name
        _log.info("starting a model", extra={"fields": {"model": name, "source": model.spec.source}})
        running = tuple(self._served)
        if before is not None and before.preparing is not None:
            before.preparing.kill()
        stands = before is not None and before.stands
        self._served[name] = served = _Served(model, time.monotonic(), "preparing", stands=stands)
        try:
            capacity.check(capacity.competing(wanted.values(), model), capacity.look(), running)
        except TiermeshError as error:
            served.phase, served.message = "refused", str(error)
            return
        served.message = f"preparing {sources.of(model.spec)}"
        served.preparing = Preparing.start(sources.wanted(model.spec), self._environment)

    def _prepared(self, served: _Served, child: Preparing) -> None:
        served.preparing = None
        if failure := child.failure():
            kept = " What was served before goes on." if served.stands else ""
            served.phase, served.message = "refused", f"{failure.why}{kept}"
            served.again_at = time.monotonic() + _AGAIN_SECONDS if failure.passing else None
            return
        served.stands = True
        served.phase, served.message = "deployed", "starting its replicas"
        name = path_segment(served.model.metadata.qualified_name)
        application = deployments.application(served.model, self._settings.grace_seconds, self._settings.log_level)
        target = serve.RunTarget(target=application, name=name, route_prefix=f"/{name}")
        serve.run_many([target], wait_for_ingress_deployment_creation=False, wait_for_applications_running=False)

    def _delete(self, name: str) -> None:
        _log.info("deleting a model", extra={"fields": {"model": name}})
        served = self._served.pop(name)
        if served.preparing is not None:
            served.preparing.kill()
        if served.stands:
            serve.delete(path_segment(name), _blocking=False)


def _last_words(application: ApplicationStatusOverview) -> str:
    """The last line of what Ray Serve reports, which is the innermost error."""
    said = [application.message, *(deployment.message for deployment in application.deployments.values())]
    lines = [line.strip() for text in said for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "its replicas do not start"
