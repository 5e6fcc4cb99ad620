"""The router's tests run on the event loop that the router runs on."""

import asyncio
from collections.abc import Callable, Mapping

import hypothesis
import uvloop

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
