"""From a request to the token ids that the model reads, and to how it may answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Generation
from model_repo import openai
from model_repo.generation.engine import Sampling

Search = Callable[[str], Awaitable[list[str]]]
"""A question -> passages that may answer it, nearest first."""

_PASSAGES = "Use these passages where they answer the question:"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What goes into the engine."""

    tokens: list[int]
    sampling: Sampling


class Prompts:
    """Builds prompts with a model's own tokenizer and chat template."""

    def __init__(
        self, tokenizer: Any, generation: Generation, defaults: Sampling, search: Search | None = None
    ) -> None:
        self._tokenizer = tokenizer
        self._generation = generation
        self._defaults = defaults
        self._search = search

    @classmethod
    def load(cls, weights: Path, generation: Generation, search: Search | None = None) -> "Prompts":
        """The tokenizer, and the sampling that the model's authors recommend, from a folder of weights."""
        from transformers import AutoTokenizer, GenerationConfig  # deferred: seconds to import

        recommended = (
            GenerationConfig.from_pretrained(weights) if (weights / "generation_config.json").is_file() else None
        )
        defaults = Sampling(
            generation.output_tokens,
            getattr(recommended, "temperature", None) or 1.0,
            getattr(recommended, "top_p", None) or 1.0,
        )
        return cls(AutoTokenizer.from_pretrained(weights), generation, defaults, search)

    async def chat(self, request: openai.ChatRequest) -> Prompt:
        """A chat as the model's template writes it, with the system prompt and the passages for its last question."""
        messages = [
            {"role": "system" if message.role == "developer" else message.role, "content": message.text}
            for message in request.messages
        ]
        if self._generation.system_prompt and messages[0]["role"] != "system":
            messages.insert(0, {"role": "system", "content": self._generation.system_prompt})
        asked = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
        if self._search is not None and asked.strip():
            messages = with_passages(messages, await self._search(asked))
        ids = self._template(messages)
        return Prompt(ids, self._sampling(request, request.max_completion_tokens or request.max_tokens, len(ids)))

    def completion(self, request: openai.CompletionRequest) -> Prompt:
        """A text to go on with, as it stands."""
        ids = list(self._tokenizer(request.prompt)["input_ids"])
        return Prompt(ids, self._sampling(request, request.max_tokens, len(ids)))

    def _template(self, messages: list[dict[str, str]]) -> list[int]:
        from jinja2 import TemplateError

        if not self._tokenizer.chat_template:
            message = "This model has no chat template."
            raise TiermeshError(Code.INVALID_REQUEST, message, "Ask it at /v1/completions.", param="messages")
        try:
            encoded = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
        except TemplateError as error:
            message = f"The model's chat template refuses these messages: {error}."
            raise TiermeshError(Code.INVALID_REQUEST, message, param="messages") from error
        return list(encoded["input_ids"])

    def _sampling(self, request: openai.Sampled, most: int | None, length: int) -> Sampling:
        context = self._generation.context_tokens
        room = context - length
        if room < (most or 1):
            field = "messages" if isinstance(request, openai.ChatRequest) else "prompt"
            wanted = f" and {most} were asked for" if most else ""
            message = f"The prompt has {length} tokens{wanted}; this model's context holds {context}."
            raise TiermeshError(
                Code.INVALID_REQUEST, message, "Shorten the prompt, or ask for fewer tokens.", param=field
            )
        return Sampling(
            min(most or self._defaults.max_tokens, room),
            self._defaults.temperature if request.temperature is None else request.temperature,
            self._defaults.top_p if request.top_p is None else request.top_p,
            request.seed,
            request.stops,
        )


def with_passages(messages: Sequence[dict[str, str]], passages: Sequence[str]) -> list[dict[str, str]]:
    """The messages with the passages at the end of the system message, which is added where there is none."""
    if not passages:
        return list(messages)
    listed = "\n".join([_PASSAGES, *(f"- {passage}" for passage in passages)])
    first, rest = messages[0], list(messages[1:])
    if first["role"] != "system":
        return [{"role": "system", "content": listed}, *messages]
    return [{"role": "system", "content": f"{first['content']}\n\n{listed}"}, *rest]
