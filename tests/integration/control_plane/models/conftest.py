"""A real MLflow registry on SQLite, shared; a publisher on a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane.approvals import Approvals
from control_plane.models.pinning import ModelPinning
from control_plane.models.promotions import Promotions
from control_plane.models.registry import ModelRegistry
from control_plane.prompts.connection import Connection
from control_plane.publisher import Publisher
from control_plane.spec.compile import SERVE_URL
from control_plane.store.database import Database
from tests.registry import copied
from tests.registry import empty_registry as empty_registry


@pytest.fixture(scope="session")
def mlflow_url(empty_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry that all tests here share: each names its models by itself."""
    return copied(empty_registry, tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="session")
def registry(mlflow_url: str) -> ModelRegistry:
    return ModelRegistry(Connection(mlflow_url, 30))


@pytest.fixture
def promotions(registry: ModelRegistry, database: Database) -> Iterator[Promotions]:
    """Nothing is protected."""
    publisher = Publisher(database, SERVE_URL, lambda _: None, models=ModelPinning(database, registry))
    yield Promotions(registry, publisher, Approvals(database), frozenset())


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A registered model's name of the test's own."""
    return f"m-{abs(hash(request.node.name)) % 10**9}"
