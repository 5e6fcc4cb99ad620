"""Decisions as Events: bounded, and never twice in a row."""

import asyncio

from observability.operator_metrics import OperatorMetrics
from operators.conditions import Happening
from operators.resource import Resource
from operators.telling import MOST_WAITING, Telling
from tests.unit.operators.samples import resource


async def test_an_event_is_written_once_however_often_it_is_told() -> None:
    written: list[str] = []

    async def write(_: Resource, happening: Happening, at: str) -> None:
        written.append(happening.reason)

    telling = Telling(write, 1000, OperatorMetrics())
    for reason in ("Ready", "Ready", "Pruned"):
        telling.tell(resource(), Happening(reason, "m"))
    running = asyncio.create_task(telling.run())
    async with asyncio.timeout(5):
        while len(written) < 2:
            await asyncio.sleep(0.001)
    running.cancel()
    assert written == ["Ready", "Pruned"]


async def test_too_much_is_dropped_and_counted() -> None:
    async def write(*_: object) -> None:
        """Nobody comes to it."""

    metrics = OperatorMetrics()
    telling = Telling(write, 1, metrics)
    for number in range(MOST_WAITING + 3):
        telling.tell(resource(), Happening("Ready", str(number)))
    assert b'tiermesh_operator_events_total{outcome="dropped"} 3.0' in metrics.render()
