"""What tests of who may ask share."""

from tests.integration.control_plane.api.askers import closed as closed
from tests.registry import empty_registry as empty_registry
