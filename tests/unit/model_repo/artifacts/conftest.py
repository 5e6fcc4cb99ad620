"""A server of artifacts, and a clock that does not wait."""

from collections.abc import Iterator

import pytest

from model_repo.artifacts import fetching
from tests.unit.model_repo.artifacts.server import Files, serving


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setattr(fetching, "_PAUSE_SECONDS", 0)
    with serving() as served:
        yield served
