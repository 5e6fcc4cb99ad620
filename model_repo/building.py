"""A Model's application from arguments alone, as clusters start it.

Ray Serve's configuration names it: `import_path: model_repo.building:build`, with `args` in the form of `Built`. Nobody
prepares the weights before: each replica fetches what its node does not have yet.
"""

from typing import Literal

from pydantic import Field
from ray import serve

from control_plane.spec.base import Spec
from control_plane.spec.documents import Model
from model_repo.deployments import application


class Built(Spec):
    """The arguments."""

    document: Model
    """What is served; its `file://` paths are absolute."""
    grace_seconds: float = Field(default=10, ge=0)
    """How long a replica that has to go may work on the answers it has begun."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Of the replicas."""


def build(args: Built) -> serve.Application:
    """The application; Ray Serve reads the arguments into their form by the annotation."""
    return application(args.document, args.grace_seconds, args.log_level)
