"""A registry of the test's own."""

from pathlib import Path

import pytest

from control_plane.prompts.connection import Connection
from control_plane.prompts.registry import PromptRegistry
from tests.registry import copied
from tests.registry import empty_registry as empty_registry


@pytest.fixture
def registry(empty_registry: Path, tmp_path: Path) -> PromptRegistry:
    """Empty, in a SQLite file."""
    return PromptRegistry(Connection(copied(empty_registry, tmp_path / "home"), 5))
