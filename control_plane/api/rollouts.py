"""/v1/rollouts/NAME/…: how far Rollouts are, and what people tell them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from control_plane.api.callers import Caller, author_of, needs, origin_of, permit
from control_plane.api.documents import OneNamespace, Said
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.rollouts.steering import Rollouts
from control_plane.spec.courses import Command, RolloutStatus
from control_plane.spec.names import DEFAULT_NAMESPACE, Key
from control_plane.spec.people import Principal, Role


class Promote(Said):
    """How far to promote."""

    full: bool = False
    """Past all steps that are left."""
    step: Annotated[int | None, Field(ge=0)] = None
    """Only while this one is under way, counted from 0: of two who click, one does it."""


def rollout_routes(rollouts: Rollouts) -> APIRouter:
    """The operations."""
    routes = operations("rollouts", "/v1/rollouts")
    telling = answers(404, 409, 413, 422)

    def obey(name: str, command: Command, said: Said, caller: Principal, namespace: str) -> RolloutStatus:
        permit(caller, Role.OPERATOR, namespace)
        full, step = (said.full, said.step) if isinstance(said, Promote) else (False, None)
        key, author, origin = Key("Rollout", name, namespace), author_of(caller, said.author), origin_of(caller)
        return rollouts.command(key, command, author, said.reason, full=full, step=step, origin=origin)

    @routes.get("/{name}/status", responses=answers(404), dependencies=[needs(Role.VIEWER)])
    def status(name: str, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> RolloutStatus:
        """Its step, weights, guardrails and what was decided so far."""
        permit(caller, Role.VIEWER, namespace)
        return rollouts.status(Key("Rollout", name, namespace))

    @routes.post("/{name}/promote", responses=telling, dependencies=[needs(Role.OPERATOR)])
    def promote(name: str, body: Promote, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> RolloutStatus:
        """Go on to the next step, or past all of them; 409 where it is over."""
        return obey(name, Command.PROMOTE, body, caller, namespace)

    @routes.post("/{name}/pause", responses=telling, dependencies=[needs(Role.OPERATOR)])
    def pause(name: str, body: Said, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> RolloutStatus:
        """Hold it where it is. What does harm is taken back all the same."""
        return obey(name, Command.PAUSE, body, caller, namespace)

    @routes.post("/{name}/resume", responses=telling, dependencies=[needs(Role.OPERATOR)])
    def resume(name: str, body: Said, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> RolloutStatus:
        """Let it go on where it was held."""
        return obey(name, Command.RESUME, body, caller, namespace)

    @routes.post("/{name}/abort", responses=telling, dependencies=[needs(Role.OPERATOR)])
    def abort(name: str, body: Said, caller: Caller, namespace: OneNamespace = DEFAULT_NAMESPACE) -> RolloutStatus:
        """Take the candidate back at once, from everybody."""
        return obey(name, Command.ABORT, body, caller, namespace)

    return routes
