"""Bodies are bounded however they are sent."""

from collections.abc import Iterator

import httpx2
import pytest

from control_plane.server import Addresses
from control_plane.settings import ControlPlaneSettings
from tests.control_plane_server import running
from tests.unit.control_plane.samples import model

_LIMIT = 2048


@pytest.fixture
def addresses(settings: ControlPlaneSettings) -> Iterator[Addresses]:
    """A control plane that takes small bodies only."""
    with running(settings.model_copy(update={"max_body_bytes": _LIMIT})) as found:
        yield found


def _chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // 512):
        yield b" " * 512


@pytest.mark.parametrize("body", [b" " * (_LIMIT + 1), _chunks(2 * _LIMIT)], ids=["with its length", "in chunks"])
def test_a_body_over_the_limit_is_answered_413(api: httpx2.Client, body: bytes | Iterator[bytes]) -> None:
    answer = api.put("/v1/models/faq", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "smaller batches" in answer.json()["hint"]


def test_a_body_of_exactly_the_limit_is_read(api: httpx2.Client) -> None:
    text = httpx2.Request("PUT", "http://h", json=model()).read()
    padded = text + b" " * (_LIMIT - len(text))
    answer = api.put("/v1/models/faq", content=padded, headers={"content-type": "application/json"})
    assert answer.status_code == 200
