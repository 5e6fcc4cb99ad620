from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path

import pytest

from benchmarks.faults import documents
from benchmarks.harness import restarts
from benchmarks.harness.callers import Site
from benchmarks.harness.gateways import free_port
from benchmarks.harness.processes import Cores


def ask(port: int) -> int:
    """The status of an answer, asked for until there is one."""
    while True:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except (ConnectionError, RemoteDisconnected):
            continue
        finally:
            connection.close()


@pytest.mark.parametrize("end", [restarts.Restartable.kill, restarts.Restartable.stop])
def test_a_process_that_was_ended_answers_again_at_its_address(cores: Cores, end: object) -> None:
    assert callable(end)
    port = free_port()
    with restarts.upstream(port, cores) as process:
        assert ask(port) == 200
        end(process)
        with pytest.raises(ConnectionRefusedError):
            HTTPConnection("127.0.0.1", port, timeout=10).connect()
        process.start()
        assert ask(port) == 200
    with pytest.raises(ConnectionRefusedError):
        HTTPConnection("127.0.0.1", port, timeout=10).connect()


def test_a_router_becomes_ready_with_its_documents(cores: Cores, tmp_path: Path) -> None:
    site = Site(free_port(), free_port())
    with restarts.router(site, documents(1, 2), tmp_path, cores):
        while ask(site.admin_port) != 200:
            pass
