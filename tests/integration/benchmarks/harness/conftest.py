import os
from collections.abc import Iterator

import pytest

from benchmarks.harness.gateways import Gateway, stub_upstream
from benchmarks.harness.processes import Cores


@pytest.fixture(scope="session")
def cores() -> Cores:
    # Nothing is timed here: one core will do.
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1])


@pytest.fixture(scope="session")
def stub(cores: Cores) -> Iterator[Gateway]:
    with stub_upstream(cores) as started:
        yield started
