"""Slices: long work in small pieces, so that no request waits for it."""

import asyncio
import gc
import time
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that stops after each small step, and returns what came of it."""

SLICE_SECONDS = 0.002
"""Of work at a time. A request passes the event loop some five times on its way."""


async def in_slices(steps: Steps[T]) -> T:
    """Do all steps, and between slices whatever else there is to do.

    The garbage collector rests meanwhile and leaves alone what is there at the end: what is made here stays, and to
    look all of it through takes 400 ms.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        while True:
            until = time.monotonic() + SLICE_SECONDS
            while time.monotonic() < until:
                try:
                    next(steps)
                except StopIteration as ended:
                    done: T = ended.value
                    return done
            await asyncio.sleep(0)
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
