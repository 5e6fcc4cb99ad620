"""Prompt: what is said to a model. Templates are written as MLflow writes them: `{{variable}}`.

Pure: a template is parsed once and filled in many times. A value is put in as it is and never read again, so that it
can bring neither a variable nor a role of its own.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.learned import LearnedRouter
from control_plane.spec.versions import AliasName, ModelPins, VersionNumber

if TYPE_CHECKING:
    from control_plane.spec.arms import Override  # which names prompts

INPUT = "input"
"""The variable that stands for what the caller asks. Its value comes from the request's own messages."""
MAX_TEMPLATE_CHARACTERS = 100_000
"""Of a template as MLflow stores it: a text as it is, messages as JSON in ASCII."""
MAX_FORMAT_CHARACTERS = 50_000
"""Of a response format, as JSON."""
MAX_FORMAT_LEVELS = 50
"""Of lists and objects in each other in a response format: it is written into every request."""

_VARIABLE_NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_VARIABLE = re.compile(r"\{\{\s*(" + _VARIABLE_NAME + r")\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}|\{|\}")
_SCHEMA_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_SCHEMA_WORDS = frozenset({"$ref", "properties", "anyOf", "oneOf", "allOf", "enum", "const"})
_FORMAT_TYPES = ("text", "json_object", "json_schema")


PromptName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$")]
"""As MLflow allows; a document's own name is narrower."""
Alias = AliasName
VariableName = Annotated[str, Field(pattern=f"^{_VARIABLE_NAME}$", max_length=100)]
Version = VersionNumber


class Speaker(StrEnum):
    """Who says a message of a template."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with places for values."""

    parts: tuple[str, ...]
    """Text, variable, text, variable … text."""

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Raises ValueError with line and column where braces do not balance or hold no variable's name."""
        _refuse_unbalanced(text)
        return cls(tuple(_VARIABLE.split(text)))

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables, in the order in which they first stand in the text."""
        return tuple(dict.fromkeys(self.parts[1::2]))

    def size(self, values: Mapping[str, str]) -> int:
        """How many characters `fill` makes."""
        return sum(map(len, self.parts[::2])) + sum(len(values[name]) for name in self.parts[1::2])

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with the values in their places. Raises KeyError with the name of one that is missing."""
        parts = list(self.parts)
        parts[1::2] = [values[name] for name in parts[1::2]]
        return "".join(parts)


def _parsed(text: str) -> str:
    Pattern.parse(text)
    return text


Text = Annotated[str, Field(min_length=1), AfterValidator(_parsed)]
"""A text with variables, of which each parses."""


class Message(Spec):
    """One message of a chat template."""

    role: Speaker
    content: Text


def variables(template: "Template") -> tuple[str, ...]:
    """The variables of all messages, in the order in which they first stand there."""
    found = (Pattern.parse(message.content).variables for message in template.messages)
    return tuple(dict.fromkeys(name for names in found for name in names))


class Template(Spec):
    """What one version of a prompt says: a text, or the messages of a chat."""

    template: Text | None = None
    """A text: in a chat one message, of the user where it holds {{input}} and else of the system."""
    chat: tuple[Message, ...] | None = Field(default=None, min_length=1, max_length=64)
    """The messages that a chat begins with."""
    response_format: dict[str, Any] | None = None
    """A JSON schema, or an OpenAI `response_format`: for chats that name none themselves."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.template is None) == (self.chat is None):
            raise ValueError("exactly one of template (a text) and chat (a list of messages) must be given")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        stored = self.template if self.chat is None else json.dumps([one.model_dump() for one in self.chat])
        if stored is not None and len(stored) > MAX_TEMPLATE_CHARACTERS:
            raise ValueError(f"has {len(stored)} characters as MLflow stores it; {MAX_TEMPLATE_CHARACTERS} fit")
        places = 0
        for index, message in enumerate(self.messages):
            inputs = sum(found[1] == INPUT for found in _VARIABLE.finditer(message.content))
            places += inputs
            if inputs and message.role is not Speaker.USER:
                where = f"chat[{index}].content"
                raise ValueError(f"{where}: {{{{input}}}} is what the user says: put it into a message of role user")
        if places > 1:
            raise ValueError(f"{{{{input}}}} stands {places} times; once is what a request can fill")
        return self

    @model_validator(mode="after")
    def _is_a_format(self) -> Self:
        if self.response_format is not None:
            _check_format(self.response_format)
        return self

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of a chat that begins with it."""
        if self.chat is not None:
            return self.chat
        text = self.template or ""
        asks = any(found[1] == INPUT for found in _VARIABLE.finditer(text))
        return (Message.model_construct(role=Speaker.USER if asks else Speaker.SYSTEM, content=text),)

    def said(self) -> dict[str, Any]:
        """All that decides what a model is told, as it is written."""
        fields = {"template", "chat", "response_format"}
        return self.model_dump(mode="json", include=fields, exclude_none=True)


class PromptSpec(Template):
    """What a Prompt document says. Applying it registers a version in MLflow where the newest says something else."""

    message: str = Field(default="", max_length=1000)
    """Why, as in a commit message; kept beside the version."""


