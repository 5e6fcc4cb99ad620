"""A Model document as a Ray Serve application."""

from ray import serve

from control_plane.spec.documents import Model, dump
from control_plane.spec.models import Engine
from model_repo.faq.deployment import FAQ, FaqDeployment
from model_repo.generation.deployment import GeneratorDeployment
from model_repo.options import deployment_options

_GENERATOR = "generator"
_HEALTH_CHECK_SECONDS = 2
"""How long a replica may be dead before it is missed; Ray Serve's own default is 10."""


def application(model: Model, grace_seconds: float, log_level: str) -> serve.Application:
    """The application that serves a Model; bound, not started."""
    is_faq = model.spec.engine is Engine.FAQ
    deployment = serve.deployment(FaqDeployment if is_faq else GeneratorDeployment)
    return deployment.options(
        name=FAQ if is_faq else _GENERATOR,
        graceful_shutdown_timeout_s=grace_seconds,
        graceful_shutdown_wait_loop_s=0.2,
        health_check_period_s=_HEALTH_CHECK_SECONDS,
        logging_config={"enable_access_log": False, "log_level": log_level},
        **deployment_options(model.spec),
    ).bind(dump(model))
