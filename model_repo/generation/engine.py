"""What a generating engine is: token ids in, pieces of text out."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from model_repo.openai import Finish


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose the next token, and when to stop."""

    max_tokens: int
    temperature: float = 1.0
    """0 takes the likeliest token always."""
    top_p: float = 1.0
    seed: int | None = None
    stops: tuple[str, ...] = ()
    """Texts that end the answer and are not part of it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """More of an answer."""

    text: str
    tokens: int
    """Tokens generated so far."""
    finish: Finish | None = None
    """Set on the last piece, and only there."""


class Engine(Protocol):
    """A loaded model. Closing the iterator of `generate`, or cancelling the task that reads it, stops its work."""

    def generate(self, prompt: Sequence[int], sampling: Sampling, adapter: str | None = None) -> AsyncGenerator[Piece]:
        """Continue the prompt, through one of the adapters that the engine was loaded with where it is named."""
        ...

    async def check(self) -> None:
        """Raises where the engine cannot go on; its replica is then replaced."""
        ...

    def close(self) -> None:
        """Give back memory and processes."""
        ...
