"""/v1/experiments/NAME/…: what Experiments have shown, what it takes to show more, and starting and stopping them."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from control_plane.api.callers import Caller, author_of, needs, origin_of, permit
from control_plane.api.documents import OneNamespace, Said
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.experiments.running import Experiments
from control_plane.spec.base import Spec
from control_plane.spec.documents import Experiment, in_namespace, parse
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.experiments import State
from control_plane.spec.names import DEFAULT_NAMESPACE, Key
from control_plane.spec.people import Principal, Role
from control_plane.spec.records import Applied
from control_plane.spec.results import Baseline, Plans, Results


class Wanted(Spec):
    """What is to be planned."""

    document: Any = None
    """The Experiment; the one that is applied, where it is left out."""
    baselines: tuple[Baseline, ...] = Field(default=(), max_length=50)
    """What is known of its metrics before it starts; else what its control has shown, where it runs or ran."""


def experiment_routes(experiments: Experiments) -> APIRouter:
    """The operations."""
    routes = operations("experiments", "/v1/experiments")
    switching = answers(404, 409, 413, 422)

    def switch(name: str, state: State, said: Said, caller: Principal, namespace: str) -> Applied:
        permit(caller, Role.EXPERIMENTER, namespace)
        author, origin = author_of(caller, said.author), origin_of(caller)
        return experiments.switch(Key("Experiment", name, namespace), state, author, said.reason, origin)

    @routes.get("/{name}/results", responses=answers(404), dependencies=[needs(Role.VIEWER)])
    def results(name: str, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE, course: bool = True) -> Results:
        """Its verdict, each metric of each arm, and how they came about; right whenever it is asked.

        `course=false` leaves out how they came about, which is most of the answer.
        """
        permit(caller, Role.VIEWER, namespace)
        return experiments.results(Key("Experiment", name, namespace), course)

    @routes.post("/{name}/plan", responses=answers(404, 413, 422), dependencies=[needs(Role.VIEWER)])
    def plan(name: str, body: Wanted, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> Plans:
        """How many units and days it takes to find its minimum effects. Writes nothing."""
        permit(caller, Role.VIEWER, namespace)
        key = Key("Experiment", name, namespace)
        given = None if body.document is None else _meant(parse(in_namespace(body.document, namespace)), key)
        return experiments.plan(key, given, body.baselines)

    @routes.post("/{name}/start", responses=switching, dependencies=[needs(Role.EXPERIMENTER)])
    def start(name: str, body: Said, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> Applied:
        """Let it assign units: its document says `state: running` from now on."""
        return switch(name, State.RUNNING, body, caller, namespace)

    @routes.post("/{name}/stop", responses=switching, dependencies=[needs(Role.EXPERIMENTER)])
    def stop(name: str, body: Said, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> Applied:
        """Let it assign no more units: its document says `state: stopped` from now on. Its results stay."""
        return switch(name, State.STOPPED, body, caller, namespace)

    return routes


def _meant(document: Any, key: Key) -> Experiment:
    if isinstance(document, Experiment) and document.key == key:
        return document
    problem = f"is {document.key}, but the path says {key}"
    fields = (FieldError("document", problem),)
    raise TiermeshError(Code.INVALID_DOCUMENT, f"document {problem}.", "Make the two agree.", errors=fields)
