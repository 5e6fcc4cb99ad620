"""Record: a dataclass that type checkers freeze, for what each request makes and reads."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """A class with slots, equal by its fields, whose fields nobody may set.

    Frozen at run time it would take four times as long to make; a NamedTuple takes twice as long to read, and a request
    reads 160 fields (`python -m benchmarks.router` measures them all together).
    """
    return dataclass(slots=True)(cls)
