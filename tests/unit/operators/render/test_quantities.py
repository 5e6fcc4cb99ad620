"""Amounts."""

import pytest

from operators.render import quantities


@pytest.mark.parametrize(
    ("cores", "written"), [(0, "1m"), (0.5, "500m"), (0.0004, "1m"), (2, "2"), (0.1 + 0.2, "300m")]
)
def test_cores_are_written_as_kubernetes_does(cores: float, written: str) -> None:
    assert quantities.cpus(cores) == written


@pytest.mark.parametrize(("amount", "written"), [(2, "2Gi"), (0.6, "615Mi"), (1.5, "1536Mi"), (0.0001, "1Mi")])
def test_memory_is_written_as_kubernetes_does(amount: float, written: str) -> None:
    assert quantities.gib(amount) == written
