"""Prompting: a Route's prompt, filled in and put before what the caller says. Pure.

A prompt is parsed once for each snapshot and filled in once for each call; retries, hedges and the shadow get the same
call. Values stand inside one message's content, which is written as JSON: none can begin another message or name a
role, and what they hold is not read again, so that `{{name}}` in a value is text.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from control_plane.spec.base import nearest
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from control_plane.spec.prompts import INPUT, CompiledPrompt, Pattern, openai_format, variables
from routers.call import Call
from routers.protocols.openai import wrong
from routers.reasons import Reason

FIELD = "tiermesh"
"""Of a request: `{"variables": {NAME: VALUE}}`. No Model sees it."""
VARIABLES = "variables"
MAX_CHARACTERS = 4_000_000
"""Of a prompt filled in: a long value that stands in many places would make megabytes into gigabytes."""

_PROMPTED = (Operation.CHAT, Operation.COMPLETIONS)
_MAX_NAME_CHARACTERS = 100

Message = dict[str, Any]


class Prompted(NamedTuple):
    """A call with its prompt, or with what an arm has it say."""

    call: Call
    """What Models read."""
    asked: Mapping[str, Any]
    """What its complexity is taken from: the caller's own words, since a prompt is the same for easy and hard
    requests, and the answer's format."""
    prompt: "Prompt | None" = None


class Turn(NamedTuple):
    """One message of a prompt."""

    role: str
    pattern: Pattern
    asks: bool
    """Whether it holds what the caller asks."""


