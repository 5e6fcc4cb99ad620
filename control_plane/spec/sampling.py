"""Sampling: how Models draw their answers, where a Route or an arm decides it rather than the caller."""

from typing import Any, Literal

from pydantic import Field

from control_plane.spec.base import Spec


class Sampling(Spec):
    """How a Model draws its answer. What stands here takes the place of what the caller says, in chats and
    completions."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    """Not every Model knows it."""
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    """In chats, of Models that think."""

    def fields(self) -> dict[str, Any]:
        """As a request's body says it."""
        return self.model_dump(by_alias=False, exclude_none=True)
