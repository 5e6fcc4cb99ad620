"""Memory: what functions made of arguments, kept from one round to the next, so that an edit costs what it changes."""

from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class Memory:
    """Calls pure functions on frozen values, each once as long as every round asks for it with the same objects.

    Values are told apart by identity, which takes no time: an equal one that is read anew is only made anew. A function
    sees its arguments alone, so what is remembered is what it would say again. For one thread at a time.
    """

    def __init__(self) -> None:
        self._before: dict[tuple[object, ...], tuple[Any, Any]] = {}
        self._now: dict[tuple[object, ...], tuple[Any, Any]] = {}

    def keep(self) -> None:
        """A round ends well: what it did not ask for is forgotten."""
        self._before, self._now = self._now, {}

    def drop(self) -> None:
        """A round came to nothing: what only it made is forgotten, unless it was the first."""
        self._before, self._now = self._before or self._now, {}

    def __call__(self, make: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """`make(*arguments)`, or what it was the last time."""
        key = (make, *map(id, arguments))
        kept = self._now.get(key) or self._before.get(key)
        # The arguments are kept too: as long as they live, no other object has their ids.
        value: T = kept[1] if kept else make(*arguments)
        self._now[key] = kept or (arguments, value)
        return value
