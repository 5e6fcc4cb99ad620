"""The models that are served, kept equal to the documents.

Level-triggered: each look compares what the documents ask for with what was last asked of Ray Serve and closes the gap,
so a missed change is caught by the next look. A model that cannot be served fails alone.
"""

import logging
import subprocess
import sys
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
from model_repo.settings import ModelsSettings
from model_repo.status import ModelStatus, State

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Served:
    """A model, and how far it has come."""

    model: Model
    since: float
    phase: Literal["preparing", "deployed", "refused"]
    preparing: subprocess.Popen[str] | None = None
    message: str = ""
    took_seconds: float | None = None

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
            if name not in self._served or self._served[name].model != model:
                self._prepare(model, wanted)
        for served in self._served.values():
            if served.preparing is not None and served.preparing.poll() is not None:
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
                served.preparing.wait()

    def _prepare(self, model: Model, wanted: Models) -> None:
        """Fetch or convert the weights in a child process, which takes its libraries with it when it ends."""
        name = model.metadata.qualified_name
        _log.info("starting a model", extra={"fields": {"model": name, "source": model.spec.source}})
        running = tuple(self._served)
        self._served[name] = served = _Served(model, time.monotonic(), "preparing")
        try:
            capacity.check(wanted.values(), capacity.look(), running)
        except TiermeshError as error:
            served.phase, served.message = "refused", str(error)
            return
        source = sources.of(model.spec)
        served.message = f"preparing {source}"
        served.preparing = subprocess.Popen(
            [sys.executable, "-m", "model_repo.sources", source],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _prepared(self, served: _Served, child: subprocess.Popen[str]) -> None:
        served.preparing = None
        said = child.stderr.read().strip() if child.stderr else ""
        if child.returncode:
            served.phase, served.message = "refused", said.splitlines()[-1] if said else "its source cannot be prepared"
            return
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
        if served.phase == "deployed":
            serve.delete(path_segment(name), _blocking=False)


def _last_words(application: ApplicationStatusOverview) -> str:
    """The last line of what Ray Serve reports, which is the innermost error."""
    said = [application.message, *(deployment.message for deployment in application.deployments.values())]
    lines = [line.strip() for text in said for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "its replicas do not start"
