"""OpenAI's own types."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter


@cache
def openais(name: str) -> TypeAdapter[Any]:
    """One of those of the Responses API."""
    import openai.types.responses  # deferred: it takes seconds, and only the process that runs these tests needs it

    return TypeAdapter(getattr(openai.types.responses, name))