class Prompt:
    """A Route's prompt, parsed."""

    __slots__ = ("_defaults", "_is_text", "_known", "_turns", "format", "header", "reason")

    def __init__(self, compiled: CompiledPrompt) -> None:
        self._turns = tuple(
            Turn(message.role.value, pattern, INPUT in pattern.variables)
            for message in compiled.messages
            for pattern in (Pattern.parse(message.content),)
        )
        self._is_text = compiled.chat is None
        self._known = tuple(name for name in variables(compiled) if name != INPUT)
        self._defaults = dict(compiled.variables)
        said = compiled.response_format
        self.format = None if said is None else openai_format(compiled.name, said)
        """The `response_format` of chats that name none."""
        self.header = f"x-tiermesh-prompt: {compiled.name}@{compiled.version}\r\n"
        by = f" by its alias {compiled.alias!r}" if compiled.alias else ""
        self.reason = Reason("prompt", f"version {compiled.version} of prompt {compiled.name!r}{by}")

    def takes(self, operation: Operation) -> bool:
        """Whether it stands before calls of this operation."""
        return operation in _PROMPTED

    def apply(self, call: Call) -> Prompted | None:
        """The call with this prompt; None where its operation takes none.

        Raises TiermeshError(INVALID_REQUEST) with the variable that is missing, unknown or of a wrong type.
        """
        if not self.takes(call.operation):
            if FIELD in call.fields:
                raise wrong(FIELD, f"must not stand here: {call.operation.value} take no prompt")
            return None
        fields = dict(call.fields)
        values = self._values(fields.pop(FIELD, None))
        if call.operation is Operation.CHAT:
            fields["messages"] = self._conversation(fields["messages"], values)
            if self.format is not None and fields.get("response_format") is None:
                fields["response_format"] = self.format
        else:
            fields["prompt"] = self._completion(fields["prompt"], values)
        asked = call.fields
        if "response_format" in fields:
            asked = {**asked, "response_format": fields["response_format"]}
        return Prompted(call.saying(fields), asked, self)

    def _values(self, given: Any) -> dict[str, str]:
        """Every variable's value: the request's, or else the Route's."""
        values = {**self._defaults, **self._given(given)}
        for name in self._known:
            if name not in values:
                hint = f'Send {{"{FIELD}": {{"{VARIABLES}": {{"{name}": …}}}}}}, or give it a default in the Route.'
                message = f"The prompt of this model needs the variable {name!r}."
                raise TiermeshError(Code.INVALID_REQUEST, message, hint, param=_path(name))
        return values

    def _given(self, given: Any) -> dict[str, str]:
        if given is None:
            return {}
        if not isinstance(given, dict):
            raise wrong(FIELD, "must be an object with variables")
        for name in given:
            if name != VARIABLES:
                raise wrong(f"{FIELD}.{name[:_MAX_NAME_CHARACTERS]}", f"is unknown; {FIELD} holds {VARIABLES} alone")
        said = given.get(VARIABLES)
        if said is None:
            return {}
        if not isinstance(said, dict):
            raise wrong(f"{FIELD}.{VARIABLES}", "must be an object of texts by name")
        return {name: self._text(name, value) for name, value in said.items()}

    def _text(self, name: str, value: Any) -> str:
        if name not in self._known:
            raise self._unknown(name[:_MAX_NAME_CHARACTERS])
        if isinstance(value, str):
            return value
        if not isinstance(value, int | float):
            raise wrong(_path(name), "must be a text, a number, true or false")
        return orjson.dumps(value).decode()

    def _unknown(self, name: str) -> TiermeshError:
        if name == INPUT:
            return wrong(_path(name), "is what the messages ask: it has no value of its own")
        near = nearest(name, list(self._known))
        hint = f"Did you mean {near!r}?" if near else f"It has: {', '.join(self._known) or 'none'}."
        message = f"The prompt of this model has no variable {name!r}."
        return TiermeshError(Code.INVALID_REQUEST, message, hint, param=_path(name))

    def _conversation(self, messages: list[Message], values: dict[str, str]) -> list[Message]:
        """The prompt's messages, then the caller's. Where one of the prompt's holds {{input}}, it stands in the place
        of the caller's last question, with the turns before that one before it."""
        at = next((place for place, turn in enumerate(self._turns) if turn.asks), None)
        if at is None:
            return [*self._filled(self._turns, values), *messages]
        last = next((place for place in range(len(messages) - 1, -1, -1) if messages[place]["role"] == "user"), None)
        if last is None:
            raise wrong("messages", "must hold a message of the user: the prompt of this model answers it")
        question = messages[last]
        text, others = _split(question.get("content"), f"messages[{last}].content")
        (asking,) = self._filled(self._turns[at : at + 1], {**values, INPUT: text})
        if others:
            asking["content"] = [{"type": "text", "text": asking["content"]}, *others]
        before, after = self._filled(self._turns[:at], values), self._filled(self._turns[at + 1 :], values)
        return [*before, *messages[:last], {**question, **asking}, *after, *messages[last + 1 :]]

    def _completion(self, prompt: Any, values: dict[str, str]) -> Any:
        if not self._is_text:
            message = "The prompt of this model is a chat; a completion has no roles."
            raise TiermeshError(Code.INVALID_REQUEST, message, "Send it to /v1/chat/completions.", param="model")
        if isinstance(prompt, str):
            return self._continued(prompt, values)
        if not all(isinstance(one, str) for one in prompt):
            raise wrong("prompt", "must be text: tokens cannot be put behind the prompt of this model")
        return [self._continued(one, values) for one in prompt]

    def _continued(self, text: str, values: dict[str, str]) -> str:
        (turn,) = self._turns
        (message,) = self._filled(self._turns, {**values, INPUT: text})
        content: str = message["content"]
        return content if turn.asks else f"{content}\n\n{text}"

    def _filled(self, turns: tuple[Turn, ...], values: dict[str, str]) -> list[Message]:
        if sum(turn.pattern.size(values) for turn in turns) > MAX_CHARACTERS:
            message = f"The prompt with these variables is longer than {MAX_CHARACTERS} characters."
            raise TiermeshError(Code.BODY_TOO_LARGE, message, "Send shorter values.", param=f"{FIELD}.{VARIABLES}")
        return [{"role": turn.role, "content": turn.pattern.fill(values)} for turn in turns]


def _split(content: Any, where: str) -> tuple[str, list[Any]]:
    """A message's text, and its parts that are none."""
    if isinstance(content, str):
        return content, []
    if content is None:
        raise wrong(where, "must hold a text: the prompt of this model answers it")
    texts, others = [], []
    for part in content:
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            others.append(part)
    return "\n".join(texts), others


def _path(name: str) -> str:
    return f"{FIELD}.{VARIABLES}.{name}"
