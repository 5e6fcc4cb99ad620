"""Slices: long work in small pieces, so that no request waits for it."""

import asyncio
import gc
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that stops after each small step, and returns what came of it."""

SLICE_SECONDS = 0.001
"""Of work at a time. A request passes the event loop some five times on its way."""


async def in_slices(steps: Steps[T]) -> T:
    """Do all steps, and between slices whatever else there is to do."""
    while True:
        until = time.monotonic() + SLICE_SECONDS
        while time.monotonic() < until:
            try:
                next(steps)
            except StopIteration as ended:
                done: T = ended.value
                return done
        await asyncio.sleep(0)


@contextmanager
def lasting() -> Iterator[None]:
    """What is made here stays for long: the garbage collector rests meanwhile and leaves it alone afterwards, since to
    look ten thousand Routes through takes 400 ms."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


def at_once(steps: Steps[T]) -> T:
    """Do all steps."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            done: T = ended.value
            return done
