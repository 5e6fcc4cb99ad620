"""Costs: what an answer may take before it is there, and what it took. Pure.

Tokens of prompts are not counted here, which would need each Model's own tokenizer: a token is at least one byte, and
about four in the long run.
"""

from collections.abc import Sequence
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from control_plane.spec.snapshots import CompiledPrice
from routers.call import Call
from routers.record import record

BYTES_A_TOKEN = 4
"""Of an estimate."""
TEMPLATE_TOKENS = 256
"""Most that a chat template puts around a conversation, beyond what its JSON already has in bytes."""
CONTEXT_TOKENS = 131_072
"""Of a prompt whose tokens cannot be told from its bytes, where the Model's price names no `contextTokens`."""
PICODOLLARS = 1_000_000
"""A microdollar's."""

LIMITS = {
    Operation.CHAT: ("max_completion_tokens", "max_tokens"),
    Operation.COMPLETIONS: ("max_tokens",),
}
"""Where a request says how long its answer may be. Of two that it names, the larger counts."""
_COUNTS = {Operation.CHAT: ("n",), Operation.COMPLETIONS: ("n", "best_of")}
_ALL_COUNTS = frozenset({"n", "best_of"})
# Their names alone: by its class, each look costs 0.1 µs in Python 3.11, and a request needs two dozen.
_CHAT, _COMPLETIONS, _EMBEDDINGS, _INFER = (
    Operation.CHAT,
    Operation.COMPLETIONS,
    Operation.EMBEDDINGS,
    Operation.INFER,
)


@record
class Use:
    """What an answer takes."""

    tokens: int
    microdollars: int


def largest(uses: Sequence[Use]) -> Use:
    """The most tokens and the most money of any."""
    return Use(max(each.tokens for each in uses), max(each.microdollars for each in uses))


def use(price: CompiledPrice, prompt_tokens: int, answer_tokens: int) -> Use:
    """So many tokens at this price; a part of a microdollar is a whole one."""
    picodollars = prompt_tokens * price.input_picodollars_per_token + answer_tokens * price.output_picodollars_per_token
    return Use(prompt_tokens + answer_tokens, -(-picodollars // PICODOLLARS))


def most(call: Call, price: CompiledPrice) -> Use:
    """The most that an answer can take of a Model that keeps to the request's `max_tokens`, or else to its own.

    Raises TiermeshError(INVALID_REQUEST) where the request's own limits are no numbers.
    """
    operation = call.operation
    if operation is _INFER:
        return Use(0, 0)
    prompts = _prompts(call)
    prompt = len(call.body) + (TEMPLATE_TOKENS + price.added_tokens) * prompts
    if operation is _CHAT and not _is_text(call.fields["messages"]):
        prompt = max(prompt, price.context_tokens or CONTEXT_TOKENS)
    if price.context_tokens is not None and operation is not _EMBEDDINGS:
        prompt = min(prompt, price.context_tokens * prompts)
    return use(price, prompt, _answer_tokens(call, price, prompts, strict=True))


def estimate(call: Call, price: CompiledPrice) -> Use:
    """About what an answer takes."""
    if call.operation is _INFER:
        return Use(0, 0)
    return use(price, prompt_estimate(call), _answer_tokens(call, price, _prompts(call), strict=False))


def prompt_estimate(call: Call) -> int:
    """About how many tokens the prompt has."""
    return -(-len(call.body) // BYTES_A_TOKEN)


def _answer_tokens(call: Call, price: CompiledPrice, prompts: int, strict: bool) -> int:
    names = LIMITS.get(call.operation)
    if names is None:
        return 0
    answers = prompts
    if not _ALL_COUNTS.isdisjoint(call.fields):
        answers *= _largest(call, _COUNTS[call.operation], strict) or 1
    return (_largest(call, names, strict) or price.output_tokens) * answers


def _largest(call: Call, names: tuple[str, ...], strict: bool) -> int:
    """Of the numbers that the request gives by these names; 0 where it gives none."""
    largest = 0
    for name in names:
        value = call.fields.get(name)
        if value is None:
            continue
        if type(value) is int and value > 0:
            largest = max(largest, value)
        elif strict:
            message = f"{name} must be a whole number of at least 1: it bounds what this request may cost."
            raise TiermeshError(Code.INVALID_REQUEST, message, f"Correct {name}.", param=name)
    return largest


def _prompts(call: Call) -> int:
    """Completions take several prompts at once, each a string or a list of tokens."""
    if call.operation is not _COMPLETIONS:
        return 1
    prompt = call.fields.get("prompt")
    return len(prompt) if isinstance(prompt, list) and not isinstance(prompt[0], int) else 1


def _is_text(messages: list[dict[str, Any]]) -> bool:
    """Whether a conversation's tokens are all in its bytes; images and files may stand behind a short name."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            for part in content:
                if not isinstance(part, dict) or part.get("type") != "text":
                    return False
    return True
