"""The registry against MLflow's own tracking server, as several control planes share it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane.prompts.connection import Connection
from control_plane.prompts.registry import PromptRegistry
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import Template
from tests.integration.processes import running
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.stack import free_ports

pytest.importorskip("flask_cors", reason="MLflow's server needs flask-cors: pip install -e .[dev]")

CHAT = Template.model_validate(
    {
        "chat": [{"role": "system", "content": "你好 {{name}}"}, {"role": "user", "content": "{{input}}"}],
        "responseFormat": {"type": "object"},
    }
)


@pytest.fixture
def url(tmp_path: Path, empty_registry: Path) -> Iterator[str]:
    """Of a server with an empty registry."""
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    store = copied(empty_registry, tmp_path / "store")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--workers", "1"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command += ["--host", "127.0.0.1", "--port", str(port), "--default-artifact-root", str(tmp_path / "artifacts")]
    with running(command, environment, tmp_path, f"{address}/health", 120):
        yield address


def test_a_tracking_server_is_used_as_the_file_is(url: str) -> None:
    registry = PromptRegistry(Connection(url, 10))
    assert registry.write("support", CHAT, "first", "alice", "abc").created
    assert not registry.write("support", CHAT, "again", "bob").created
    assert registry.write("support", Template(template="hi"), "", "bob").version.version == 2
    registry.move("support", "production", 1)
    found = registry.version("support", "production")
    assert (found.said(), found.aliases, found.author, found.commit) == (CHAT.said(), ("production",), "alice", "abc")
    known = registry.known()["support"]
    assert (known.newest, known.aliases) == (2, {"production": 1})
    assert [one.version for one in registry.versions("support")] == [2, 1]
    for name, which, words in (
        ("suport", 1, "Did you mean 'support'"),
        ("support", 9, "newest is version 2"),
        ("support", "productio", "Did you mean 'production'"),
    ):
        with pytest.raises(TiermeshError) as caught:
            registry.version(name, which)
        assert caught.value.code is Code.NOT_FOUND and words in caught.value.hint
    with pytest.raises(TiermeshError, match="has no version 9"):
        registry.move("support", "production", 9)