class RoutePrompt(Spec):
    """The prompt that a Route puts before what its callers say."""

    name: PromptName
    alias: Alias | None = None
    """Follows the alias: whoever moves it changes what is said."""
    version: Version | None = None
    """Stays at this version."""
    variables: dict[VariableName, Annotated[str, Field(max_length=10_000)]] = Field(
        default_factory=dict, max_length=100
    )
    """Values where the request gives none."""

    @model_validator(mode="after")
    def _one_reference(self) -> Self:
        if (self.alias is None) == (self.version is None):
            raise ValueError("exactly one of alias and version must be given")
        if INPUT in self.variables:
            raise ValueError(f"variables.{INPUT} is what the caller asks: it has no default")
        return self

    @property
    def reference(self) -> str:
        """How it is written in one word: `support@production` or `support/3`."""
        return reference(self.name, self.alias, self.version)


def reference(name: str, alias: str | None = None, version: int | None = None) -> str:
    """A prompt's alias or version in one word."""
    return f"{name}@{alias}" if alias is not None else f"{name}/{version}"


class PinnedPrompt(Template):
    """One immutable version of a prompt, by its content."""

    name: PromptName
    version: Version


class CompiledPrompt(PinnedPrompt):
    """A Route's prompt as a router sees it."""

    alias: Alias | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    """Values where the request gives none."""
    sha256: str
    """Of what the version says."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What is decided outside `compile`: what references were resolved to, and how far Experiments and Rollouts are.

    These are by kind and qualified name: `Experiment/shop`, `Rollout/team/shop`.
    """

    prompts: Mapping[str, PinnedPrompt]
    """By `RoutePrompt.reference`."""
    models: ModelPins = field(default_factory=dict)
    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Of each arm, in place of what an Experiment says. A Rollout has arms only while it stands here."""
    mirrors: Mapping[str, float] = field(default_factory=dict)
    """Of a Rollout under way: the percentage of the stable arm's requests of which the candidate sees a copy."""
    overrides: Mapping[str, "Override"] = field(default_factory=dict)
    """What the candidate of a Rollout does that says none itself: one that follows changes."""
    routers: Mapping[str, LearnedRouter] = field(default_factory=dict)
    """What artifacts say, by the names that Routes write."""
    broken: frozenset[str] = frozenset()
    """The promises that can no longer be believed: `control_plane.spec.routes.promise_of`."""


NO_PINS = Pins({})


def openai_format(name: str, said: dict[str, Any]) -> dict[str, Any]:
    """A response format as chats ask for it; `name` is the prompt's."""
    if said.get("type") in _FORMAT_TYPES:
        return said
    named = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64]
    return {"type": "json_schema", "json_schema": {"name": named, "schema": said}}


def _check_format(said: dict[str, Any]) -> None:
    try:
        written = json.dumps(said, ensure_ascii=False, allow_nan=False)
        written.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"responseFormat: cannot be written as JSON: {error}") from None
    if len(written) > MAX_FORMAT_CHARACTERS:
        raise ValueError(f"responseFormat: has {len(written)} characters as JSON; {MAX_FORMAT_CHARACTERS} fit")
    if _levels(said) > MAX_FORMAT_LEVELS:
        raise ValueError(f"responseFormat: nests deeper than {MAX_FORMAT_LEVELS} levels")
    kind = said.get("type")
    if isinstance(kind, str) and kind in _FORMAT_TYPES:
        inner = said.get("json_schema")
        if kind == "json_schema" and not (isinstance(inner, dict) and isinstance(inner.get("schema"), dict)):
            raise ValueError("responseFormat: json_schema must be an object with name and schema")
        return
    kinds = kind if isinstance(kind, list) else [] if kind is None else [kind]
    if not all(isinstance(one, str) and one in _SCHEMA_TYPES for one in kinds):
        raise ValueError(f"responseFormat: type must be one of {', '.join(sorted({*_SCHEMA_TYPES, *_FORMAT_TYPES}))}")
    if not kinds and _SCHEMA_WORDS.isdisjoint(said):
        raise ValueError("responseFormat: is neither a JSON schema (no type) nor an OpenAI response_format")


def _levels(value: Any) -> int:
    """How deep lists and objects stand in each other; the levels are bounded by what JSON could write."""
    level, found = 0, [value]
    while found := [inner for one in found if isinstance(one, (dict, list)) for inner in _members(one)]:
        level += 1
    return level


def _members(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _refuse_unbalanced(text: str) -> None:
    if "{%" in text and "%}" in text:
        raise ValueError(f"{_place(text, text.index('{%'))}: Jinja2's {{% … %}} is not supported: write text")
    rest = _VARIABLE.sub(lambda found: "\0" * len(found[0]), text)  # every place stays where it is
    depth = 0
    for found in _BRACES.finditer(rest):
        brace = found[0]
        if brace == "{{":
            cure = "write {{name}} with letters, digits, '_' and '.', or put a space between braces that are text"
            raise ValueError(f"{_place(text, found.start())}: {{{{ begins no variable: {cure}")
        if brace == "}}" and depth < 2:
            cure = "open it with {{, or put a space between braces that are text"
            raise ValueError(f"{_place(text, found.start())}: }}}} closes no variable: {cure}")
        depth = max(0, depth + {"{": 1, "}": -1, "}}": -2}[brace])


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"
