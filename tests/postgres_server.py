"""A real PostgreSQL for tests: started once in each process of pytest, with an empty database for whoever asks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from benchmarks.harness.postgres import PostgresServer

from control_plane.spec.errors import TiermeshError


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[PostgresServer]":
    """The server. What it holds would not survive the machine's fall, which no test is about."""
    from benchmarks.harness.postgres import PostgresServer  # deferred: every start of pytest reads this file

    try:
        server = PostgresServer(durable=False)
    except TiermeshError as error:
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: "PostgresServer") -> str:
    """An empty database of the test's own."""
    return postgres_server.empty()
