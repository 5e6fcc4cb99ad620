"""Plane: all that stands behind the two ports of a control plane, wired once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI
from starlette.applications import Starlette

from control_plane import aliases as prompt_aliases
from control_plane.aliases import Aliases
from control_plane.api.app import create_admin_app, create_app
from control_plane.api.approvals import approval_routes
from control_plane.api.artifacts import artifact_routes
from control_plane.api.decisions import decision_routes
from control_plane.api.experiments import experiment_routes
from control_plane.api.outcomes import outcome_routes
from control_plane.api.promises import promise_routes
from control_plane.api.prompts import prompt_routes
from control_plane.api.rollouts import rollout_routes
from control_plane.api.routers import router_routes
from control_plane.api.texts import text_routes
from control_plane.api.versions import version_routes
from control_plane.api.waiting import WaitingRoom
from control_plane.api.witness import Witness
from control_plane.approvals import Approvals
from control_plane.auth.authenticator import Authenticator
from control_plane.books import Books
from control_plane.console import assets
from control_plane.console.pages import Pages
from control_plane.drift import Drift
from control_plane.experiments.running import Experiments
from control_plane.following import Followed
from control_plane.models import promotions as model_promotions
from control_plane.models.pinning import ModelPinning
from control_plane.models.promotions import Promotions
from control_plane.models.registry import ModelRegistry
from control_plane.outcomes.intake import Intake
from control_plane.outcomes.keeping import Keeping
from control_plane.outcomes.relay import Relay
from control_plane.pinning import Pinning
from control_plane.promises import Promises
from control_plane.prompts.connection import Connection
from control_plane.prompts.registry import PromptRegistry
from control_plane.publisher import Publisher
from control_plane.replica import Replica
from control_plane.rollouts.answering import Answering
from control_plane.rollouts.evidence import shown
from control_plane.rollouts.steering import Rollouts
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import Code, TiermeshError
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics


@dataclass(frozen=True, slots=True)
class Plane:
    """What the process runs."""

    api: FastAPI
    admin: Starlette
    room: WaitingRoom
    replica: Replica
    books: Books
    keeping: Keeping
    relay: Relay | None
    """Where events go on to Kafka."""
    followed: Mapping[str, tuple[Followed, float]]
    """What goes on by itself, and how often somebody looks, in seconds."""


def wire(settings: ControlPlaneSettings, database: Database) -> Plane:
    """Needs a running event loop, and a database whose schema is up to date."""
    metrics = ControlPlaneMetrics()
    room = WaitingRoom(database, metrics, settings.max_waiters)
    mlflow = Connection(settings.mlflow, settings.mlflow_timeout_seconds)
    prompts, versions = PromptRegistry(mlflow), ModelRegistry(mlflow)
    pinning, models = Pinning(database, prompts), ModelPinning(database, versions)
    publisher = Publisher(database, settings.serve_url, room.ring, pinning=pinning, models=models)
    approvals = Approvals(database)
    aliases = Aliases(prompts, publisher, approvals, settings.protected_aliases)
    promotions = Promotions(versions, publisher, approvals, settings.protected_aliases)
    approvals.register(prompt_aliases.KIND, aliases.approved)
    approvals.register(model_promotions.KIND, promotions.approved)
    authenticator, witness = Authenticator(database, settings.is_open, settings.oidc), Witness(database)
    replica = Replica(database, publisher, room, metrics, settings.name)
    experiments, rollouts = (
        Experiments(publisher, timedelta(minutes=settings.allocation_minutes)),
        Rollouts(publisher, shown, Answering(settings.serve_url).missing),
    )
    more = (
        experiment_routes(experiments),
        rollout_routes(rollouts),
        decision_routes(database, settings.decisions_most, settings.decisions_days),
        outcome_routes(database, Intake(database, metrics)),
        prompt_routes(aliases, Drift(database, prompts)),
        version_routes(promotions),
        approval_routes(approvals),
        text_routes(),
        router_routes(database),
        artifact_routes(database),
        promise_routes(database),
    )
    api = create_app(publisher, room, metrics, settings.max_body_bytes, authenticator, witness, *more)
    api.add_middleware(Pages, assets=assets.load())
    return Plane(
        api=api,
        admin=create_admin_app(database, metrics, replica.leadership),
        room=room,
        replica=replica,
        books=Books(authenticator, witness),
        keeping=Keeping(database, settings.events_days, settings.events_most),
        relay=_relay(settings, database, metrics),
        followed={
            "aliases of prompts": (aliases, settings.follow_seconds),
            "aliases of models": (promotions, settings.follow_seconds),
            "rollouts": (rollouts, settings.rollout_seconds),
            "experiments": (experiments, settings.experiment_seconds),
            "promises": (Promises(publisher, metrics), settings.rollout_seconds),
        },
    )


def _relay(settings: ControlPlaneSettings, database: Database, metrics: ControlPlaneMetrics) -> Relay | None:
    if settings.kafka_servers is None:
        return None
    try:
        from control_plane.outcomes.kafka import Broker, KafkaSink  # its client is for those who use it
    except ImportError as error:
        message = "TIERMESH_CONTROL_PLANE_KAFKA_SERVERS is set, and Kafka's client is not installed."
        raise TiermeshError(Code.SETUP, message, "pip install 'tiermesh[kafka]'") from error
    login = settings.kafka_username, settings.kafka_password
    broker = Broker(settings.kafka_servers, settings.kafka_topic, settings.kafka_tls, *login)
    return Relay(database, KafkaSink(broker), metrics)
